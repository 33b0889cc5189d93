internal import Glibc
internal import Host

/// A digest of what a disk holds: equal for equal contents, whatever the host's file system does with holes.
///
/// SHA-256 over every 4096-byte block that is not all zeros, each after its block number (8 bytes, little-endian), then the
/// disk's length. Only allocated parts are read, so an empty terabyte costs nothing.
package enum DiskDigest {
    private static let block = 4096
    private static let readSize = 1 << 20
    // lseek(2): Linux's own, behind a feature macro in the C headers.
    private static let seekData: CInt = 3
    private static let seekHole: CInt = 4

    package static func digest(of path: String) throws(ImageError) -> Digest {
        do throws(OSError) {
            let file = try Descriptor.open(path, O_RDONLY)
            let size = try file.size()
            var hash = SHA256()
            var offset: UInt64 = 0
            while let (start, end) = try nextData(file, from: offset, size: size) {
                offset = start / UInt64(block) * UInt64(block)
                while offset < end {
                    let bytes = try file.read(upTo: Int(min(UInt64(readSize), size - offset)), at: offset)
                    if bytes.isEmpty { break }
                    add(bytes, at: offset, to: &hash)
                    offset += UInt64(bytes.count)
                }
            }
            add(number: size, to: &hash)
            return hash.finish()
        } catch {
            throw ImageError(error, path)
        }
    }

    private static func add(_ bytes: [UInt8], at offset: UInt64, to hash: inout SHA256) {
        let zeros = [UInt8](repeating: 0, count: block)
        for start in stride(from: 0, to: bytes.count, by: block) {
            let end = min(start + block, bytes.count)
            // Safe because the views end with the closure and both lengths are at most a block.
            unsafe bytes.withUnsafeBytes { all in
                let piece = unsafe UnsafeRawBufferPointer(rebasing: all[start..<end])
                let isEmpty = unsafe zeros.withUnsafeBytes { unsafe memcmp($0.baseAddress!, piece.baseAddress!, piece.count) == 0 }
                guard !isEmpty else { return }
                add(number: (offset + UInt64(start)) / UInt64(block), to: &hash)
                unsafe hash.update(piece.bytes)
            }
        }
    }

    private static func add(number: UInt64, to hash: inout SHA256) {
        hash.update((0..<8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) })
    }

    /// The next part that is allocated, as the file system tells; `nil` when there is none.
    private static func nextData(_ file: borrowing Descriptor, from offset: UInt64, size: UInt64) throws(OSError) -> (UInt64, UInt64)? {
        guard offset < size else { return nil }
        let number = file.number
        let start = lseek(number, off_t(clamping: offset), seekData)
        if start < 0 { return errno == ENXIO ? nil : (offset, size) }
        let end = lseek(number, start, seekHole)
        return (UInt64(clamping: start), end < 0 ? size : min(size, UInt64(clamping: end)))
    }
}
