import Glibc
import Host
import LabImages
import LabModel
import Testing

/// Disks that are damaged, or made by others: an error, or a disk that only its own guest has to live with.
@Suite struct HostileDiskTests {
    private static let layer = Layer([
        .text("/etc/hostname", "web\n"), .text("/etc/new/deep/file", "x"), .link("/link/there", to: "/x"),
        .text("/d/other", String(repeating: "y", count: 9000)),
        .text("/holes", "z"), .text("/noted", ""), .text("/never", "", where: [.folder("/long/target/of"), .nothing("/etc")]),
    ])

    private func image() throws -> [UInt8] {
        let disk = try Disk()
        let note = ArchiveEntry.Attribute(name: Array("user.note".utf8), value: [UInt8](repeating: 7, count: 2000))
        try disk.build(mebibytes: 2) { writer in
            try writer.add(.file("etc/hostname"), "debian\n")
            try writer.add(.symlink("link", to: "d"))
            try writer.add(.symlink("long", to: String(repeating: "./", count: 60) + "d"))
            for index in 0..<300 { try writer.add(.file("d/name-\(index)"), "") }
            try writer.add(ArchiveEntry.file("noted").with { $0.attributes = [note] }, "x")
            try writer.begin(.file("holes"))
            for index in 0..<20 as Range<UInt64> { try writer.feed([1], at: index * 8192) }
            try writer.end()
        }
        return try disk.bytes()
    }

    /// Where metadata lie: whatever is not zero.
    private func places(_ bytes: [UInt8]) -> [Int] { bytes.indices.filter { bytes[$0] != 0 } }

    @Test(arguments: [true, false]) func `no damage traps, and none goes unseen where checksums are asked`(isVerifying: Bool) throws {
        let disk = MemoryDisk(try image())
        let places = places(disk.base)
        let clean = disk.base
        var generator = SeededGenerator(seed: isVerifying ? 11 : 12)
        var outcomes: [String: Int] = [:]
        for round in 0..<6000 {
            var changed: [(Int, UInt8)] = []
            for _ in 0...Int(generator.next() % 3) {
                // Around what is there: zeros between structures mean something too.
                let place = min(
                    max(places[Int(generator.next() % UInt64(places.count))] + Int(generator.next() % 9) - 4, 0), clean.count - 1)
                changed.append((place, disk.base[place]))
                disk.base[place] =
                    round % 2 == 0 ? disk.base[place] ^ 1 << UInt8(generator.next() % 8) : UInt8(truncatingIfNeeded: generator.next())
            }
            do {
                try Ext4Editor.apply(Self.layer, to: disk, isVerifying: isVerifying)
                outcomes["done", default: 0] += 1
            } catch {
                outcomes["\(error)".split(separator: ":").first.map(String.init) ?? "", default: 0] += 1
                #expect(disk.written.isEmpty)
            }
            disk.forgetWrites()
            for (place, old) in changed.reversed() { disk.base[place] = old }
        }
        #expect(disk.base == clean)
        // The rounds must have met more than the first check.
        #expect(
            outcomes.count > 2 && outcomes["done", default: 0] > 100 && outcomes["the file system is damaged", default: 0] > 300,
            "\(outcomes)")
        try Ext4Editor.apply(Self.layer, to: disk)
        let judged = try Disk()
        try Folder.write(disk.flattened, to: judged.path)
        try judged.check()
    }

    @Test func `file systems of others and those that were not left clean are refused`() throws {
        let own = try Disk()
        try own.build(mebibytes: 16) { try $0.add(.file("etc/hostname"), "x") }
        let layer = Layer([.text("/etc/hostname", "web")])
        func refusal(_ change: String) throws -> String {
            let disk = try Disk()
            _ = try Tool.run("cp \(own.path) \(disk.path); \(change.replacing("DISK", with: disk.path))")
            return try disk.refusal(layer).map { "\($0)" } ?? "nothing"
        }
        #expect(try refusal("true") == "nothing")
        #expect(
            try refusal("debugfs -w -R 'feature needs_recovery' DISK")
                == "the file system's journal needs recovery: it was not ended cleanly")
        #expect(try refusal("debugfs -w -R 'feature casefold' DISK").contains("incompatible features 0x20000 differ"))
        #expect(try refusal("debugfs -w -R 'feature orphan_present' DISK").contains("read-only compatible features"))
        #expect(try refusal("debugfs -w -R 'feature fast_commit' DISK").contains("compatible features 0x400"))
        #expect(try refusal("debugfs -w -R 'set_super_value state 0' DISK").contains("not left clean"))
        #expect(try refusal("mke2fs -q -F -t ext4 DISK").contains("not a file system that files can be added to"))
        #expect(try refusal("mke2fs -q -F -t ext2 DISK").contains("features"))
        #expect(try refusal("truncate -s 0 DISK; truncate -s 16M DISK").contains("no ext4 superblock"))
        #expect(try refusal("truncate -s 8M DISK").contains("4096 blocks on a disk of 2048"))
        #expect(try refusal("truncate -s 1000 DISK").contains("too small"))
    }
}
