/// What the filesystem knows of one group: 64 bytes, most numbers cut into a low and a high half.
struct GroupDescriptor: Sendable {
    var blockBitmap: UInt64 = 0
    var inodeBitmap: UInt64 = 0
    var inodeTable: UInt64 = 0
    var freeBlocks: UInt32 = 0
    var freeInodes: UInt32 = 0
    var directories: UInt32 = 0
    /// Inodes at the end of the table that were never used.
    var unusedInodes: UInt32 = 0
    var flags: UInt16 = 0
    var blockBitmapChecksum: UInt32 = 0
    var inodeBitmapChecksum: UInt32 = 0

    /// The inode bitmap was never written: all free.
    static let inodesUninitialised: UInt16 = 1
    /// The block bitmap was never written: all free but what the group holds by its place.
    static let blocksUninitialised: UInt16 = 2
    /// The table's unused part reads as zeros; the kernel need not clear it.
    static let tableZeroed: UInt16 = 4

    func write(to block: inout BlockBuffer, at offset: Int, group: UInt32, seed: UInt32) {
        block.put(UInt32(truncatingIfNeeded: blockBitmap), at: offset + 0x00)
        block.put(UInt32(truncatingIfNeeded: inodeBitmap), at: offset + 0x04)
        block.put(UInt32(truncatingIfNeeded: inodeTable), at: offset + 0x08)
        block.put(UInt16(truncatingIfNeeded: freeBlocks), at: offset + 0x0C)
        block.put(UInt16(truncatingIfNeeded: freeInodes), at: offset + 0x0E)
        block.put(UInt16(truncatingIfNeeded: directories), at: offset + 0x10)
        block.put(flags, at: offset + 0x12)
        block.put(UInt16(truncatingIfNeeded: blockBitmapChecksum), at: offset + 0x18)
        block.put(UInt16(truncatingIfNeeded: inodeBitmapChecksum), at: offset + 0x1A)
        block.put(UInt16(truncatingIfNeeded: unusedInodes), at: offset + 0x1C)
        block.put(UInt32(truncatingIfNeeded: blockBitmap >> 32), at: offset + 0x20)
        block.put(UInt32(truncatingIfNeeded: inodeBitmap >> 32), at: offset + 0x24)
        block.put(UInt32(truncatingIfNeeded: inodeTable >> 32), at: offset + 0x28)
        block.put(UInt16(truncatingIfNeeded: freeBlocks >> 16), at: offset + 0x2C)
        block.put(UInt16(truncatingIfNeeded: freeInodes >> 16), at: offset + 0x2E)
        block.put(UInt16(truncatingIfNeeded: directories >> 16), at: offset + 0x30)
        block.put(UInt16(truncatingIfNeeded: unusedInodes >> 16), at: offset + 0x32)
        block.put(UInt16(truncatingIfNeeded: blockBitmapChecksum >> 16), at: offset + 0x38)
        block.put(UInt16(truncatingIfNeeded: inodeBitmapChecksum >> 16), at: offset + 0x3A)
        let sum = block.checksum(offset..<offset + Ext4Geometry.descriptorSize, seed: CRC32C.update(seed, value: group))
        block.put(UInt16(truncatingIfNeeded: sum), at: offset + 0x1E)
    }
}
