import Glibc
import Host
import LabImages
import LabModel
import Testing

/// An image under test, in a folder of its own, and the tools that judge it.
final class Disk {
    let folder: Scratch
    let path: String

    init(_ name: String = "disk.img") throws {
        folder = try Scratch()
        path = folder.file(name)
    }

    /// Builds the image from entries and checks it with e2fsck.
    @discardableResult
    func build(
        mebibytes: UInt64 = 16, journal: Bool = true, label: String = "", salt: [UInt8] = [], check: Bool = true,
        _ fill: (inout Ext4Writer) throws -> Void
    ) throws -> Ext4Image {
        let file = try Descriptor.open(path, O_RDWR | O_CREAT | O_TRUNC)
        let options = Ext4Options(size: ByteCount(bytes: mebibytes << 20), journal: journal, label: Array(label.utf8), salt: salt)
        var writer = try Ext4Writer(file, name: path, options: options)
        try fill(&writer)
        let image = try writer.finish()
        if check { try self.check() }
        return image
    }

    /// e2fsck has nothing to say but its five passes and the summary.
    ///
    /// - Parameter strangeClock: whether a machine wrote to the disk whose clock may be ahead of ours.
    func check(strangeClock: Bool = false, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let configuration = folder.file("e2fsck.conf")
        let (status, output) = try Tool.run(
            "printf '[options]\nbroken_system_clock = \(strangeClock)\n' >\(configuration); E2FSCK_CONFIG=\(configuration) e2fsck -fn '\(path)'"
        )
        let lines = output.split(separator: "\n").filter { !$0.hasPrefix("e2fsck 1.") }
        #expect(status == 0 && lines.count == 6, "\(output)", sourceLocation: sourceLocation)
    }

    /// What debugfs answers to one command.
    func debugfs(_ command: String) throws -> String {
        let (_, output) = try Tool.run("debugfs -R '\(command)' '\(path)' 2>/dev/null")
        return output
    }

    /// The content of a file, as debugfs reads it.
    func content(_ path: String) throws -> [UInt8] {
        let copy = folder.file("copy")
        _ = try Tool.run("rm -f '\(copy)'; debugfs -R 'dump \"\(path)\" \(copy)' '\(self.path)' 2>/dev/null")
        return try Array(Folder.read(copy, limit: 1 << 30))
    }

    func text(_ path: String) throws -> String { String(decoding: try content(path), as: UTF8.self) }

    var allocated: UInt64 { (try? FileStatus(of: path))?.allocated ?? 0 }

    func bytes() throws -> [UInt8] { try Folder.read(path, limit: 1 << 30) }
}

enum Tool {
    /// Runs a line of shell; gives its exit status and all it said.
    static func run(_ line: String) throws -> (status: Int32, output: String) {
        guard let pipe = popen("PATH=$PATH:/usr/sbin:/sbin LC_ALL=C TZ=UTC; export PATH LC_ALL TZ; { \(line); } 2>&1", "r") else {
            throw OSError.current("run \(line)")
        }
        var output: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65536)
        while case let count = fread(&piece, 1, piece.count, pipe), count > 0 { output += piece[..<count] }
        let status = pclose(pipe)
        return (status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F, String(decoding: output, as: UTF8.self))
    }
}

extension ArchiveEntry {
    static func file(_ path: String, mode: UInt16 = 0o644, owner: UInt32 = 0, group: UInt32 = 0, size: UInt64? = nil) -> ArchiveEntry {
        ArchiveEntry(path: Array(path.utf8), kind: .file(size: size), mode: mode, owner: owner, group: group)
    }

    static func directory(_ path: String, mode: UInt16 = 0o755) -> ArchiveEntry {
        ArchiveEntry(path: Array(path.utf8), kind: .directory, mode: mode)
    }

    static func symlink(_ path: String, to target: String) -> ArchiveEntry {
        ArchiveEntry(path: Array(path.utf8), kind: .symlink(target: Array(target.utf8)), mode: 0o777)
    }

    static func hardlink(_ path: String, to target: String) -> ArchiveEntry {
        ArchiveEntry(path: Array(path.utf8), kind: .hardlink(target: Array(target.utf8)), mode: 0o644)
    }

    func with(_ change: (inout ArchiveEntry) -> Void) -> ArchiveEntry {
        var copy = self
        change(&copy)
        return copy
    }
}

extension Ext4Writer {
    mutating func add(_ entry: ArchiveEntry, _ text: String = "") throws { try add(entry, bytes: Array(text.utf8)) }

    mutating func add(_ entry: ArchiveEntry, bytes: [UInt8], at offset: UInt64 = 0) throws {
        try begin(entry)
        try feed(bytes, at: offset)
        try end()
    }

    mutating func feed(_ bytes: [UInt8], at offset: UInt64) throws(SinkError) { try data(bytes.span.bytes, at: offset) }
}

/// Random bytes from a seed, the same on every host.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed &+ 0x9E37_79B9_7F4A_7C15 }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }

    mutating func bytes(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 8)
        while bytes.count < count {
            var word = next()
            for _ in 0..<8 {
                bytes.append(UInt8(truncatingIfNeeded: word))
                word >>= 8
            }
        }
        return Array(bytes.prefix(count))
    }
}
