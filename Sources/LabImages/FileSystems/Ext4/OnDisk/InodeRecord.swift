/// One inode as it lies in the inode table.
///
///     0x00 mode, uid, size, atime, ctime, mtime, dtime, gid, links, blocks, flags
///     0x28 i_block: extents, a short symbolic link, or a device number (60 bytes)
///     0x64 generation, attribute block, size (high) ...
///     0x80 extra_isize, checksum (high), nanoseconds and high bits of the times, creation time
///     0xA0 attributes that fit (96 bytes)
struct InodeRecord {
    var mode: UInt16
    var owner: UInt32 = 0
    var group: UInt32 = 0
    var size: UInt64 = 0
    var links: UInt16 = 1
    /// In units of 512 bytes.
    var sectors: UInt64 = 0
    var flags: UInt32 = 0
    /// At most 60 bytes.
    var block: [UInt8] = []
    var attributeBlock: UInt32 = 0
    /// At most 96 bytes.
    var attributes: [UInt8] = []
    var time = ArchiveEntry.Time(seconds: 0)

    /// All block numbers of a file are 32 bits wide, and the last is not to be used.
    static let largestFile = UInt64(UInt32.max) * UInt64(Ext4Geometry.blockSize)
    static let blockBytes = 60
    static let attributeBytes = 96
    static let flagExtents: UInt32 = 0x80000
    static let flagIndex: UInt32 = 0x1000
    static let sectorsPerBlock: UInt64 = 8

    /// What a time can be: 34 bits of seconds from 1901 on.
    private static let earliest: Int64 = -(1 << 31)
    private static let latest: Int64 = (1 << 34) - (1 << 31) - 1

    /// Puts the record at `offset`; `seed` is the filesystem's checksum seed.
    func write(to table: inout BlockBuffer, at offset: Int, number: UInt32, seed: UInt32) {
        table.put(mode, at: offset)
        table.put(UInt16(truncatingIfNeeded: owner), at: offset + 0x02)
        table.put(UInt32(truncatingIfNeeded: size), at: offset + 0x04)
        table.put(UInt16(truncatingIfNeeded: group), at: offset + 0x18)
        table.put(links, at: offset + 0x1A)
        table.put(UInt32(truncatingIfNeeded: sectors), at: offset + 0x1C)
        table.put(flags, at: offset + 0x20)
        table.put(block, at: offset + 0x28)
        table.put(attributeBlock, at: offset + 0x68)
        table.put(UInt32(truncatingIfNeeded: size >> 32), at: offset + 0x6C)
        table.put(UInt16(truncatingIfNeeded: sectors >> 32), at: offset + 0x74)
        table.put(UInt16(truncatingIfNeeded: owner >> 16), at: offset + 0x78)
        table.put(UInt16(truncatingIfNeeded: group >> 16), at: offset + 0x7A)
        table.put(UInt16(32), at: offset + 0x80)
        let (low, high) = Self.encoded(time)
        for place in [0x08, 0x0C, 0x10, 0x90] { table.put(low, at: offset + place) }
        for place in [0x84, 0x88, 0x8C, 0x94] { table.put(high, at: offset + place) }
        table.put(attributes, at: offset + 0xA0)
        let sum = table.checksum(offset..<offset + Ext4Geometry.inodeSize, seed: Self.seed(number, seed))
        table.put(UInt16(truncatingIfNeeded: sum), at: offset + 0x7C)
        table.put(UInt16(truncatingIfNeeded: sum >> 16), at: offset + 0x82)
    }

    /// The seed of all checksums that belong to an inode: its number and its generation, which is always 0 here.
    static func seed(_ number: UInt32, _ seed: UInt32) -> UInt32 {
        CRC32C.update(seed, value: UInt64(number))
    }

    /// The low 32 bits of the seconds; then two more bits of them under 30 bits of nanoseconds.
    static func encoded(_ time: ArchiveEntry.Time) -> (UInt32, UInt32) {
        let seconds = min(max(time.seconds, earliest), latest)
        let isKept = seconds == time.seconds
        let nanoseconds = isKept ? min(time.nanoseconds, 999_999_999) : 0
        let low = Int32(truncatingIfNeeded: seconds)
        let epoch = UInt32(truncatingIfNeeded: (seconds - Int64(low)) >> 32) & 3
        return (UInt32(bitPattern: low), nanoseconds << 2 | epoch)
    }

    /// Device numbers as the kernel encodes them: the old short form where it reaches, else the new one.
    static func device(major: UInt32, minor: UInt32) -> [UInt8] {
        var bytes: [UInt8] = []
        if major < 256, minor < 256 {
            bytes.append(littleEndian: major << 8 | minor)
        } else {
            bytes.append(littleEndian: UInt32(0))
            bytes.append(littleEndian: (minor & 0xFF) | major << 8 | (minor & ~0xFF) << 12)
        }
        return bytes
    }
}
