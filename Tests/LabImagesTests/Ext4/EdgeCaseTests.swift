import Host
import LabImages
import LabModel
import Testing

/// Everything that archives do and should not, one image or one refusal each.
@Suite struct EdgeCaseTests {
    private func refusal(mebibytes: UInt64 = 16, _ fill: (inout Ext4Writer) throws -> Void) throws -> RefusedEntry? {
        do {
            try Disk().build(mebibytes: mebibytes, fill)
        } catch let SinkError.refused(_, reason) {
            return reason
        }
        return nil
    }

    @Test func `an empty archive is an empty filesystem`() throws {
        let disk = try Disk()
        try disk.build { _ in }
        #expect(try disk.debugfs("ls -p /").contains("/11/040700/0/0/lost+found//"))
    }

    @Test func `a hard link may come before its target`() throws {
        let disk = try Disk()
        try disk.build { writer in
            try writer.add(.hardlink("early", to: "./dir/late"))
            try writer.add(.file("dir/late"), "content")
            try writer.add(.hardlink("chain1", to: "chain2"))
            try writer.add(.hardlink("chain2", to: "early"))
        }
        for path in ["early", "dir/late", "chain1", "chain2"] { #expect(try disk.text(path) == "content") }
        #expect(try disk.debugfs("stat /early").contains("Links: 4"))
    }

    @Test func `a hard link means the file that was there when it was read`() throws {
        let disk = try Disk()
        try disk.build { writer in
            try writer.add(.file("a"), "old")
            try writer.add(.hardlink("b", to: "a"))
            try writer.add(.file("a"), "new content")
        }
        #expect(try disk.text("a") == "new content")
        #expect(try disk.text("b") == "old")
    }

    @Test func `data may come with either name of a file`() throws {
        let disk = try Disk()
        try disk.build { writer in
            // As cpio has it: the first name is empty, the last has the content.
            try writer.add(.file("first", size: 0))
            try writer.add(.hardlink("last", to: "first"), "shared")
            // As pax allows: both have it.
            try writer.add(.file("a"), "twice")
            try writer.add(.hardlink("b", to: "a"), "twice")
            try writer.add(.hardlink("c", to: "d"), "with the link")
            try writer.add(.file("d", size: 0))
        }
        for (path, text) in ["first": "shared", "last": "shared", "a": "twice", "b": "twice", "c": "with the link", "d": "with the link"] {
            #expect(try disk.text(path) == text, "\(path)")
        }
    }

    @Test func `a link to itself says nothing and loses nothing`() throws {
        let disk = try Disk()
        try disk.build { writer in
            try writer.add(.file("a"), "kept")
            try writer.add(.hardlink("a", to: "./a"))
        }
        #expect(try disk.text("a") == "kept")
        #expect(try disk.debugfs("stat /a").contains("Links: 1"))
    }

    @Test func `links that lead nowhere, to directories or in circles are refused`() throws {
        #expect(try refusal { try $0.add(.hardlink("a", to: "gone")) } == .hardlinkTargetMissing(target: Array("gone".utf8)))
        #expect(try refusal { try $0.add(.hardlink("a", to: "a")) } == .hardlinkTargetMissing(target: Array("a".utf8)))
        let circle = try refusal {
            try $0.add(.hardlink("a", to: "b"))
            try $0.add(.hardlink("b", to: "a"))
        }
        #expect(circle == .hardlinkTargetMissing(target: Array("b".utf8)))
        let directory = try refusal {
            try $0.add(.directory("d"))
            try $0.add(.hardlink("a", to: "d"))
        }
        #expect(directory == .hardlinkToDirectory(target: Array("d".utf8)))
        #expect(
            try refusal {
                try $0.add(.hardlink("a", to: "d"))
                try $0.add(.directory("d"))
            } == .hardlinkToDirectory(target: Array("d".utf8)))
    }

