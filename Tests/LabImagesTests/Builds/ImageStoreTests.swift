import Glibc
import LabImages
import LabModel
import Testing

@Suite struct ImageStoreTests {
    private static let disk = ByteCount(bytes: 32 << 20)

    /// A small tree as a tar: two kernels, an initial ramdisk, a program, links.
    private func archive(_ scratch: Scratch, _ name: String = "root.tar", flags: String = "") throws {
        try scratch.shell(
            """
            mkdir -p t/boot t/usr/bin t/etc; ln -s usr/bin t/bin
            echo old >t/boot/vmlinuz-6.1.0-9; echo new >t/boot/vmlinuz-6.1.0-10; echo ram >t/boot/initrd.img-6.1.0-10
            head -c 300000 /dev/zero | tr '\\0' x >t/usr/bin/tool; chmod 4755 t/usr/bin/tool; ln t/usr/bin/tool t/usr/bin/second
            find t -exec touch -hd @1700000000 {} +
            tar c\(flags) --sort=name --owner=0 --group=0 -f \(name) -C t .
            rm -r t
            """)
    }

    private func recipe(
        _ scratch: Scratch, _ name: String = "root.tar", sha256: Digest? = nil, disk: ByteCount? = disk, files: [ImageRecipe.File] = []
    ) -> ImageRecipe {
        Recipes.image(
            source: .archive(path: name, sha256: sha256?.description), initrd: "/boot/initrd.img-*", disk: disk, files: files,
            folder: scratch.path)
    }

    private func store(_ scratch: Scratch) -> ImageStore { ImageStore(paths: scratch.paths) }

    @Test func `an archive becomes a disk that e2fsck has nothing to say about`() throws {
        let scratch = try Scratch()
        try archive(scratch, flags: "z")
        try scratch.write("greeting", "from a file\n")
        let files: [ImageRecipe.File] = [
            .init(to: "/etc/motd", content: .text("hello\n"), mode: 0o600),
            .init(to: "/srv/deep/app", content: .from(path: "greeting"), mode: 0o755),
            .init(to: "/etc/link", content: .symlink(target: "motd"), mode: 0o777),
            .init(to: "/bin/added", content: .text(""), mode: 0o755),
        ]
        let image = try store(scratch).build(recipe(scratch, files: files))
        #expect(try Folder.read(try #require(image.kernel), limit: 100) == Array("new\n".utf8))
        #expect(try Folder.read(try #require(image.initrd), limit: 100) == Array("ram\n".utf8))
        #expect(image.manifest.kernel?.origin == "/boot/vmlinuz-6.1.0-10")
        let disk = try #require(image.disk)
        try scratch.shell("e2fsck -fn \(disk) >check 2>&1 || { cat check >&2; exit 1; }")
        func debugfs(_ request: String) throws -> String { try scratch.shell("debugfs -R '\(request)' \(disk) 2>/dev/null") }
        #expect(try debugfs("cat /etc/motd") == "hello\n")
        #expect(try debugfs("cat /srv/deep/app") == "from a file\n")
        #expect(try debugfs("stat /etc/motd").contains("Mode:  0600"))
        #expect(try debugfs("stat /usr/bin/tool").contains("Mode:  04755"))
        #expect(try debugfs("stat /etc/link").contains("Fast link dest: \"motd\""))
        // The path went through the image's own link.
        #expect(try debugfs("stat /usr/bin/added").contains("Type: regular"))
        #expect(image.manifest.disk?.size == 32 << 20)
    }

    @Test func `a second build changes nothing, and so does another process's`() throws {
        let scratch = try Scratch()
        try archive(scratch)
        var phases: [ImageProgress] = []
        let first = try store(scratch).build(recipe(scratch)) { phases.append($0) }
        #expect(phases.contains(.finishing) && phases.last == .done(key: first.key))
        let before = try scratch.shell("find home -type f -printf '%p %T@ %i\\n' | sort")
        phases = []
        #expect(try store(scratch).build(recipe(scratch)) { phases.append($0) } == first)
        #expect(phases == [.done(key: first.key)])
        #expect(try scratch.shell("find home -type f -printf '%p %T@ %i\\n' | sort") == before)
        #expect(store(scratch).lookup(first.key) == first)
        #expect(try store(scratch).key(of: recipe(scratch)) == first.key)
    }

