/// Finding inodes, taking new ones, and letting go of those that are replaced.
extension Ext4Volume {
    /// An inode in use.
    func inode(_ number: UInt32) throws(Ext4EditError) -> EditedInode {
        guard number == InodeNumbers.root || number >= Ext4Geometry.firstInode, number <= inodeCount else {
            throw .damaged("a name of inode \(number)")
        }
        let inode = try place(of: number)
        if isVerifying, inode.checksum(seed) != inode.saidChecksum { throw .damaged("the checksum of inode \(number) is wrong") }
        guard inode.links > 0 else { throw .damaged("a name of inode \(number), which is not in use") }
        return inode
    }

    private func place(of number: UInt32) throws(Ext4EditError) -> EditedInode {
        let index = UInt64(number - 1)
        let table = try descriptor(index / UInt64(inodesPerGroup)).inodeTable
        let within = index % UInt64(inodesPerGroup)
        let block = try cache.block(table + within / UInt64(Ext4Geometry.inodesPerBlock))
        let offset = Int(within % UInt64(Ext4Geometry.inodesPerBlock)) * Ext4Geometry.inodeSize
        return EditedInode(number: number, block: block, offset: offset)
    }

    func group(of inode: UInt32) -> UInt64 { UInt64(inode - 1) / UInt64(inodesPerGroup) }

    /// A new inode, in that group if it has one left. Its place in the table still holds what was there before.
    func takeInode(near group: UInt64, isFolder: Bool) throws(Ext4EditError) -> UInt32 {
        for offset in 0..<geometry.groups {
            let group = (group + offset) % geometry.groups
            guard try descriptor(group).freeInodes > 0 else { continue }
            let bitmap = try inodeBitmap(group)
            var descriptor = try descriptor(group)
            guard let bit = bitmap.buffer.firstClearBit(in: 0..<Int(inodesPerGroup)) else {
                throw .damaged("group \(group) has fewer free inodes than it says")
            }
            let number = UInt32(group) * inodesPerGroup + UInt32(bit) + 1
            guard number >= Ext4Geometry.firstInode, descriptor.freeInodes > 0 else {
                throw .damaged("inode \(number) is reserved and marked free")
            }
            bitmap.buffer.setBits(bit..<bit + 1)
            descriptor.freeInodes -= 1
            descriptor.unusedInodes = min(descriptor.unusedInodes, inodesPerGroup - UInt32(bit) - 1)
            if isFolder { descriptor.directories += 1 }
            try seal(inodes: bitmap, &descriptor, group)
            try count(inodes: -1)
            return number
        }
        throw .full(path: path, what: .inodes, needed: 1, free: 0)
    }

    func write(_ record: InodeRecord, _ number: UInt32) throws(Ext4EditError) {
        let inode = try place(of: number)
        inode.block.buffer.zero(inode.offset..<inode.offset + Ext4Geometry.inodeSize)
        record.write(to: &inode.block.buffer, at: inode.offset, number: number, seed: seed)
        inode.block.isChanged = true
    }

    /// One name fewer; with the last one go the file and all its blocks.
    func removeName(of number: UInt32) throws(Ext4EditError) {
        let inode = try inode(number)
        if inode.links > 1 {
            inode.put(inode.links - 1, at: 0x1A)
            inode.seal(seed)
            return
        }
        try releaseBlocks(of: inode)
        try releaseAttributes(of: inode)
        try write(InodeRecord.reserved, number)
        let group = group(of: number)
        let bitmap = try inodeBitmap(group)
        var descriptor = try descriptor(group)
        let bit = Int((number - 1) % inodesPerGroup)
        guard bitmap.buffer.hasBit(bit), descriptor.freeInodes < inodesPerGroup else {
            throw .damaged("inode \(number) is in use and marked free")
        }
        bitmap.buffer.clearBits(bit..<bit + 1)
        descriptor.freeInodes += 1
        try seal(inodes: bitmap, &descriptor, group)
        try count(inodes: 1)
    }

    /// The block of attributes that did not fit into the inode; other inodes may share it.
    private func releaseAttributes(of inode: EditedInode) throws(Ext4EditError) {
        let place = inode.attributeBlock
        guard place != 0 else { return }
        let block = try cache.block(place)
        let references = block.buffer.load(UInt32.self, at: 4)
        guard block.buffer.load(UInt32.self, at: 0) == 0xEA02_0000, references > 0 else {
            throw .damaged("inode \(inode.number) has attributes in block \(place), which holds none")
        }
        if references == 1 { return try giveBack(place, count: 1) }
        block.buffer.put(references - 1, at: 4)
        block.buffer.put(UInt32(0), at: 16)
        let sum = block.buffer.checksum(0..<Ext4Geometry.blockSize, seed: CRC32C.update(seed, value: place))
        block.buffer.put(sum, at: 16)
        block.isChanged = true
    }
}
