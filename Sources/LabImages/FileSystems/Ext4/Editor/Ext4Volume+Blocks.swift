/// Taking blocks and giving them back.
extension Ext4Volume {
    /// Blocks for one file, in as few pieces as there are, `near` that group.
    func takeBlocks(_ count: Int, near group: UInt64) throws(Ext4EditError) -> [FileExtent] {
        guard count > 0 else { return [] }
        if let run = try findRun(count, near: group) {
            try mark(run.start, count: count)
            return [FileExtent(logical: 0, physical: UInt32(run.start), count: UInt32(count))]
        }
        var extents: [FileExtent] = []
        var found = 0
        for offset in 0..<geometry.groups {
            let group = (group + offset) % geometry.groups
            guard try descriptor(group).freeBlocks > 0 else { continue }
            let bitmap = try blockBitmap(group)
            let size = Int(geometry.blocks(inGroup: group))
            var position = 0
            while found < count, let first = bitmap.buffer.firstClearBit(in: position..<size) {
                var end = first + 1
                while end < size, end - first < count - found, !bitmap.buffer.hasBit(end) { end += 1 }
                let start = geometry.start(ofGroup: group) + UInt64(first)
                try mark(start, count: end - first)
                extents.append(FileExtent(logical: UInt32(found), physical: UInt32(start), count: UInt32(end - first)))
                found += end - first
                position = end
            }
            if found == count { return extents }
        }
        throw .full(path: path, what: .blocks, needed: UInt64(count), free: UInt64(found))
    }

    /// The first place, from a group on, where so many blocks lie side by side. A group that was never written to is tried last: its bitmap
    /// would have to be made.
    private func findRun(_ count: Int, near group: UInt64) throws(Ext4EditError) -> (start: UInt64, group: UInt64)? {
        guard count <= Int(Ext4Geometry.blocksPerGroup) else { return nil }
        for wantsNew in [false, true] {
            for offset in 0..<geometry.groups {
                let group = (group + offset) % geometry.groups
                let descriptor = try descriptor(group)
                let isNew = descriptor.flags & GroupDescriptor.blocksUninitialised != 0
                guard isNew == wantsNew, descriptor.freeBlocks >= count else { continue }
                let bitmap = try blockBitmap(group)
                let size = Int(geometry.blocks(inGroup: group))
                var position = 0
                while let first = bitmap.buffer.firstClearBit(in: position..<size), first + count <= size {
                    var end = first + 1
                    while end - first < count, !bitmap.buffer.hasBit(end) { end += 1 }
                    if end - first == count { return (geometry.start(ofGroup: group) + UInt64(first), group) }
                    position = end
                }
            }
        }
        return nil
    }

    /// Free blocks become taken. All of them lie in one group.
    private func mark(_ start: UInt64, count: Int) throws(Ext4EditError) {
        let group = start / Ext4Geometry.blocksPerGroup
        let bitmap = try blockBitmap(group)
        var descriptor = try descriptor(group)
        guard UInt32(count) <= descriptor.freeBlocks else { throw .damaged("group \(group) has more free blocks than it says") }
        let first = Int(start % Ext4Geometry.blocksPerGroup)
        bitmap.buffer.setBits(first..<first + count)
        descriptor.freeBlocks -= UInt32(count)
        try seal(blocks: bitmap, &descriptor, group)
        try self.count(blocks: -Int64(count))
    }

    /// Taken blocks become free.
    func giveBack(_ start: UInt64, count: UInt64) throws(Ext4EditError) {
        var position = start
        guard start < geometry.blocks, count <= geometry.blocks - start else { throw .damaged("a file has blocks beyond the disk") }
        let end = start + count
        while position < end {
            let group = position / Ext4Geometry.blocksPerGroup
            let limit = min(end, geometry.start(ofGroup: group + 1))
            let bitmap = try blockBitmap(group)
            var descriptor = try descriptor(group)
            let first = Int(position % Ext4Geometry.blocksPerGroup)
            let part = Int(limit - position)
            for bit in first..<first + part where !bitmap.buffer.hasBit(bit) {
                throw .damaged("block \(geometry.start(ofGroup: group) + UInt64(bit)) is in use and marked free")
            }
            let free = UInt64(descriptor.freeBlocks) + UInt64(part)
            guard free <= geometry.blocks(inGroup: group), first >= Int(geometry.fixedBlocks(ofGroup: group)) else {
                throw .damaged("a file has the blocks of group \(group)'s own tables")
            }
            bitmap.buffer.clearBits(first..<first + part)
            descriptor.freeBlocks = UInt32(free)
            try seal(blocks: bitmap, &descriptor, group)
            for block in position..<limit { cache.forget(block) }
            position = limit
        }
        try self.count(blocks: Int64(count))
    }
}
