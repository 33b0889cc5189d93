/// The groups of a finished filesystem: bitmaps, descriptors, superblocks.
struct GroupTable {
    private let geometry: Ext4Geometry
    private let inodesPerGroup: UInt32
    /// Inodes 1 to this one are in use.
    private let usedInodes: UInt32
    private let seed: UInt32
    private let places: TablePlaces
    private var groups: [GroupDescriptor] = []

    init(_ geometry: Ext4Geometry, places: TablePlaces, inodesPerGroup: UInt32, usedInodes: UInt32, seed: UInt32) {
        self.geometry = geometry
        self.places = places
        self.inodesPerGroup = inodesPerGroup
        self.usedInodes = usedInodes
        self.seed = seed
    }

    var freeBlocks: UInt64 { groups.reduce(0) { $0 + UInt64($1.freeBlocks) } }
    var freeInodes: UInt32 { groups.reduce(0) { $0 + $1.freeInodes } }

    // MARK: Bitmaps

    mutating func writeBitmaps(_ allocator: inout BlockAllocator, directories: [UInt32], to output: inout ImageOutput) throws(SinkError) {
        var usage = BlockUsage(geometry, &allocator)
        var bitmap = BlockBuffer(bytes: Ext4Geometry.blockSize)
        for index in 0..<Int(geometry.groups) {
            var group = GroupDescriptor(
                blockBitmap: places.blockBitmaps[index], inodeBitmap: places.inodeBitmaps[index], inodeTable: places.tables[index])
            group.directories = directories[index]
            group.flags = GroupDescriptor.tableZeroed
            // The last group's bitmap is always written: its end lies beyond the disk.
            if index + 1 < Int(geometry.groups), usage.isUntouched(UInt64(index)) {
                group.flags |= GroupDescriptor.blocksUninitialised
                group.freeBlocks = UInt32(Ext4Geometry.blocksPerGroup - geometry.fixedBlocks(ofGroup: UInt64(index)))
            } else {
                bitmap.zero()
                group.freeBlocks = usage.fill(&bitmap, group: UInt64(index))
                group.blockBitmapChecksum = bitmap.checksum(0..<Ext4Geometry.blockSize, seed: seed)
                try output.write(bitmap, at: group.blockBitmap)
            }
            groups.append(group)
        }
        for index in groups.indices { try writeInodeBitmap(index, &bitmap, to: &output) }
    }

    private mutating func writeInodeBitmap(_ index: Int, _ bitmap: inout BlockBuffer, to output: inout ImageOutput) throws(SinkError) {
        let before = UInt64(index) * UInt64(inodesPerGroup)
        let used = UInt32(min(UInt64(inodesPerGroup), UInt64(usedInodes) - min(UInt64(usedInodes), before)))
        groups[index].freeInodes = inodesPerGroup - used
        groups[index].unusedInodes = inodesPerGroup - used
        guard used > 0 else {
            groups[index].flags |= GroupDescriptor.inodesUninitialised
            return
        }
        bitmap.zero()
        bitmap.setBits(0..<Int(used))
        // What is no inode any more counts as taken.
        bitmap.setBits(Int(inodesPerGroup)..<Ext4Geometry.blockSize * 8)
        groups[index].inodeBitmapChecksum = bitmap.checksum(0..<Int(inodesPerGroup / 8), seed: seed)
        try output.write(bitmap, at: groups[index].inodeBitmap)
    }

    // MARK: Descriptors and superblocks

    /// The copies first, the superblock itself last.
    func writeDescriptors(_ superblock: Superblock, to output: inout ImageOutput) throws(SinkError) {
        var table = BlockBuffer(bytes: Int(geometry.descriptorBlocks) * Ext4Geometry.blockSize)
        for (index, group) in groups.enumerated() {
            group.write(to: &table, at: index * Ext4Geometry.descriptorSize, group: UInt32(index), seed: seed)
        }
        var block = BlockBuffer(bytes: Ext4Geometry.blockSize)
        for group in geometry.backupGroups {
            block.zero()
            superblock.write(to: &block, at: 0, group: group)
            try output.write(block, at: geometry.start(ofGroup: group))
            try output.write(table, at: geometry.start(ofGroup: group) + 1)
        }
        try output.write(table, at: 1)
        block.zero()
        superblock.write(to: &block, at: 1024, group: 0)
        try output.write(block, at: 0)
    }
}