    @Test func `missing parents are made, and a late directory entry describes them`() throws {
        let disk = try Disk()
        try disk.build { writer in
            try writer.add(.file("x/y/z/file"), "deep")
            let late = ArchiveEntry(
                path: Array("./x/y/".utf8), kind: .directory, mode: 0o2711, owner: 7, group: 70000,
                modified: .init(seconds: 1_000_000_000), attributes: [.init(name: Array("user.late".utf8), value: [65])])
            try writer.add(late)
        }
        #expect(try disk.text("x/y/z/file") == "deep")
        let status = try disk.debugfs("stat /x/y")
        #expect(status.contains("Mode:  02711") && status.contains("User:     7") && status.contains("Group: 70000"))
        #expect(status.contains("mtime: 0x3b9aca00:00000000") && status.contains("user.late"))
    }

    @Test func `the root takes its entry's owner, mode and time`() throws {
        let disk = try Disk()
        try disk.build { writer in
            try writer.add(.directory("./", mode: 0o711).with { $0.owner = 42 })
        }
        let status = try disk.debugfs("stat /")
        #expect(status.contains("Mode:  0711") && status.contains("User:    42"))
    }

    @Test func `devices, pipes and sockets are what they were`() throws {
        let disk = try Disk()
        try disk.build { writer in
            func add(_ path: String, _ kind: ArchiveEntry.Kind) throws {
                try writer.add(ArchiveEntry(path: Array(path.utf8), kind: kind, mode: 0o600))
            }
            try add("dev/null", .characterDevice(major: 1, minor: 3))
            try add("dev/big", .blockDevice(major: 300, minor: 70000))
            try add("dev/most", .characterDevice(major: 4095, minor: 1_048_575))
            try add("pipe", .fifo)
            try add("socket", .socket)
        }
        #expect(try disk.debugfs("stat /dev/null").contains("Device major/minor number: 01:03"))
        #expect(try disk.debugfs("stat /dev/big").contains("Device major/minor number: 300:70000"))
        #expect(try disk.debugfs("stat /dev/most").contains("Device major/minor number: 4095:1048575"))
        #expect(try disk.debugfs("stat /pipe").contains("Type: FIFO"))
        #expect(try disk.debugfs("stat /socket").contains("Type: socket"))
        let tooLarge = try refusal {
            try $0.add(ArchiveEntry(path: [65], kind: .blockDevice(major: 4096, minor: 0), mode: 0))
        }
        #expect(tooLarge == .deviceNumberTooLarge(major: 4096, minor: 0))
    }

    @Test func `a path that leads out is refused, one that comes back is not`() throws {
        for path in ["../evil", "a/../../evil", "/../evil", "..", "a/../.."] {
            let reason = try refusal {
                if path.hasSuffix("..") { try $0.add(.directory(path)) } else { try $0.add(.file(path), "x") }
            }
            #expect(reason == .escapesRoot, "\(path)")
        }
        let disk = try Disk()
        try disk.build { writer in
            try writer.add(.file("/absolute"), "from the root")
            try writer.add(.file("a/b/../../c"), "back")
            try writer.add(.file("./././d"), "dots")
        }
        #expect(try disk.text("absolute") == "from the root")
        #expect(try disk.text("c") == "back")
        #expect(try disk.text("d") == "dots")
    }

    @Test func `symbolic links on the way are followed inside the image`() throws {
        let disk = try Disk()
        try disk.build { writer in
            try writer.add(.directory("usr/bin"))
            try writer.add(.symlink("bin", to: "usr/bin"))
            try writer.add(.file("bin/relative"), "1")
            try writer.add(.symlink("abs", to: "/usr/bin"))
            try writer.add(.file("abs/absolute"), "2")
            try writer.add(.symlink("out", to: "../../../../usr/bin"))
            try writer.add(.file("out/clamped"), "3")
            try writer.add(.symlink("later", to: "not/yet"))
            try writer.add(.file("later/made"), "4")
            // A directory entry on a link to a directory means the directory, and keeps the link.
            try writer.add(.directory("bin", mode: 0o750))
        }
        for (path, text) in ["usr/bin/relative": "1", "usr/bin/absolute": "2", "usr/bin/clamped": "3", "not/yet/made": "4"] {
            #expect(try disk.text(path) == text, "\(path)")
        }
        #expect(try disk.debugfs("stat /bin").contains("Fast link dest: \"usr/bin\""))
        #expect(try disk.debugfs("stat /usr/bin").contains("Mode:  0750"))
    }

