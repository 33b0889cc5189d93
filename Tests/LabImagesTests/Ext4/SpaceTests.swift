import Glibc
import Host
import LabImages
import LabModel
import Testing

/// Disks that are too small, hosts that are full, and blocks that come free.
@Suite struct SpaceTests {
    private func needed(mebibytes: UInt64, journal: Bool = true, _ fill: (inout Ext4Writer) throws -> Void) throws -> ByteCount? {
        do {
            try Disk().build(mebibytes: mebibytes, journal: journal, fill)
        } catch let SinkError.diskTooSmall(declared, needed) {
            #expect(declared.bytes == mebibytes << 20 && needed > declared)
            return needed
        }
        return nil
    }

    private static func data(_ writer: inout Ext4Writer) throws {
        let piece = [UInt8](repeating: 7, count: 1 << 20)
        for file in 0..<60 { try writer.add(.file("data\(file)"), bytes: piece) }
    }

    private static func files(_ writer: inout Ext4Writer) throws {
        for index in 0..<9000 { try writer.add(.file("d\(index % 10)/\(index)"), "") }
    }

    private static func directories(_ writer: inout Ext4Writer) throws {
        for index in 0..<4000 { try writer.add(.directory("d\(index)")) }
    }

    @Test(arguments: [0, 1, 2]) func `a disk too small says what it needs, and with that it is enough`(content: Int) throws {
        let fill = [Self.data, Self.files, Self.directories][content]
        for journal in [true, false] {
            let needed = try #require(try needed(mebibytes: 2, journal: journal, fill))
            try Disk().build(mebibytes: needed.bytes >> 20, journal: journal, fill)
            // It is not said too carelessly either: two thirds are not enough.
            #expect(try self.needed(mebibytes: max(1, needed.bytes >> 20 * 2 / 3), journal: journal, fill) != nil)
        }
    }

    @Test func `sizes that no disk has are refused`() throws {
        for bytes: UInt64 in [0, 1 << 19, 1 << 44, UInt64.max] {
            let failure = #expect(throws: SinkError.self) { try Self.make(bytes: bytes) }
            guard case .unsupportedSize = failure else {
                Issue.record("\(bytes) bytes: \(String(describing: failure))")
                continue
            }
        }
    }

    private static func make(bytes: UInt64) throws {
        let disk = try Disk()
        let file = try Descriptor.open(disk.path, O_RDWR | O_CREAT)
        _ = try Ext4Writer(file, name: disk.path, options: Ext4Options(size: ByteCount(bytes: bytes)))
    }

    @Test func `what replaced files held is nowhere in the image`() throws {
        let disk = try Disk()
        let secret = Array("the secret that was replaced ".utf8)
        let long = (0..<20_000).flatMap { _ in secret }
        try disk.build(mebibytes: 16) { writer in
            try writer.add(.file("a"), bytes: long)
            try writer.add(.file("d/b"), bytes: secret)
            try writer.add(.file("c"), bytes: secret)
            try writer.add(.hardlink("h", to: "c"), bytes: Array("other".utf8))
            try writer.add(.file("a"), "short")
            try writer.add(.symlink("d", to: "a"))
        }
        #expect(try Tool.run("grep -c -a 'that was replaced' '\(disk.path)'").output == "0\n")
        #expect(disk.allocated < 1 << 20)
    }

    @Test func `blocks of replaced files are used again when the disk is full`() throws {
        let disk = try Disk()
        let piece = [UInt8](repeating: 9, count: 3 << 20)
        try disk.build(mebibytes: 8, journal: false) { writer in
            for _ in 0..<20 { try writer.add(.file("a"), bytes: piece) }
        }
        #expect(try disk.content("a") == piece)
    }

    @Test func `a file goes into hundreds of holes when nothing else is left`() throws {
        let disk = try Disk()
        var generator = SeededGenerator(seed: 5)
        let content = generator.bytes(500 * 4096)
        try disk.build(mebibytes: 8, journal: false) { writer in
            for index in 0..<1400 { try writer.add(.file("f\(index)"), bytes: [UInt8](repeating: 1, count: 4096)) }
            for index in stride(from: 0, to: 1400, by: 2) { try writer.add(.file("f\(index)"), "") }
            try writer.add(.file("fill"), bytes: [UInt8](repeating: 2, count: 480 * 4096))
            try writer.add(.file("scattered"), bytes: content)
        }
        #expect(try disk.content("scattered") == content)
        let extents = try disk.debugfs("dump_extents /scattered").split(separator: "\n").count
        #expect(extents > 340)
    }

    /// A host filesystem of 4 MiB, in a mount namespace of its own that only a process there keeps alive.
    private final class SmallHost {
        let process: pid_t
        var path: String { "/proc/\(process)/root/mnt/disk" }

        init?() throws {
            let inside = "mount -t tmpfs -o size=4m none /mnt && touch /mnt/disk && exec sleep 1000"
            let line = "unshare --map-root-user --mount sh -c '\(inside)' >/dev/null 2>&1 & echo $!"
            guard let number = pid_t(try Tool.run(line).output.split(separator: "\n").first ?? "") else { return nil }
            process = number
            for _ in 0..<6000 where access(path, W_OK) != 0 { usleep(10_000) }
            if access(path, W_OK) != 0 {
                kill(process, SIGKILL)
                return nil
            }
        }

        deinit { kill(process, SIGKILL) }
    }

    @Test func `a full host is an error that names the image and the need`() throws {
        // Needs user namespaces, as the images' own tests of mmdebstrap do.
        guard let host = try SmallHost() else { return }
        let failure = #expect(throws: SinkError.self) { try Self.writeLargeFile(to: host.path) }
        guard case .hostFull(let output, let needed) = failure else {
            Issue.record("32 MiB in 4: \(String(describing: failure))")
            return
        }
        #expect(output == host.path && needed.bytes > 26 << 20 && needed.bytes <= 33 << 20, "\(needed)")
    }

    private static func writeLargeFile(to path: String) throws {
        let file = try Descriptor.open(path, O_RDWR)
        var writer = try Ext4Writer(file, name: path, options: Ext4Options(size: ByteCount(bytes: 64 << 20)))
        try writer.begin(.file("large", size: 32 << 20))
        let piece = [UInt8](repeating: 1, count: 1 << 20)
        for index in 0..<32 { try writer.feed(piece, at: UInt64(index) << 20) }
    }
}