/// Which blocks are taken, group by group in ascending order.
private struct BlockUsage {
    private let geometry: Ext4Geometry
    /// Everything before it is taken but the free runs; nothing behind it but the islands and the superblock copies.
    private let cursor: UInt64
    private let free: [BlockAllocator.Run]
    private let islands: [BlockAllocator.Run]
    private var nextFree = 0
    private var nextIsland = 0

    init(_ geometry: Ext4Geometry, _ allocator: inout BlockAllocator) {
        self.geometry = geometry
        cursor = allocator.cursor
        free = allocator.freeRuns()
        islands = allocator.islands
    }

    /// Whether a group holds nothing but what its place demands.
    mutating func isUntouched(_ group: UInt64) -> Bool {
        let start = geometry.start(ofGroup: group)
        let end = start + geometry.blocks(inGroup: group)
        while nextIsland < islands.count, islands[nextIsland].end <= start { nextIsland += 1 }
        guard cursor <= start + geometry.fixedBlocks(ofGroup: group) else { return false }
        return nextIsland == islands.count || islands[nextIsland].start >= end
    }

    /// Sets the bits of what is taken in a group and of what is no block any more; returns the number of free blocks.
    mutating func fill(_ bitmap: inout BlockBuffer, group: UInt64) -> UInt32 {
        let start = geometry.start(ofGroup: group)
        let count = geometry.blocks(inGroup: group)
        let end = start + count
        func bits(_ from: UInt64, _ to: UInt64) -> Range<Int> {
            let low = max(from, start)
            let high = max(low, min(to, end))
            return Int(low - start)..<Int(high - start)
        }
        bitmap.setBits(bits(start, cursor))
        while nextFree < free.count, free[nextFree].end <= start { nextFree += 1 }
        var index = nextFree
        while index < free.count, free[index].start < end {
            bitmap.clearBits(bits(free[index].start, free[index].end))
            index += 1
        }
        bitmap.setBits(bits(start, start + geometry.fixedBlocks(ofGroup: group)))
        while nextIsland < islands.count, islands[nextIsland].end <= start { nextIsland += 1 }
        index = nextIsland
        while index < islands.count, islands[index].start < end {
            bitmap.setBits(bits(islands[index].start, islands[index].end))
            index += 1
        }
        bitmap.setBits(Int(count)..<Ext4Geometry.blockSize * 8)
        return UInt32(Ext4Geometry.blockSize * 8 - bitmap.setBitCount())
    }
}

extension BlockBuffer {
    mutating func setBits(_ bits: Range<Int>) { change(bits) { $0 | $1 } }

    mutating func clearBits(_ bits: Range<Int>) { change(bits) { $0 & ~$1 } }

    /// Bits set in the whole buffer.
    func setBitCount() -> Int {
        // Safe because the bytes are only read.
        unsafe bytes.reduce(0) { $0 + $1.nonzeroBitCount }
    }

    private mutating func change(_ bits: Range<Int>, _ with: (UInt8, UInt8) -> UInt8) {
        guard !bits.isEmpty else { return }
        precondition(bits.lowerBound >= 0 && bits.upperBound <= count * 8)
        let first = bits.lowerBound / 8
        let last = (bits.upperBound - 1) / 8
        // Safe because the range was checked just now.
        let bytes = unsafe mutableBytes
        for index in first...last {
            var mask: UInt8 = 0xFF
            if index == first { mask &= 0xFF << UInt8(bits.lowerBound % 8) }
            if index == last { mask &= 0xFF >> UInt8(7 - (bits.upperBound - 1) % 8) }
            unsafe bytes[index] = with(bytes[index], mask)
        }
    }
}
