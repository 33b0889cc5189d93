import Host
import LabImages
import LabModel
import Testing

/// One content, one image.
@Suite struct DeterminismTests {
    /// Many names, attributes, links and sizes, from a seed.
    private static func fill(_ writer: inout Ext4Writer, piece: Int = 1 << 20) throws {
        var generator = SeededGenerator(seed: 3)
        for index in 0..<900 {
            let path = "d\(index % 7)/\(index)"
            switch index % 5 {
            case 0:
                try writer.add(.directory(path))
            case 1:
                try writer.add(.symlink(path, to: "../\(index)"))
            case 2:
                try writer.add(.hardlink(path, to: "d\((index + 5) % 7)/\(index + 5)"))
            default:
                let bytes = generator.bytes(Int(generator.next() % 20_000))
                let label = ArchiveEntry.Attribute(name: Array("user.n".utf8), value: Array(repeating: 65, count: index % 3 * 100))
                try writer.begin(ArchiveEntry.file(path).with { $0.attributes = [label] })
                for start in stride(from: 0, to: bytes.count, by: piece) {
                    try writer.feed(Array(bytes[start..<min(start + piece, bytes.count)]), at: UInt64(start))
                }
                try writer.end()
            }
        }
        try writer.add(.file("d0/897"), "the last of the waiting links")
        for index in 900..<910 { try writer.add(.file("d\(index % 7)/\(index)"), "") }
    }

    @Test func `two builds give the same bytes, whatever the pieces the data came in`() throws {
        let first = try Disk()
        let second = try Disk()
        try first.build { try Self.fill(&$0) }
        try second.build { try Self.fill(&$0, piece: 1000) }
        #expect(try first.bytes() == second.bytes())
    }

    @Test func `two processes give the same bytes`() async throws {
        let disk = try Disk()
        try disk.build { try Self.fill(&$0) }
        let other = try Disk()
        let path = other.path
        await #expect(processExitsWith: .success) { [path = path as String] in
            let file = try Descriptor.open(path, 0o102)
            var writer = try Ext4Writer(file, name: "elsewhere", options: Ext4Options(size: ByteCount(bytes: 16 << 20)))
            try DeterminismTests.fill(&writer)
            _ = try writer.finish()
        }
        #expect(try disk.bytes() == other.bytes())
    }

    @Test func `other content and other salt give other UUIDs`() throws {
        var seen: Set<[UInt8]> = []
        for salt: [UInt8] in [[], [1], [1, 0], [0, 1]] {
            for text in ["", "a", "b", "a\0"] {
                for name in ["x", "y"] {
                    let image = try Disk().build(mebibytes: 2, salt: salt, check: false) { try $0.add(.file(name), text) }
                    #expect(image.uuid[6] >> 4 == 8 && image.uuid[8] >> 6 == 2)
                    seen.insert(image.uuid)
                }
            }
        }
        #expect(seen.count == 32)
    }
}
