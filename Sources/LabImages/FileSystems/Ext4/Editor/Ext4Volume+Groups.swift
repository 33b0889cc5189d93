/// Group descriptors and the two bitmaps of a group.
extension Ext4Volume {
    func descriptor(_ group: UInt64) throws(Ext4EditError) -> GroupDescriptor {
        let (block, offset) = try descriptorPlace(group)
        let descriptor = GroupDescriptor(from: block.buffer, at: offset)
        if isVerifying {
            let said = block.buffer.load(UInt16.self, at: offset + 0x1E)
            guard said == GroupDescriptor.checksum(of: block.buffer.load(offset..<offset + Ext4Geometry.descriptorSize), group, seed) else {
                throw .damaged("the checksum of group \(group) is wrong")
            }
        }
        let table = geometry.tableBlocks(inodesPerGroup: inodesPerGroup)
        for place in [descriptor.blockBitmap, descriptor.inodeBitmap, descriptor.inodeTable] {
            guard place > 0, place < geometry.blocks else { throw .damaged("group \(group) has its tables beyond the disk") }
        }
        guard descriptor.inodeTable + table <= geometry.blocks, UInt64(descriptor.freeBlocks) <= geometry.blocks(inGroup: group),
            descriptor.freeInodes <= inodesPerGroup, descriptor.unusedInodes <= inodesPerGroup, descriptor.directories <= inodesPerGroup
        else { throw .damaged("the descriptor of group \(group) cannot be") }
        return descriptor
    }

    func put(_ descriptor: GroupDescriptor, _ group: UInt64) throws(Ext4EditError) {
        let (block, offset) = try descriptorPlace(group)
        block.buffer.put(UInt16(0), at: offset + 0x1E)
        descriptor.write(to: &block.buffer, at: offset, group: UInt32(group), seed: seed)
        block.isChanged = true
    }

    private func descriptorPlace(_ group: UInt64) throws(Ext4EditError) -> (EditedBlock, Int) {
        guard group < geometry.groups else { throw .damaged("group \(group) of \(geometry.groups)") }
        let perBlock = UInt64(Ext4Geometry.descriptorsPerBlock)
        return (try cache.block(1 + group / perBlock), Int(group % perBlock) * Ext4Geometry.descriptorSize)
    }

    // MARK: Bitmaps

    /// The block bitmap of a group; one that was never written is made.
    func blockBitmap(_ group: UInt64) throws(Ext4EditError) -> EditedBlock {
        var descriptor = try descriptor(group)
        if descriptor.flags & GroupDescriptor.blocksUninitialised != 0 {
            let bitmap = try cache.fresh(descriptor.blockBitmap)
            let start = geometry.start(ofGroup: group)
            let end = start + geometry.blocks(inGroup: group)
            func take(_ from: UInt64, _ count: UInt64) {
                let low = min(max(from, start), end)
                let high = min(max(from + count, low), end)
                bitmap.buffer.setBits(Int(low - start)..<Int(high - start))
            }
            take(start, geometry.fixedBlocks(ofGroup: group))
            take(descriptor.blockBitmap, 1)
            take(descriptor.inodeBitmap, 1)
            take(descriptor.inodeTable, geometry.tableBlocks(inodesPerGroup: inodesPerGroup))
            bitmap.buffer.setBits(Int(end - start)..<Ext4Geometry.blockSize * 8)
            guard bitmap.buffer.setBitCount() == Ext4Geometry.blockSize * 8 - Int(descriptor.freeBlocks) else {
                throw .damaged("group \(group) has blocks in use and says that it has none")
            }
            descriptor.flags &= ~GroupDescriptor.blocksUninitialised
            try seal(blocks: bitmap, &descriptor, group)
            return bitmap
        }
        let bitmap = try cache.block(descriptor.blockBitmap)
        if isVerifying, bitmap.buffer.checksum(0..<Ext4Geometry.blockSize, seed: seed) != descriptor.blockBitmapChecksum {
            throw .damaged("the checksum of the block bitmap of group \(group) is wrong")
        }
        return bitmap
    }

