/// Where the bitmaps and the inode table of each group lie.
///
/// 16 groups have theirs together: at the start of the first of the 16, or, where content reaches beyond that, behind the content.
struct TablePlaces: Sendable {
    private(set) var blockBitmaps: [UInt64] = []
    private(set) var inodeBitmaps: [UInt64] = []
    private(set) var tables: [UInt64] = []

    init(blockBitmaps: [UInt64], inodeBitmaps: [UInt64], tables: [UInt64]) {
        self.blockBitmaps = blockBitmaps
        self.inodeBitmaps = inodeBitmaps
        self.tables = tables
    }

    /// `nil` when there is no room.
    init?(_ geometry: Ext4Geometry, inodesPerGroup: UInt32, allocator: inout BlockAllocator) {
        let table = geometry.tableBlocks(inodesPerGroup: inodesPerGroup)
        var group: UInt64 = 0
        while group < geometry.groups {
            let count = min(UInt64(Ext4Geometry.groupsPerFlex), geometry.groups - group)
            let start = geometry.start(ofGroup: group)
            let need = count * (2 + table) + geometry.fixedBlocks(ofGroup: 0) * 2
            let from = start + need <= geometry.blocks ? start : 0
            guard let blocks = allocator.place(count, from: from), let inodes = allocator.place(count, from: from) else { return nil }
            for index in 0..<count {
                guard let place = allocator.place(table, from: from) else { return nil }
                blockBitmaps.append(blocks.start + index)
                inodeBitmaps.append(inodes.start + index)
                tables.append(place.start)
            }
            group += count
        }
    }
}
