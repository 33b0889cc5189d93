import Glibc
import Host
import LabImages
import LabModel
import Testing

/// Files laid over an image: e2fsck judges every disk, debugfs reads it back.
@Suite struct EditorTests {
    private func image(mebibytes: UInt64 = 16, _ more: (inout Ext4Writer) throws -> Void = { _ in }) throws -> Disk {
        let disk = try Disk()
        try disk.build(mebibytes: mebibytes) { writer in
            try writer.add(.directory("etc"))
            try writer.add(.file("etc/hostname"), "debian\n")
            try writer.add(.file("etc/passwd"), "root:x:0:0::/root:/bin/sh\n")
            try more(&writer)
        }
        return disk
    }

    @Test func `files are added, replaced and linked, with all folders on the way`() throws {
        let disk = try image().edited(
            Layer([
                .text("/etc/hostname", "web\n"),
                .text("/etc/systemd/network/70-lan.network", "[Match]\n", mode: 0o600),
                .link("/etc/short", to: "/run/short"),
                .link("/etc/long", to: String(repeating: "very/", count: 40) + "long"),
                .text("/a/b/c/d/e/f/g/h/i/j/deep", "deep"),
                .text("/empty", "", mode: 0o4755),
                .text("/etc/hostname", "web again\n", mode: 0o640),
            ]))
        #expect(try disk.text("/etc/hostname") == "web again\n")
        #expect(try disk.text("/etc/passwd") == "root:x:0:0::/root:/bin/sh\n")
        #expect(try disk.text("/a/b/c/d/e/f/g/h/i/j/deep") == "deep")
        #expect(try disk.text("/empty") == "")
        #expect(try disk.debugfs("stat /etc/short").contains("Fast link dest: \"/run/short\""))
        #expect(try disk.content("/etc/long") == Array((String(repeating: "very/", count: 40) + "long").utf8))
        let listing = try disk.debugfs("ls -l /etc")
        for line in [" 100640 (1)      0      0      10 ", " 120777 (7)      0      0      10 ", " 120777 (7)      0      0     204 "] {
            #expect(listing.contains(line), "\(line) in \(listing)")
        }
        #expect(try disk.debugfs("ls -l /").contains(" 104755 (1)      0      0       0 "))
        #expect(try disk.debugfs("ls -l /etc/systemd").contains(" 40755 (2)      0      0    4096  1-Jan-1970"))
    }

    @Test func `links on the way lead inside the image and nowhere else`() throws {
        let base = try image { writer in
            try writer.add(.directory("usr/etc"))
            try writer.add(.symlink("relative", to: "usr/etc"))
            try writer.add(.symlink("absolute", to: "/usr/etc"))
            try writer.add(.symlink("up", to: "../../../../usr"))
            try writer.add(.symlink("usr/long", to: String(repeating: "./", count: 60) + "etc"))
            try writer.add(.symlink("dangling", to: "/srv/made"))
            try writer.add(.symlink("loop", to: "loop"))
            try writer.add(.symlink("etc/link", to: "/etc/passwd"))
        }
        let disk = try base.edited(
            Layer([
                .text("/relative/a", "a"), .text("/absolute/b", "b"), .text("/up/etc/c", "c"), .text("/up/long/d", "d"),
                .text("/dangling/e", "e"), .text("/etc/link", "a file now"), .text("//etc/./../etc/f", "f"),
            ]))
        for name in ["a", "b", "c", "d"] { #expect(try disk.text("/usr/etc/\(name)") == name) }
        #expect(try disk.text("/srv/made/e") == "e")
        #expect(try disk.text("/etc/f") == "f")
        #expect(try disk.text("/etc/link") == "a file now")
        #expect(try disk.text("/etc/passwd").hasPrefix("root:"))
        #expect(try base.refusal(Layer([.text("/loop/x", "")])) == .refused(path: "/loop/x", .tooManySymlinks(limit: 40)))
        #expect(try base.refusal(Layer([.text("/../x", "")])) == .refused(path: "/../x", .escapesRoot))
        #expect(
            try base.refusal(Layer([.text("/etc/passwd/x", "")]))
                == .refused(path: "/etc/passwd/x", .parentNotDirectory(component: Array("passwd".utf8))))
        #expect(try base.refusal(Layer([.text("/ok", ""), .text("/etc", "")])) == .isFolder(path: "/etc"))
        let long = String(repeating: "n", count: 256)
        #expect(try base.refusal(Layer([.text("/\(long)", "")])) == .refused(path: "/\(long)", .nameTooLong(bytes: 256, limit: 255)))
    }

