/// One block of a directory: entries one behind the other, and a checksum that looks like an unused entry.
///
///     entry     inode u32 | record length u16 | name length u8 | type u8 | name, padded to 4
///     checksum  0 u32 | 12 u16 | 0 u8 | 0xDE u8 | crc u32
struct DirectoryBlock: ~Copyable {
    private(set) var buffer = BlockBuffer(bytes: Ext4Geometry.blockSize)
    private var used = 0
    private var last = 0

    static let capacity = Ext4Geometry.blockSize - 12

    enum FileType {
        static let directory: UInt8 = 2
    }

    static func size(name: Int) -> Int { 8 + (name + 3) & ~3 }

    mutating func add(_ name: ArraySlice<UInt8>, inode: UInt32, type: UInt8, size: Int? = nil) {
        let size = size ?? Self.size(name: name.count)
        buffer.put(inode, at: used)
        buffer.put(UInt16(size), at: used + 4)
        buffer.put(UInt8(name.count), at: used + 6)
        buffer.put(type, at: used + 7)
        buffer.put(name, at: used + 8)
        last = used
        used += size
    }

    mutating func addDots(inode: UInt32, parent: UInt32, lastSize: Int? = nil) {
        add([UInt8(ascii: ".")], inode: inode, type: FileType.directory)
        add([UInt8(ascii: "."), UInt8(ascii: ".")], inode: parent, type: FileType.directory, size: lastSize)
    }

    /// Lets the last entry reach to the checksum and writes that; `seed` is the inode's.
    mutating func close(seed: UInt32) {
        if used == 0 { add([], inode: 0, type: 0, size: Self.capacity) }
        buffer.put(UInt16(Self.capacity - last), at: last + 4)
        buffer.put(UInt16(12), at: Self.capacity + 4)
        buffer.put(UInt8(0xDE), at: Self.capacity + 7)
        buffer.put(buffer.checksum(0..<Self.capacity, seed: seed), at: Self.capacity + 8)
    }

    mutating func reset() {
        buffer.zero()
        used = 0
        last = 0
    }
}
