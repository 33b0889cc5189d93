import Host
import LabImages
import LabModel
import Testing

/// Many names, many links, many extents, large files and large disks.
@Suite struct LargeTests {
    @Test func `70,000 subdirectories lie in one directory`() throws {
        let disk = try Disk()
        try disk.build(mebibytes: 512) { writer in
            for index in 0..<70_000 { try writer.add(.directory("many/\(index)")) }
        }
        // Beyond 65,000 links a directory says 1.
        let status = try disk.debugfs("stat /many")
        #expect(status.contains("Links: 1 ") && status.contains("Flags: 0x81000"))
        #expect(try disk.debugfs("stat /many/69999").contains("Type: directory"))
    }

    @Test func `a file has 65,000 names and not one more`() throws {
        let disk = try Disk()
        try disk.build(mebibytes: 64) { writer in
            try writer.add(.file("f"), "x")
            for index in 1..<65_000 { try writer.add(.hardlink("\(index)", to: "f")) }
        }
        #expect(try disk.debugfs("stat /f").contains("Links: 65000"))
        #expect(throws: SinkError.refused(path: Array("l66000".utf8), .tooManyLinks(limit: 65_000))) {
            try Disk().build(mebibytes: 64) { writer in
                try writer.add(.file("f"), "x")
                for index in 66_000 - 64_999...66_000 { try writer.add(.hardlink("l\(index)", to: "f")) }
            }
        }
    }

    @Test(arguments: [10_000, 120_000]) func `names of every kind lie in one indexed directory`(count: Int) throws {
        let disk = try Disk()
        var generator = SeededGenerator(seed: UInt64(count))
        var names: [[UInt8]] = []
        for index in 0..<count {
            // Long names that are not text, so that the two levels of the index fill up.
            var name = generator.bytes(index % 3 == 0 ? 200 : 4).map { $0 == 0 || $0 == UInt8(ascii: "/") ? 255 : $0 }
            name += Array("\(index)".utf8)
            names.append(name)
        }
        let image = try disk.build(mebibytes: 128) { writer in
            try writer.add(.file("target"), "x")
            for (index, name) in names.enumerated() {
                let path = Array("d/".utf8) + name
                if count > 10_000 {
                    if index % 60_000 == 0 { try writer.add(.file("target\(index)"), "x") }
                    try writer.begin(
                        ArchiveEntry(path: path, kind: .hardlink(target: Array("target\(index / 60_000 * 60_000)".utf8)), mode: 0))
                } else {
                    try writer.add(ArchiveEntry(path: path, kind: .file(size: nil), mode: 0o600), "\(index)")
                }
            }
        }
        #expect(try disk.debugfs("stat /d").contains("Flags: 0x81000"))
        #expect(image.files(matching: Array("d/".utf8) + names[count - 1]).count == 1)
        let levels = try disk.debugfs("htree_dump /d").contains("Indirect levels: \(count > 10_000 ? 1 : 0)")
        #expect(levels)
    }

    @Test func `a sparse gigabyte costs what it holds`() throws {
        let disk = try Disk()
        let image = try disk.build(mebibytes: 64) { writer in
            try writer.begin(.file("sparse", size: 1 << 30))
            try writer.feed([1, 2, 3], at: 0)
            try writer.feed([4, 5], at: 500 << 20)
            try writer.feed([6], at: (1 << 30) - 1)
            try writer.end()
            // Zeros that came as data are holes too.
            try writer.add(.file("zeros"), bytes: [UInt8](repeating: 0, count: 10 << 20))
        }
        #expect(disk.allocated < 1 << 20)
        let status = try disk.debugfs("stat /sparse")
        #expect(status.contains("Size: 1073741824") && status.contains("Blockcount: 24"))
        #expect(try disk.debugfs("stat /zeros").contains("Blockcount: 0"))
        let file = image.files(matching: Array("sparse".utf8))[0]
        #expect(try image.read(file, at: (500 << 20) - 1, upTo: 4) == [0, 4, 5, 0])
        #expect(try image.read(file, at: (1 << 30) - 2, upTo: 10) == [0, 6])
    }

    @Test func `files of thousands of pieces read back whole`() throws {
        let disk = try Disk()
        // 1360 extents fill a tree of depth 1; 2000 need depth 2.
        let pieces = 2000
        let image = try disk.build(mebibytes: 64) { writer in
            for (name, count) in [("few", 5), ("leaf", 340), ("leaves", 341), ("many", pieces)] {
                try writer.begin(.file(name))
                for piece in 0..<count {
                    let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: piece | 1), count: 4096)
                    try writer.feed(bytes, at: UInt64(piece) * 8192)
                }
                try writer.end()
            }
        }
        let tree = try disk.debugfs("dump_extents -n /many")
        #expect(tree.contains(" 1/ 2   6/  6 "), "\(tree)")
        let read = try disk.content("many")
        #expect(read.count == (pieces * 2 - 1) * 4096)
        #expect(
            (0..<pieces).allSatisfy {
                read[$0 * 8192] == UInt8(truncatingIfNeeded: $0 | 1) && ($0 == pieces - 1 || read[$0 * 8192 + 4096] == 0)
            })
        #expect(try image.read(image.files(matching: Array("many".utf8))[0], at: 0, upTo: read.count) == read)
    }

    @Test func `an empty disk of 100 GiB costs little`() throws {
        let disk = try Disk()
        try disk.build(mebibytes: 100 << 10) { try $0.add(.file("f"), "x") }
        #expect(disk.allocated < 2 << 20, "\(disk.allocated)")
    }

    @Test(arguments: [1, 2, 7, 8, 31, 127, 128, 129, 130, 257, 1024, 2049, 17 * 128 - 1, 17 * 128 + 1, 33 * 128, 40_000] as [UInt64])
    func `disks of any size are whole`(mebibytes: UInt64) throws {
        let disk = try Disk()
        for journal in [true, false] {
            try disk.build(mebibytes: mebibytes, journal: journal, label: "root") { writer in
                for index in 0..<20 { try writer.add(.file("dir\(index)/file"), "\(index)") }
            }
        }
        #expect(try disk.debugfs("stats").contains("Filesystem volume name:   root"))
    }

    @Test func `sizes that are not whole blocks or groups are used as far as they go`() throws {
        for bytes: UInt64 in [(1 << 20) + 1, (128 << 20) + 40_960, (128 << 20) + 1_000_000, (256 << 20) - 4097] {
            let disk = try Disk()
            let file = try Descriptor.open(disk.path, 2 | 0o100)
            let writer = try Ext4Writer(file, name: disk.path, options: Ext4Options(size: ByteCount(bytes: bytes)))
            _ = try writer.finish()
            try disk.check()
            #expect(try FileStatus(of: disk.path).size == bytes)
        }
    }

    @Test func `link targets and attributes without end are refused before they fill the memory`() {
        let target = [UInt8](repeating: UInt8(ascii: "t"), count: 4095)
        var links = ImageTree()
        #expect(throws: RefusedEntry.tooMuchHeld(limit: TreeLimits.heldBytes)) {
            for index in 0... {
                _ = try links.place(ArchiveEntry(path: Array("l\(index)".utf8), kind: .symlink(target: target), mode: 0o777))
            }
        }
        var files = ImageTree()
        let value = [UInt8](repeating: 0, count: 60_000)
        #expect(throws: RefusedEntry.tooMuchHeld(limit: TreeLimits.heldBytes)) {
            for index in 0... {
                let attribute = ArchiveEntry.Attribute(name: Array("user.\(index)".utf8), value: value)
                _ = try files.place(ArchiveEntry(path: Array("f\(index)".utf8), kind: .file(size: 0), mode: 0o644, attributes: [attribute]))
            }
        }
    }
}
