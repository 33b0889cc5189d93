import LabImages
import Testing

@Suite struct BootFilesTests {
    @Test func `versions compare as dpkg compares them`() throws {
        let names = [
            "6.1", "6.1.0-9", "6.1.0-10", "6.10", "6.9", "6.12~rc1", "6.12", "6.12-rc1", "6.1.0-56-cloud-amd64", "a", "", "6.01", "007",
        ]
        let scratch = try Scratch()
        for one in names {
            for other in names {
                // dpkg wants a digit first: a common prefix changes nothing.
                let answer = try scratch.shell("dpkg --compare-versions '0\(one)' lt '0\(other)' && echo yes || echo no")
                let ours = VersionOrder.isAscending(Array(("0" + one).utf8), Array(("0" + other).utf8))
                #expect(ours == (answer == "yes\n"), "\(one) < \(other)")
            }
        }
    }

    @Test(arguments: [
        ("/boot/vmlinuz-*", "./boot/vmlinuz-6.1", true), ("/boot/vmlinuz-*", "boot/vmlinuz-", true),
        ("/boot/vmlinuz-*", "/boot//vmlinuz-6.1", true), ("/boot/vmlinuz-*", "boot/vmlinuz-6.1/x", false),
        ("/boot/vmlinuz-*", "usr/boot/vmlinuz-6.1", false), ("/boot/vmlinuz", "boot/vmlinuz-6.1", false),
        ("/lib/*/*.ko", "lib/a/b.ko", true), ("/lib/*/*.ko", "lib/a/b/c.ko", false), ("/*a*b*c", "xaxbxc", true),
        ("/*a*b*c", "xaxbxd", false), ("", "boot", false),
    ])
    func `a star stands for anything but a slash`(pattern: String, path: String, matches: Bool) {
        #expect(FilePattern(pattern).matches(Array(path.utf8)) == matches)
    }

    private func feed(_ sink: BootFiles, _ path: String, _ kind: ArchiveEntry.Kind? = nil, _ text: String = "") throws {
        try sink.begin(ArchiveEntry(path: Array(path.utf8), kind: kind ?? .file(size: UInt64(text.utf8.count)), mode: 0o644))
        let bytes = Array(text.utf8)
        if !bytes.isEmpty { try sink.data(bytes.span.bytes, at: 0) }
        try sink.end()
    }

    @Test func `the highest version is kept, wherever it comes in the archive`() throws {
        let scratch = try Scratch()
        let sink = BootFiles([
            (FilePattern("/boot/vmlinuz-*"), scratch.file("kernel")), (FilePattern("/boot/initrd-*"), scratch.file("initrd")),
        ])
        try feed(sink, "./boot/vmlinuz-6.1.0-9", nil, "the old kernel, which is longer")
        try feed(sink, "./boot/vmlinuz-6.1.0-10", nil, "new")
        try feed(sink, "./boot/vmlinuz-6.1.0-8", nil, "older")
        try feed(sink, "./boot/initrd-1", nil, "ram")
        try feed(sink, "./boot/initrd-1", nil, "RAM")
        try feed(sink, "./boot/System.map", nil, "x")
        let found = try sink.found(in: "a.tar")
        #expect(found.map(\.origin) == ["/boot/vmlinuz-6.1.0-10", "/boot/initrd-1"])
        #expect(try Folder.read(scratch.file("kernel"), limit: 100) == Array("new".utf8))
        #expect(try Folder.read(scratch.file("initrd"), limit: 100) == Array("RAM".utf8))
    }

    @Test func `a kernel that is only a link is named in the error`() throws {
        let scratch = try Scratch()
        let sink = BootFiles([(FilePattern("/vmlinuz"), scratch.file("kernel"))])
        try feed(sink, "./vmlinuz", .symlink(target: Array("boot/vmlinuz-6.1".utf8)))
        let error = #expect(throws: ImageError.self) { try sink.found(in: "a.tar") }
        #expect(error?.description.contains("boot/vmlinuz-6.1") == true)
        #expect(error?.exitStatus == 65)
    }
}