    /// The inode bitmap of a group; one that was never written is made, and the block bitmap with it, as the kernel does.
    func inodeBitmap(_ group: UInt64) throws(Ext4EditError) -> EditedBlock {
        var descriptor = try descriptor(group)
        if descriptor.flags & GroupDescriptor.inodesUninitialised != 0 {
            _ = try blockBitmap(group)
            descriptor = try self.descriptor(group)
            guard descriptor.freeInodes == inodesPerGroup else {
                throw .damaged("group \(group) has inodes in use and says that it has none")
            }
            let bitmap = try cache.fresh(descriptor.inodeBitmap)
            bitmap.buffer.setBits(Int(inodesPerGroup)..<Ext4Geometry.blockSize * 8)
            descriptor.flags &= ~GroupDescriptor.inodesUninitialised
            descriptor.unusedInodes = inodesPerGroup
            try seal(inodes: bitmap, &descriptor, group)
            return bitmap
        }
        let bitmap = try cache.block(descriptor.inodeBitmap)
        if isVerifying,
            bitmap.buffer.checksum(0..<Int(inodesPerGroup / 8), seed: seed) != descriptor.inodeBitmapChecksum
        {
            throw .damaged("the checksum of the inode bitmap of group \(group) is wrong")
        }
        return bitmap
    }

    /// After a change to a bitmap: its checksum goes into the descriptor, and that to its block.
    func seal(blocks bitmap: EditedBlock, _ descriptor: inout GroupDescriptor, _ group: UInt64) throws(Ext4EditError) {
        bitmap.isChanged = true
        descriptor.blockBitmapChecksum = bitmap.buffer.checksum(0..<Ext4Geometry.blockSize, seed: seed)
        try put(descriptor, group)
    }

    func seal(inodes bitmap: EditedBlock, _ descriptor: inout GroupDescriptor, _ group: UInt64) throws(Ext4EditError) {
        bitmap.isChanged = true
        descriptor.inodeBitmapChecksum = bitmap.buffer.checksum(0..<Int(inodesPerGroup / 8), seed: seed)
        try put(descriptor, group)
    }
}

extension GroupDescriptor {
    init(from block: borrowing BlockBuffer, at offset: Int) {
        func half(_ place: Int) -> UInt32 { UInt32(block.load(UInt16.self, at: offset + place)) }
        func word(_ place: Int) -> UInt64 { UInt64(block.load(UInt32.self, at: offset + place)) }
        self.init()
        blockBitmap = word(0x00) | word(0x20) << 32
        inodeBitmap = word(0x04) | word(0x24) << 32
        inodeTable = word(0x08) | word(0x28) << 32
        freeBlocks = half(0x0C) | half(0x2C) << 16
        freeInodes = half(0x0E) | half(0x2E) << 16
        directories = half(0x10) | half(0x30) << 16
        unusedInodes = half(0x1C) | half(0x32) << 16
        flags = UInt16(half(0x12))
        blockBitmapChecksum = half(0x18) | half(0x38) << 16
        inodeBitmapChecksum = half(0x1A) | half(0x3A) << 16
    }

    /// Of 64 bytes, the checksum in them taken as zero.
    static func checksum(of bytes: [UInt8], _ group: UInt64, _ seed: UInt32) -> UInt16 {
        var bytes = bytes
        bytes[0x1E] = 0
        bytes[0x1F] = 0
        return UInt16(truncatingIfNeeded: CRC32C.update(CRC32C.update(seed, value: UInt32(truncatingIfNeeded: group)), bytes))
    }
}

extension BlockBuffer {
    /// The first bit that is not set, of those in a range.
    func firstClearBit(in bits: Range<Int>) -> Int? {
        var bit = bits.lowerBound
        while bit < bits.upperBound {
            if bit % 8 == 0, load(UInt8.self, at: bit / 8) == 0xFF {
                bit += 8
            } else if hasBit(bit) {
                bit += 1
            } else {
                return bit
            }
        }
        return nil
    }

    func hasBit(_ bit: Int) -> Bool { load(UInt8.self, at: bit / 8) & 1 << UInt8(bit % 8) != 0 }
}