    @Test func `one content is one disk, whatever it was packed with`() throws {
        let scratch = try Scratch()
        var contents: Set<Digest> = []
        for (index, flags) in ["", "z", "J", " --zstd", "j"].enumerated() {
            try archive(scratch, "root\(index).tar", flags: flags)
            let image = try store(scratch).build(recipe(scratch, "root\(index).tar"))
            contents.insert(try #require(image.manifest.disk?.contents))
        }
        #expect(contents.count == 1)
        #expect(Folder.names(scratch.file("home/cache/images")).count == 5)
    }

    @Test func `every input has a say in the key, and nothing else has`() throws {
        let scratch = try Scratch()
        try archive(scratch)
        try scratch.write("file", "one")
        let store = store(scratch)
        let plain = recipe(scratch)
        var variants = [plain]
        variants.append(recipe(scratch, disk: ByteCount(bytes: 64 << 20)))
        variants.append(recipe(scratch, files: [.init(to: "/a", content: .text("b"), mode: 0o644)]))
        variants.append(recipe(scratch, files: [.init(to: "/a", content: .text("b"), mode: 0o600)]))
        variants.append(recipe(scratch, files: [.init(to: "/a", content: .symlink(target: "b"), mode: 0o644)]))
        variants.append(recipe(scratch, files: [.init(to: "/a", content: .from(path: "file"), mode: 0o644)]))
        var other = plain
        other.boot.commandLine = "quiet"
        variants.append(other)
        other = plain
        other.disk?.journal = false
        variants.append(other)
        other = plain
        other.boot.initrd = nil
        variants.append(other)
        let keys = try variants.map { try store.key(of: $0) }
        #expect(Set(keys).count == variants.count)

        try scratch.shell("printf two >file")
        #expect(try store.key(of: variants[5]) != keys[5])
        try scratch.shell("mkdir elsewhere; mv root.tar elsewhere/moved.tar")
        #expect(try store.key(of: recipe(scratch, "elsewhere/moved.tar")) == keys[0])
        let digest = try FileDigest.digest(of: scratch.file("elsewhere/moved.tar"))
        // A pinned digest is the key's part of the archive: it need not even be there to plan.
        #expect(try store.key(of: recipe(scratch, "not-there.tar", sha256: digest)) == keys[0])
        // Planning has written nothing.
        #expect(access(scratch.file("home"), F_OK) != 0)
    }

    @Test func `an archive with a wrong digest is never an image, and both digests are told`() throws {
        let scratch = try Scratch()
        try archive(scratch, flags: "z")
        let found = try FileDigest.digest(of: scratch.file("root.tar"))
        let expected = SHA256.digest(of: [1, 2, 3])
        let error = #expect(throws: ImageError.self) { try store(scratch).build(recipe(scratch, sha256: expected)) }
        #expect(error?.problem == .digestMismatch(expected: expected, found: found))
        #expect(error?.exitStatus == 76)
        #expect(Folder.names(scratch.file("home/cache/images")) == [])
        _ = try store(scratch).build(recipe(scratch, sha256: found))
    }

    @Test func `an input that changes while the image is built gives no image`() throws {
        let scratch = try Scratch()
        try archive(scratch)
        try scratch.write("file", "one")
        let files = [ImageRecipe.File(to: "/a", content: .from(path: "file"), mode: 0o644)]
        let error = #expect(throws: ImageError.self) {
            try store(scratch).build(recipe(scratch, files: files)) { progress in
                if progress == .finishing { _ = try? scratch.shell("printf two >file") }
            }
        }
        #expect(error?.problem == .changed)
        #expect(Folder.names(scratch.file("home/cache/images")) == [])

        // The archive itself: other bytes behind the same name, seen by the digest of what was decoded.
        try scratch.shell(
            "head -c 20M /dev/urandom >pad; mkdir -p boot; echo k >boot/vmlinuz-1; echo r >boot/initrd.img-1; tar cf root.tar pad boot; cp root.tar other.tar; printf x | dd of=other.tar bs=1 seek=15000000 conv=notrunc status=none"
        )
        var isFirst = true
        let swapped = #expect(throws: ImageError.self) {
            try store(scratch).build(recipe(scratch)) { progress in
                guard case .reading = progress, isFirst else { return }
                isFirst = false
                _ = try? scratch.shell("cat other.tar >root.tar")
            }
        }
        // The decoder is a few megabytes ahead of the callback at most, and the change is further on.
        guard case .digestMismatch = swapped?.problem else {
            Issue.record("\(String(describing: swapped))")
            return
        }
        #expect(Folder.names(scratch.file("home/cache/images")) == [])
    }

    @Test func `a disk too small says what is needed`() throws {
        let scratch = try Scratch()
        try scratch.shell(
            "mkdir -p t/boot; echo k >t/boot/vmlinuz-1; echo r >t/boot/initrd.img-1; head -c 60M /dev/urandom >t/big; tar cf root.tar -C t .; rm -r t"
        )
        let error = #expect(throws: ImageError.self) { try store(scratch).build(recipe(scratch)) }
        guard case .diskTooSmall(let size, let needed) = error?.problem else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(size == Self.disk && needed.bytes > 60 << 20)
        #expect(error?.exitStatus == 65)
        // What it said is enough.
        let rounded = ByteCount(bytes: (needed.bytes + 4095) / 4096 * 4096)
        _ = try store(scratch).build(recipe(scratch, disk: rounded))
        #expect(Folder.names(scratch.file("home/cache/images")).count == 1)
    }

    @Test(arguments: [
        "../../etc/evil", "a/../../evil", "/../evil",
    ]) func `a path out of the image is refused by name`(path: String) throws {
        let scratch = try Scratch()
        try scratch.write("root.tar", PaxArchive.file(path, data: [1]))
        let error = #expect(throws: ImageError.self) { try store(scratch).build(recipe(scratch)) }
        guard case .refusedEntry(let text) = error?.problem else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(text.contains(path))
        #expect(Folder.names(scratch.file("home/cache/images")) == [])
        #expect(access("/etc/evil", F_OK) != 0 && access("/evil", F_OK) != 0)
    }

    @Test func `absolute paths and paths through links stay inside the image`() throws {
        let scratch = try Scratch()
        var link = PaxArchive.header("out", size: 0, type: "2")
        link.replaceSubrange(157..<161, with: "/etc".utf8)
        // The sum is over the header with spaces in the sum's own place.
        for index in 148..<156 { link[index] = 0x20 }
        let sum = String(link.reduce(0) { $0 + Int($1) }, radix: 8)
        link.replaceSubrange(148..<156, with: (String(repeating: "0", count: 6 - sum.utf8.count) + sum + "\0 ").utf8)
        let tar =
            link + PaxArchive.header("etc", size: 0, type: "5", mode: 0o755) + PaxArchive.file("out/evil", data: [0x41], end: false)
            + PaxArchive.file("/boot/vmlinuz-1", data: [0x4b], end: false) + PaxArchive.file("/boot/initrd.img-1", data: [0x52])
        try scratch.write("root.tar", tar)
        let image = try store(scratch).build(recipe(scratch))
        let disk = try #require(image.disk)
        #expect(try scratch.shell("debugfs -R 'cat /etc/evil' \(disk) 2>/dev/null") == "A")
        #expect(access("/etc/evil", F_OK) != 0)
        try scratch.shell("e2fsck -fn \(disk) >/dev/null 2>&1")
    }

    @Test func `what is missing is named`() throws {
        let scratch = try Scratch()
        try archive(scratch)
        func error(_ recipe: ImageRecipe) -> ImageError? {
            #expect(throws: ImageError.self) { try store(scratch).build(recipe) }
        }
        #expect(error(recipe(scratch, "none.tar"))?.description == "\(scratch.path)/none.tar: no such file")
        #expect(error(recipe(scratch, "none.tar"))?.exitStatus == 66)
        var other = recipe(scratch)
        other.boot.kernel = "/boot/bzImage-*"
        #expect(error(other)?.description.contains("no file matches /boot/bzImage-*") == true)
        #expect(error(recipe(scratch, files: [.init(to: "/a", content: .from(path: "none"), mode: 0o644)]))?.exitStatus == 66)
        other.boot.kernel = nil
        #expect(error(other)?.description.contains("boot.kernel") == true)
        #expect(error(Recipes.image(source: .archive(path: scratch.file("root.tar"), sha256: "12"), folder: "/"))?.exitStatus == 65)
        #expect(error(Recipes.image(source: .archive(path: "/etc", sha256: nil), folder: "/"))?.exitStatus == 65, "a folder")
        #expect(error(recipe(scratch, "/dev/zero"))?.exitStatus == 65)
    }

    @Test func `a bare kernel is its file`() throws {
        let scratch = try Scratch()
        try scratch.write("kernel.elf", [0x7f, 0x45, 0x4c, 0x46, 1, 2, 3])
        let image = try store(scratch).build(Recipes.image(source: .kernel(path: "kernel.elf"), kernel: nil, folder: scratch.path))
        #expect(try Folder.read(try #require(image.kernel), limit: 100) == [0x7f, 0x45, 0x4c, 0x46, 1, 2, 3])
        #expect(image.disk == nil && image.initrd == nil)
        #expect(image.manifest.kernel?.sha256 == SHA256.digest(of: [0x7f, 0x45, 0x4c, 0x46, 1, 2, 3]))
    }

    @Test func `an image that lost a file is built again`() throws {
        let scratch = try Scratch()
        try archive(scratch)
        let image = try store(scratch).build(recipe(scratch))
        for damage in [
            "rm \(image.folder.kernel)", "truncate -s 1M \(image.folder.disk)", "echo '{' >\(image.folder.manifest)",
            "rm \(image.folder.manifest)",
        ] {
            try scratch.shell(damage)
            #expect(store(scratch).lookup(image.key) == nil, "\(damage)")
            #expect(try store(scratch).build(recipe(scratch)) == image, "\(damage)")
        }
    }
}
