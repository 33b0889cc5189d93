internal import Host

/// The header of a qcow2 disk, all numbers big-endian, checked against the file and against what is read here.
///
///      0 magic "QFI\xFB"     20 cluster bits     40 first-level table    72 incompatible features
///      4 version 2 or 3      24 size             48 (reference counts)   96 (reference count order)
///      8 backing file        32 encryption       60 (snapshots)         100 header length
///     16 its name's length   36 first-level entries                     104 compression
///
/// Source: QEMU, docs/interop/qcow2.txt. Reference counts and snapshots are of no concern to a reader, and are not looked at.
struct Qcow2Header: Hashable {
    /// The guest's disk, in bytes.
    var size: UInt64
    var clusterBits: Int
    /// Where the first-level table lies, and how many entries of it are needed.
    var table: UInt64
    var tableCount: Int
    /// Version 2 has no clusters that are zeros by themselves.
    var hasZeroClusters: Bool

    var clusterSize: UInt64 { 1 << UInt64(clusterBits) }
    /// A second-level table fills a cluster with entries of 8 bytes.
    var entriesInTable: UInt64 { clusterSize / 8 }

    static let magic: [UInt8] = [0x51, 0x46, 0x49, 0xFB]
    static let byteCount = 112
    /// As large as a disk of our own may be made.
    static let maximumSize: UInt64 = 16 << 40
    /// Of the first-level table, in bytes: QEMU's own bound.
    static let maximumTable: UInt64 = 32 << 20

    private enum Feature {
        static let corrupt: UInt64 = 1 << 1
        static let externalData: UInt64 = 1 << 2
        static let compression: UInt64 = 1 << 3
        static let extendedEntries: UInt64 = 1 << 4
        /// "Dirty" speaks of the reference counts.
        static let known: UInt64 = 0b1111
    }

    /// - Parameter fileSize: of the file that the bytes are the beginning of.
    init(_ bytes: [UInt8], fileSize: UInt64, subject: String) throws(ImageError) {
        func refused(_ text: String) -> ImageError { ImageError(.unusableDisk(text), subject) }
        func number(_ offset: Int, _ count: Int) -> UInt64 {
            bytes.dropFirst(offset).prefix(count).reduce(0) { $0 << 8 | UInt64($1) }
        }
        guard bytes.count >= 72, bytes.starts(with: Self.magic) else { throw refused("it is not a qcow2 disk") }
        let version = number(4, 4)
        guard version == 2 || version == 3 else { throw refused("it is qcow2 of version \(version); versions 2 and 3 are read") }
        guard number(8, 8) == 0, number(16, 4) == 0 else {
            throw refused("it lies over a backing file, which is never followed: write a whole disk with `qemu-img convert`")
        }
        guard number(32, 4) == 0 else { throw refused("it is encrypted") }
        let bits = Int(number(20, 4))
        guard (9...21).contains(bits) else { throw refused("its clusters have 2^\(bits) bytes; 2^9 to 2^21 are right") }
        size = number(24, 8)
        guard size > 0, size <= Self.maximumSize, size % 512 == 0 else {
            throw refused("it says that it holds \(size) bytes; whole sectors up to \(Self.maximumSize) bytes are right")
        }
        if version == 3 {
            guard bytes.count >= 104 else { throw refused("its header is cut short") }
            let length = number(100, 4)
            guard length >= 104, length % 8 == 0, length <= 1 << UInt64(bits) else {
                throw refused("its header says it has \(length) bytes")
            }
            let features = number(72, 8)
            if features & Feature.corrupt != 0 { throw refused("it is marked as corrupt: mend it with `qemu-img check -r`") }
            if features & Feature.externalData != 0 { throw refused("its data lies in another file, which is never followed") }
            if features & Feature.extendedEntries != 0 {
                throw refused("it has subclusters: write it without them by `qemu-img convert -O qcow2`")
            }
            guard features & ~Feature.known == 0 else {
                throw refused("it needs features that are not known (0x\(String(features, radix: 16)))")
            }
            if features & Feature.compression != 0 || length > 104 {
                guard bytes.count > 104 else { throw refused("its header is cut short") }
                guard bytes[104] == 0 else {
                    throw refused("its clusters are not compressed by zlib: write it so by `qemu-img convert -c -O qcow2`")
                }
            }
        }
        clusterBits = bits
        hasZeroClusters = version == 3
        table = number(40, 8)
        let covered = (UInt64(1) << UInt64(bits)) * ((UInt64(1) << UInt64(bits)) / 8)
        let needed = (size - 1) / covered + 1
        guard needed * 8 <= Self.maximumTable else { throw refused("its first-level table would have \(needed) entries") }
        guard number(36, 4) >= needed else { throw refused("its first-level table has \(number(36, 4)) entries of the \(needed) it needs") }
        tableCount = Int(needed)
        let (end, wraps) = table.addingReportingOverflow(needed * 8)
        guard table % 8 == 0, !wraps, end <= fileSize else { throw refused("its first-level table lies outside the file") }
    }
}
