import Glibc
import Host
import LabImages
import LabModel
import Testing

/// Tars with every byte under control, through the reader into a disk.
@Suite struct HostileTarTests {
    /// One header block; `kind` is the type flag.
    private func header(_ name: [UInt8], size: Int = 0, kind: Character = "0", link: String = "") -> [UInt8] {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ bytes: some Sequence<UInt8>, at offset: Int) {
            for (index, byte) in bytes.enumerated() { header[offset + index] = byte }
        }
        func octal(_ value: Int, _ width: Int) -> String {
            let digits = String(value, radix: 8)
            return String(repeating: "0", count: width - 1 - digits.count) + digits
        }
        put(name.prefix(100), at: 0)
        put(octal(0o644, 8).utf8, at: 100)
        put(octal(0, 8).utf8, at: 108)
        put(octal(0, 8).utf8, at: 116)
        put(octal(size, 12).utf8, at: 124)
        put(octal(1_000_000_000, 12).utf8, at: 136)
        put("        ".utf8, at: 148)
        put([kind.asciiValue ?? 0], at: 156)
        put(link.utf8, at: 157)
        put("ustar".utf8, at: 257)
        put("00".utf8, at: 263)
        let sum = header.reduce(0) { $0 + Int($1) }
        put((octal(sum, 7) + "\0 ").utf8, at: 148)
        return header
    }

    private func entry(_ name: String, _ data: [UInt8] = [], kind: Character = "0", link: String = "") -> [UInt8] {
        header(Array(name.utf8), size: data.count, kind: kind, link: link) + data
            + [UInt8](repeating: 0, count: (512 - data.count % 512) % 512)
    }

    private static let end = [UInt8](repeating: 0, count: 1024)

    /// Feeds a tar to a new disk the way a build does.
    private func write(_ tar: [UInt8], to disk: Disk) throws {
        try? Folder.remove(disk.folder.file("root.tar"))
        try disk.folder.write("root.tar", tar)
        let stream = try disk.folder.open("root.tar")
        try disk.build { writer in try ArchiveReader(stream, subject: "root.tar").feed(&writer) { _ in } }
        _ = try stream.finish()
    }

    @Test func `links in any order, odd names and replaced files come out right`() throws {
        let disk = try Disk()
        let tar =
            entry("late", kind: "1", link: "dir/file") + entry("dir/file", [65]) + entry("self", [66])
            + entry("self", kind: "1", link: "self") + header([0xFF, 0xE9], size: 1) + [67] + [UInt8](repeating: 0, count: 511)
            + entry("old", [68]) + entry("kept", kind: "1", link: "old") + entry("old", [69]) + entry("sub/", kind: "5")
            + entry("to", kind: "2", link: "/sub") + entry("to/below", [70]) + entry("replaced/", kind: "5")
            + entry("replaced/below", [71]) + entry("replaced", [72]) + Self.end
        try write(tar, to: disk)
        for (path, byte) in ["late": 65, "dir/file": 65, "self": 66, "old": 69, "kept": 68, "sub/below": 70, "replaced": 72]
            as [String: UInt8]
        {
            #expect(try disk.content(path) == [byte], "\(path)")
        }
        #expect(try disk.debugfs("stat /late").contains("mtime: 0x3b9aca00"))
    }

    @Test func `a tar cut anywhere is an error and never a smaller image`() throws {
        let disk = try Disk()
        var generator = SeededGenerator(seed: 11)
        var tar: [UInt8] = []
        for index in 0..<40 { tar += entry("d\(index % 4)/\(index)", generator.bytes(Int(generator.next() % 9000) + 1)) }
        let content = tar.count
        tar += Self.end
        try write(tar, to: disk)
        for _ in 0..<60 {
            let cut = Int(generator.next() % UInt64(content)) + 1
            #expect(throws: ImageError.self, "cut at \(cut)") { try write(Array(tar[..<cut]), to: Disk()) }
        }
    }

    @Test func `a tar that ends behind a header about others is cut off`() throws {
        let text = Array("13 comment=x\n".utf8)
        for kind in ["g", "x"] as [Character] {
            let tar = entry("a", [65]) + entry("header", text, kind: kind)
            #expect(throws: ImageError.self, "\(kind)") { try write(tar, to: Disk()) }
        }
        let whole = entry("a", [65]) + entry("header", text, kind: "g") + Self.end
        try write(whole, to: Disk())
        // What lies behind the end mark is not looked at.
        try write(whole + [UInt8](repeating: 65, count: 700), to: Disk())
    }

    @Test func `an incremental archive's lists of names are no content`() throws {
        let disk = try Disk()
        try write(entry("d/", Array("Yfile\0\0".utf8), kind: "D") + entry("d/file", [65]) + Self.end, to: disk)
        #expect(try disk.content("d/file") == [65])
    }

    @Test func `random damage gives an error or a whole filesystem`() throws {
        var generator = SeededGenerator(seed: 12)
        var tar: [UInt8] = []
        for index in 0..<30 {
            tar += entry("d/\(index)", generator.bytes(Int(generator.next() % 1500)))
            tar += entry("l\(index)", kind: ["1", "2", "3", "5", "6"][index % 5], link: "d/\(index)")
        }
        tar += Self.end
        for round in 0..<150 {
            var damaged = tar
            for _ in 0..<1 + generator.next() % 4 {
                // Mostly headers: their sums are made right again, so that the damage is read.
                let block = Int(generator.next() % UInt64(damaged.count / 512)) * 512
                let place = block + Int(generator.next() % 512)
                damaged[place] = UInt8(truncatingIfNeeded: generator.next())
                guard damaged[block + 257] == UInt8(ascii: "u") else { continue }
                for index in 148..<156 { damaged[block + index] = UInt8(ascii: " ") }
                let digits = String(damaged[block..<block + 512].reduce(0) { $0 + Int($1) }, radix: 8)
                damaged.replaceSubrange(
                    block + 148..<block + 155, with: (String(repeating: "0", count: 6 - digits.count) + digits + "\0").utf8)
            }
            let disk = try Disk()
            do {
                // The check inside is the judge of whatever is accepted.
                try write(damaged, to: disk)
            } catch is ImageError {
                continue
            } catch let error as SinkError {
                guard case .refused = error else {
                    Issue.record("round \(round): \(error)")
                    continue
                }
            }
        }
    }
}