    @Test func `a layer asks for the image as it was before`() throws {
        let base = try image { writer in
            try writer.add(.directory("etc/systemd"))
            try writer.add(.symlink("etc/resolv.conf", to: "/nowhere/stub"))
            try writer.add(.symlink("folder", to: "/etc/systemd"))
        }
        let disk = try base.edited(
            Layer([
                .text("/1", "", where: [.folder("/etc/systemd")]), .text("/2", "", where: [.folder("/folder")]),
                .text("/new/3", "", where: [.nothing("/new"), .nothing("/etc/none/at/all")]),
                .text("/4", "", where: [.noLink("/etc/hostname")]),
                .text("/5", "", where: [.noLink("/none")]),
                .text("/no1", "", where: [.folder("/etc/hostname")]), .text("/no2", "", where: [.folder("/new")]),
                .text("/no3", "", where: [.nothing("/etc/resolv.conf")]), .text("/no4", "", where: [.noLink("/etc/resolv.conf")]),
                .text("/no5", "", where: [.folder("/etc"), .nothing("/etc")]),
            ]))
        let listing = try disk.debugfs("ls -p /")
        for name in ["1", "2", "4", "5"] { #expect(listing.contains("/\(name)/0/"), "\(name) in \(listing)") }
        #expect(!listing.contains("/no"))
        #expect(try disk.debugfs("ls -p /new").contains("/3/"))
    }

    @Test func `what is replaced is given back, unless it has another name`() throws {
        let capability = ArchiveEntry.Attribute(name: Array("user.note".utf8), value: [UInt8](repeating: 7, count: 2000))
        let base = try image { writer in
            try writer.add(.file("big"), bytes: [UInt8](repeating: 1, count: 3 << 20))
            try writer.add(.file("shared"), bytes: [UInt8](repeating: 2, count: 9000))
            try writer.add(.hardlink("other", to: "shared"))
            for name in ["one", "two", "three"] { try writer.add(ArchiveEntry.file(name).with { $0.attributes = [capability] }, name) }
            // Every other block is a hole: more extents than an inode holds.
            try writer.begin(.file("holes"))
            for index in 0..<800 as Range<UInt64> { try writer.feed([1], at: index * 8192) }
            try writer.end()
        }
        let disk = try base.edited(
            Layer(["/big", "/shared", "/one", "/two", "/holes"].map { .text($0, "small") } + [.text("/three", "x"), .text("/more", "y")]))
        #expect(try disk.content("/other") == [UInt8](repeating: 2, count: 9000))
        #expect(try disk.text("/shared") == "small")
        // The base's blocks and the new ones: 3 MiB, the holes' data and tree, and the attributes are free again.
        let free = { (disk: Disk) in
            try Int(
                disk.debugfs("show_super_stats -h").split(separator: "\n").first { $0.hasPrefix("Free blocks:") }!.split(separator: " ")
                    .last!)!
        }
        #expect(try free(disk) - free(base) == 768 + 800 + 3 + 1 + 3 - 7)
    }

    @Test(arguments: [0, 30, 200, 3000, 70_000]) func `names go into directories of any size`(there: Int) throws {
        let base = try image(mebibytes: there > 10_000 ? 64 : 16) { writer in
            try writer.add(.directory("d"))
            for index in 0..<there {
                if index == 0 {
                    try writer.add(.file("d/0"), "first")
                } else {
                    try writer.add(.hardlink("d/\(index)", to: "d/\(max(index / 60_000 * 60_000, 0))"), "")
                }
                if index == 60_000 - 1 { try writer.add(.file("d/60000"), "second") }
            }
        }
        let names = (0..<400).map { index in "new-\(index)-" + String(repeating: "x", count: index % 200) }
        let disk = try base.edited(Layer(names.map { .text("/d/\($0)", $0) } + (there > 0 ? [.text("/d/\(there - 1)", "last")] : [])))
        for name in [names[0], names[250], names[399]] { #expect(try disk.text("/d/\(name)") == name) }
        if there > 0 { #expect(try disk.text("/d/\(there - 1)") == "last") }
        let count = try disk.debugfs("ls -p /d").split(separator: "\n").count { $0.hasPrefix("/") }
        #expect(count == there + 400 + 2)
    }

    @Test func `large files and many of them fill groups that were never used`() throws {
        let base = try image(mebibytes: 280)
        var generator = SeededGenerator(seed: 5)
        let large = generator.bytes(130 << 20)
        try base.folder.write("large", large)
        try base.folder.write("odd", Array(large.prefix(1025)))
        var entries: [Layer.Entry] = [
            .from("/srv/large", base.folder.file("large")), .from("/srv/odd", base.folder.file("odd"), mode: 0o755),
        ]
        for index in 0..<7000 { entries.append(.text("/srv/many/\(index / 100)/\(index)", "\(index)")) }
        let disk = try base.edited(Layer(entries))
        #expect(try disk.content("/srv/large") == large)
        #expect(try disk.content("/srv/odd") == Array(large.prefix(1025)))
        #expect(try disk.text("/srv/many/69/6999") == "6999")
    }

    @Test func `a full disk is named with the file that found it so, and stays as it was`() throws {
        let base = try image(mebibytes: 8)
        try base.folder.write("large", [UInt8](repeating: 1, count: 9 << 20))
        guard
            case .full("/large", .blocks, needed: 2304, free: let free)? = try base.refusal(
                Layer([.text("/small", ""), .from("/large", base.folder.file("large"))]))
        else {
            Issue.record("it was not refused")
            return
        }
        #expect(free > 0 && free < 2048)
        let many = (0..<3000).map { Layer.Entry.text("/d/\($0)", "") }
        guard case .full(_, .inodes, _, _)? = try base.refusal(Layer(many)) else {
            Issue.record("it was not refused")
            return
        }
        // What is free in small pieces only is used all the same.
        let scattered = try Disk()
        try scattered.build(mebibytes: 8) { writer in
            for index in 0..<600 { try writer.add(.file("f/\(index)"), bytes: [UInt8](repeating: 3, count: 4096)) }
        }
        let content = [UInt8](repeating: 9, count: 2 << 20)
        try scattered.folder.write("content", content)
        let layer = (0..<300).map { Layer.Entry.link("/f/\($0 * 2)", to: "x") } + [.from("/content", scattered.folder.file("content"))]
        #expect(try scattered.edited(Layer(layer)).content("/content") == content)
    }

    @Test func `the same layer makes the same disk`() throws {
        let base = try image { writer in for index in 0..<500 { try writer.add(.file("d/\(index)"), "\(index)") } }
        let layer = Layer((0..<300).map { .text("/d/new\($0)", "\($0)") } + [.link("/etc/hostname", to: "d/new1")])
        #expect(try base.edited(layer).bytes() == base.edited(layer).bytes())
    }

    @Test func `a file that is not there is named`() throws {
        let base = try image()
        let missing = base.folder.file("missing")
        #expect(try base.refusal(Layer([.from("/x", missing)])) == .input(path: missing, ImageError(.missingInput, missing)))
    }
}
