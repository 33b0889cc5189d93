import Glibc
import Host
import LabImages
import LabModel
import Testing

extension Disk {
    /// Lays a layer over the image as a machine's delta, and gives the disk as that machine sees it. The image stays as it was.
    func edited(_ layer: Layer, check: Bool = true) throws -> Disk {
        let before = SHA256.digest(of: try bytes())
        let delta = folder.file("delta")
        try makeDelta(delta)
        try Ext4Editor.apply(layer, base: Descriptor.open(path, O_RDONLY), delta: Descriptor.open(delta, O_RDWR))
        #expect(SHA256.digest(of: try bytes()) == before)
        let flat = try Disk()
        try Folder.write(flattened(delta), to: flat.path)
        if check { try flat.check() }
        return flat
    }

    func makeDelta(_ delta: String) throws {
        let file = try Descriptor.open(delta, O_RDWR | O_CREAT | O_TRUNC)
        try file.truncate(to: DeltaDisk.length(forBaseOf: FileStatus(of: path).size))
    }

    /// Base and delta as one.
    func flattened(_ delta: String) throws -> [UInt8] {
        let disk = try DeltaDisk(base: Descriptor.open(path, O_RDONLY), delta: Descriptor.open(delta, O_RDONLY), isReadOnly: true)
        var bytes = [UInt8](repeating: 0, count: Int(disk.byteCount))
        try bytes.withUnsafeMutableBytes { try disk.read(at: 0, into: [$0]) }
        return bytes
    }

    /// What keeps a layer from being laid over the image; nothing is written then.
    func refusal(_ layer: Layer) throws -> Ext4EditError? {
        let delta = folder.file("delta")
        try makeDelta(delta)
        do {
            try Ext4Editor.apply(layer, base: Descriptor.open(path, O_RDONLY), delta: Descriptor.open(delta, O_RDWR))
            return nil
        } catch {
            #expect(FileStatus.allocated(delta) == 0)
            return error as? Ext4EditError
        }
    }
}

extension FileStatus {
    static func allocated(_ path: String) -> UInt64 { (try? FileStatus(of: path))?.allocated ?? 0 }
}

extension Layer.Entry {
    static func text(_ path: String, _ text: String, mode: UInt16 = 0o644, where conditions: [Layer.Condition] = []) -> Layer.Entry {
        Layer.Entry(ImageRecipe.File(to: path, content: .text(text), mode: mode), where: conditions)
    }

    static func from(_ path: String, _ source: String, mode: UInt16 = 0o644) -> Layer.Entry {
        Layer.Entry(ImageRecipe.File(to: path, content: .from(path: source), mode: mode))
    }

    static func link(_ path: String, to target: String) -> Layer.Entry {
        Layer.Entry(ImageRecipe.File(to: path, content: .symlink(target: target), mode: 0o777))
    }
}

/// A disk in memory whose base never changes: what is written lies over it, block by block.
final class MemoryDisk: Host.Disk, @unchecked Sendable {
    var base: [UInt8]
    private(set) var written: [UInt64: [UInt8]] = [:]
    private static let size: UInt64 = 4096

    init(_ base: [UInt8]) { self.base = base }

    var byteCount: UInt64 { UInt64(base.count) }
    var isReadOnly: Bool { false }
    var canDiscard: Bool { false }

    func forgetWrites() { written = [:] }

    func read(at offset: UInt64, into pieces: [UnsafeMutableRawBufferPointer]) throws(DiskError) {
        var position = offset
        for piece in pieces {
            guard position + UInt64(piece.count) <= byteCount else { throw .truncated }
            for index in 0..<piece.count / Int(Self.size) {
                let block = position / Self.size + UInt64(index)
                let target = UnsafeMutableRawBufferPointer(rebasing: piece[index * 4096..<(index + 1) * 4096])
                if let own = written[block] {
                    target.copyBytes(from: own)
                } else {
                    base.withUnsafeBytes {
                        target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[Int(block) * 4096..<Int(block + 1) * 4096]))
                    }
                }
            }
            position += UInt64(piece.count)
        }
    }

    func write(at offset: UInt64, from pieces: [UnsafeMutableRawBufferPointer]) throws(DiskError) {
        var position = offset
        for piece in pieces {
            guard position + UInt64(piece.count) <= byteCount, piece.count % 4096 == 0 else { throw .truncated }
            for index in 0..<piece.count / 4096 {
                written[position / Self.size + UInt64(index)] = Array(piece[index * 4096..<(index + 1) * 4096])
            }
            position += UInt64(piece.count)
        }
    }

    func flush() throws(DiskError) {}
    func discard(at offset: UInt64, count: UInt64) throws(DiskError) {}
    func writeZeros(at offset: UInt64, count: UInt64) throws(DiskError) { throw .readOnly }

    var flattened: [UInt8] {
        var bytes = base
        for (block, own) in written { bytes.replaceSubrange(Int(block) * 4096..<Int(block + 1) * 4096, with: own) }
        return bytes
    }
}