    @Test func `symbolic links in circles are refused`() throws {
        let reason = try refusal {
            try $0.add(.symlink("a", to: "b"))
            try $0.add(.symlink("b", to: "a"))
            try $0.add(.file("a/x"), "x")
        }
        #expect(reason == .tooManySymlinks(limit: 40))
    }

    @Test func `a file on the way is refused`() throws {
        let reason = try refusal {
            try $0.add(.file("f"), "x")
            try $0.add(.file("f/below"), "x")
        }
        #expect(reason == .parentNotDirectory(component: Array("f".utf8)))
    }

    @Test func `anything replaces anything`() throws {
        let kinds: [(String, (inout Ext4Writer) throws -> Void)] = [
            ("file", { try $0.add(.file("x"), "file") }),
            (
                "directory",
                {
                    try $0.add(.directory("x"))
                    try $0.add(.file("x/below/deeper"), "in it")
                }
            ),
            ("symlink", { try $0.add(.symlink("x", to: "target")) }),
            ("hardlink", { try $0.add(.hardlink("x", to: "other")) }),
            ("device", { try $0.add(ArchiveEntry(path: Array("x".utf8), kind: .characterDevice(major: 1, minor: 3), mode: 0o666)) }),
        ]
        let types = ["file": "regular", "directory": "directory", "symlink": "symlink", "hardlink": "regular", "device": "character"]
        for (first, makeFirst) in kinds {
            for (second, makeSecond) in kinds {
                let disk = try Disk()
                try disk.build(mebibytes: 8) { writer in
                    try writer.add(.file("other"), "other")
                    try makeFirst(&writer)
                    try makeSecond(&writer)
                }
                let status = try disk.debugfs("stat /x")
                #expect(status.contains("Type: \(types[second]!)"), "\(first) then \(second): \(status)")
                #expect(try disk.text("other") == "other")
                if second == "directory" { #expect(try disk.text("x/below/deeper") == "in it") }
            }
        }
    }

    @Test func `the root and lost+found stay directories`() throws {
        #expect(try refusal { try $0.add(.file("/"), "x") } == .mustBeDirectory)
        #expect(try refusal { try $0.add(.symlink("lost+found", to: "x")) } == .mustBeDirectory)
        let disk = try Disk()
        try disk.build { try $0.add(.directory("lost+found", mode: 0o700).with { $0.owner = 5 }) }
        #expect(try disk.debugfs("stat /lost+found").contains("User:     5"))
    }

    @Test func `names of 255 bytes are kept and longer ones refused`() throws {
        let longest = String(repeating: "n", count: 255)
        let disk = try Disk()
        try disk.build { try $0.add(.file(longest), "x") }
        #expect(try disk.text(longest) == "x")
        #expect(try refusal { try $0.add(.file(longest + "n"), "x") } == .nameTooLong(bytes: 256, limit: 255))
        #expect(try refusal { try $0.add(.file("dir\(longest)/x"), "x") } == .nameTooLong(bytes: 258, limit: 255))
        let path = String(repeating: "d/", count: 2048) + "f"
        #expect(try refusal { try $0.add(.file(path), "x") } == .pathTooLong(bytes: 4097, limit: 4096))
        #expect(try refusal { try $0.add(.file(""), "x") } == .emptyPath)
        #expect(try refusal { try $0.add(.file("a\0b"), "x") } == .nulInPath)
    }

    @Test func `names are bytes`() throws {
        let disk = try Disk()
        let names: [[UInt8]] = [[0xFF, 0xFE], [0xC3, 0xA9], [0x65, 0xCC, 0x81], [0x80], [1, 2, 10], [0x20], [0x2A]]
        let image = try disk.build { writer in
            for (index, name) in names.enumerated() {
                try writer.add(ArchiveEntry(path: name, kind: .file(size: nil), mode: 0o600), "\(index)")
            }
        }
        #expect(image.files(matching: [0x2A]).map(\.path) == names.sorted { $0.lexicographicallyPrecedes($1) })
        for (index, name) in names.enumerated() where name != [0x2A] {
            let found = image.files(matching: name)
            #expect(try found.count == 1 && image.read(found[0], at: 0, upTo: 10) == Array("\(index)".utf8))
        }
    }

    @Test func `directories can be as deep as a path is long`() throws {
        let disk = try Disk()
        let deep = String(repeating: "d/", count: 2047) + "f"
        try disk.build(mebibytes: 32) { try $0.add(.file(deep), "bottom") }
        let deeper = try refusal(mebibytes: 32) { writer in
            try writer.add(.directory(String(repeating: "d/", count: 2040)))
            try writer.add(.symlink("s", to: String(repeating: "d/", count: 2040)))
            try writer.add(.file("s/" + String(repeating: "e/", count: 20) + "f"), "x")
        }
        #expect(deeper == .tooDeep(limit: 2048))
    }

    @Test func `symbolic links of every length keep their target`() throws {
        let disk = try Disk()
        let lengths = [1, 59, 60, 61, 4095]
        try disk.build { writer in
            for length in lengths { try writer.add(.symlink("l\(length)", to: String(repeating: "t", count: length))) }
        }
        for length in lengths {
            let status = try disk.debugfs("stat /l\(length)")
            #expect(status.contains("Size: \(length)") && status.contains("Type: symlink"))
            if length >= 60 { #expect(try disk.content("l\(length)") == [UInt8](repeating: UInt8(ascii: "t"), count: length)) }
        }
        #expect(
            try refusal { try $0.add(.symlink("l", to: String(repeating: "t", count: 4096))) }
                == .symlinkTooLong(bytes: 4096, limit: 4095))
        #expect(try refusal { try $0.add(.symlink("l", to: "")) } == .emptySymlink)
    }

    @Test(
        arguments: [
            (-1, 0, "0xffffffff:00000000"), (-86400 * 365 * 60, 5, "0x8f37ee00:00000014"),
            (2_147_483_648, 999_999_999, "0x80000000:ee6b27fd"),
            (15_032_385_535, 7, "0x7fffffff:0000001f"), (99_999_999_999, 7, "0x7fffffff:00000003"), (Int64.min, 7, "0x80000000:00000000"),
        ] as [(Int64, UInt32, String)])
    func `times before 1970 and after 2038 are right, beyond 2446 they stop`(seconds: Int64, nanoseconds: UInt32, encoded: String) throws {
        let disk = try Disk()
        try disk.build(mebibytes: 8) {
            try $0.add(.file("f").with { $0.modified = .init(seconds: seconds, nanoseconds: nanoseconds) }, "x")
        }
        let status = try disk.debugfs("stat /f")
        #expect(status.contains("mtime: \(encoded)"), "\(status)")
    }

    @Test func `large owners and special modes are kept`() throws {
        let disk = try Disk()
        try disk.build { try $0.add(.file("f", mode: 0o7755, owner: 2_000_000_000, group: 70_000), "x") }
        let status = try disk.debugfs("stat /f")
        #expect(status.contains("Mode:  07755") && status.contains("User: 2000000000") && status.contains("Group: 70000"))
    }

    @Test func `data in the wrong place are refused`() throws {
        #expect(
            try refusal {
                try $0.begin(.file("f"))
                try $0.feed([1, 2, 3], at: 10)
                try $0.feed([1], at: 12)
            } == .dataOutOfOrder(offset: 12))
        #expect(
            try refusal {
                try $0.begin(.file("f", size: 4))
                try $0.feed([UInt8](repeating: 1, count: 5), at: 0)
            } == .dataBeyondSize(offset: 5, size: 4))
        #expect(
            try refusal {
                try $0.begin(.directory("d"))
                try $0.feed([UInt8](repeating: 1, count: 5), at: 0)
            } == .unexpectedData)
        #expect(
            try refusal {
                try $0.begin(.file("f"))
                try $0.feed([UInt8](repeating: 1, count: 5), at: UInt64.max - 2)
            } == .fileTooLarge(bytes: UInt64.max, limit: 4096 * 0xFFFF_FFFF))
        #expect(
            try refusal { try $0.begin(.file("f", size: UInt64.max)) } == .fileTooLarge(bytes: UInt64.max, limit: 4096 * 0xFFFF_FFFF))
    }
}
