/// The superblock: 1024 bytes at byte 1024 of the disk, and at the start of every copy.
struct Superblock {
    var geometry: Ext4Geometry
    var inodesPerGroup: UInt32
    var freeBlocks: UInt64 = 0
    var freeInodes: UInt32 = 0
    var uuid: [UInt8]
    var hashSeed: [UInt8]
    var label: [UInt8]
    var time: Int64
    /// `i_block` and size of the journal's inode; `nil` without a journal.
    var journal: (block: [UInt8], size: UInt64)?

    static let size = 1024

    private enum Compatible {
        static let hasJournal: UInt32 = 0x4
        static let extendedAttributes: UInt32 = 0x8
        static let resizeInode: UInt32 = 0x10
        static let directoryIndex: UInt32 = 0x20
    }
    private enum Incompatible {
        static let fileType: UInt32 = 0x2
        static let extents: UInt32 = 0x40
        static let wide: UInt32 = 0x80
        static let flexibleGroups: UInt32 = 0x200
    }
    private enum ReadOnlyCompatible {
        static let sparseSuperblocks: UInt32 = 0x1
        static let largeFiles: UInt32 = 0x2
        static let hugeFiles: UInt32 = 0x8
        static let manySubdirectories: UInt32 = 0x20
        static let largeInodes: UInt32 = 0x40
        static let checksums: UInt32 = 0x400
    }

    /// Fills 1024 bytes at `offset` with the superblock of `group`.
    func write(to block: inout BlockBuffer, at offset: Int, group: UInt64) {
        let clock = UInt32(clamping: time)
        let clockHigh = UInt8(truncatingIfNeeded: UInt64(clamping: time) >> 32)
        block.put(UInt32(geometry.groups) * inodesPerGroup, at: offset + 0x00)
        block.put(UInt32(truncatingIfNeeded: geometry.blocks), at: offset + 0x04)
        block.put(UInt32(truncatingIfNeeded: freeBlocks), at: offset + 0x0C)
        block.put(freeInodes, at: offset + 0x10)
        // Block and cluster size: 1024 << 2.
        block.put(UInt32(2), at: offset + 0x18)
        block.put(UInt32(2), at: offset + 0x1C)
        block.put(UInt32(Ext4Geometry.blocksPerGroup), at: offset + 0x20)
        block.put(UInt32(Ext4Geometry.blocksPerGroup), at: offset + 0x24)
        block.put(inodesPerGroup, at: offset + 0x28)
        block.put(clock, at: offset + 0x30)
        // Never checked by count or by age.
        block.put(UInt16.max, at: offset + 0x36)
        block.put(UInt16(0xEF53), at: offset + 0x38)
        // Clean; on errors, continue.
        block.put(UInt16(1), at: offset + 0x3A)
        block.put(UInt16(1), at: offset + 0x3C)
        block.put(clock, at: offset + 0x40)
        // Revision with features and inode sizes.
        block.put(UInt32(1), at: offset + 0x4C)
        block.put(Ext4Geometry.firstInode, at: offset + 0x54)
        block.put(UInt16(Ext4Geometry.inodeSize), at: offset + 0x58)
        block.put(UInt16(truncatingIfNeeded: group), at: offset + 0x5A)
        writeFeatures(to: &block, at: offset)
        block.put(uuid, at: offset + 0x68)
        block.put(label.prefix(16), at: offset + 0x78)
        block.put(UInt16(geometry.reservedDescriptorBlocks), at: offset + 0xCE)
        writeJournal(to: &block, at: offset)
        block.put(hashSeed, at: offset + 0xEC)
        // Names are hashed with half MD4.
        block.put(UInt8(1), at: offset + 0xFC)
        block.put(UInt16(Ext4Geometry.descriptorSize), at: offset + 0xFE)
        // Mounted with user attributes and ACLs unless told otherwise.
        block.put(UInt32(0xC), at: offset + 0x100)
        block.put(clock, at: offset + 0x108)
        block.put(UInt32(truncatingIfNeeded: geometry.blocks >> 32), at: offset + 0x150)
        block.put(UInt32(truncatingIfNeeded: freeBlocks >> 32), at: offset + 0x158)
        block.put(UInt16(32), at: offset + 0x15C)
        block.put(UInt16(32), at: offset + 0x15E)
        // Names are hashed as unsigned bytes.
        block.put(UInt32(2), at: offset + 0x160)
        // 16 groups share a place for their tables.
        block.put(UInt8(4), at: offset + 0x174)
        // CRC-32C.
        block.put(UInt8(1), at: offset + 0x175)
        block.put(clockHigh, at: offset + 0x274)
        block.put(clockHigh, at: offset + 0x276)
        block.put(clockHigh, at: offset + 0x277)
        block.put(block.checksum(offset..<offset + 0x3FC, seed: UInt32.max), at: offset + 0x3FC)
    }

    private func writeFeatures(to block: inout BlockBuffer, at offset: Int) {
        var compatible = Compatible.extendedAttributes | Compatible.directoryIndex
        if journal != nil { compatible |= Compatible.hasJournal }
        if geometry.reservedDescriptorBlocks > 0 { compatible |= Compatible.resizeInode }
        block.put(compatible, at: offset + 0x5C)
        block.put(
            Incompatible.fileType | Incompatible.extents | Incompatible.wide | Incompatible.flexibleGroups, at: offset + 0x60)
        block.put(
            ReadOnlyCompatible.sparseSuperblocks | ReadOnlyCompatible.largeFiles | ReadOnlyCompatible.hugeFiles
                | ReadOnlyCompatible.manySubdirectories | ReadOnlyCompatible.largeInodes | ReadOnlyCompatible.checksums,
            at: offset + 0x64)
    }

    private func writeJournal(to block: inout BlockBuffer, at offset: Int) {
        guard let journal else { return }
        block.put(Journal.inode, at: offset + 0xE0)
        // A copy of the journal's inode, should its own be lost: i_block, then the size, high half first.
        block.put(UInt8(1), at: offset + 0xFD)
        block.put(journal.block, at: offset + 0x10C)
        block.put(UInt32(truncatingIfNeeded: journal.size >> 32), at: offset + 0x10C + 60)
        block.put(UInt32(truncatingIfNeeded: journal.size), at: offset + 0x10C + 64)
    }
}
