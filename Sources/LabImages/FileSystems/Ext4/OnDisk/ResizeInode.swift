/// Inode 7 owns the blocks that are kept for more group descriptors, so that a mounted filesystem can grow.
///
/// Its double-indirect block lists the kept blocks behind the first descriptor table; each of those lists, as an indirect block, the
/// same block behind every copy of the table.
enum ResizeInode {
    static let inode: UInt32 = 7
    /// Block numbers in a block.
    private static let numbers: UInt64 = 1024
    /// Where `i_block` has the double-indirect block.
    private static let doubleIndirect = 13

    static func record(geometry: Ext4Geometry, list: UInt64, time: ArchiveEntry.Time) -> InodeRecord {
        var block = [UInt8](repeating: 0, count: doubleIndirect * 4)
        block.append(littleEndian: UInt32(truncatingIfNeeded: list))
        let kept = geometry.reservedDescriptorBlocks
        let blocks = 1 + kept * (1 + UInt64(geometry.backupGroups.count))
        return InodeRecord(
            mode: 0o100600, size: (numbers * numbers + numbers + 12) * UInt64(Ext4Geometry.blockSize),
            sectors: blocks * InodeRecord.sectorsPerBlock, block: block, time: time)
    }

    /// The double-indirect block.
    static func list(_ geometry: Ext4Geometry) -> BlockBuffer {
        var block = BlockBuffer(bytes: Ext4Geometry.blockSize)
        for index in 0..<geometry.reservedDescriptorBlocks {
            let number = geometry.descriptorBlocks + index
            block.put(UInt32(1 + number), at: Int(number % numbers) * 4)
        }
        return block
    }

    /// What kept block `number` holds: the places of its copies.
    static func copies(of number: UInt64, _ geometry: Ext4Geometry) -> BlockBuffer {
        var block = BlockBuffer(bytes: Ext4Geometry.blockSize)
        for (index, group) in geometry.backupGroups.enumerated() {
            block.put(UInt32(truncatingIfNeeded: geometry.start(ofGroup: group) + number), at: index * 4)
        }
        return block
    }
}

extension Ext4Writer {
    mutating func writeResizeInode() throws(SinkError) -> InodeRecord? {
        guard geometry.reservedDescriptorBlocks > 0 else { return nil }
        let place = try takeBlocks(upTo: 1).start
        try output.write(ResizeInode.list(geometry), at: place)
        if geometry.groups > 1 {
            for index in 0..<geometry.reservedDescriptorBlocks {
                let number = 1 + geometry.descriptorBlocks + index
                try output.write(ResizeInode.copies(of: number, geometry), at: number)
            }
        }
        return ResizeInode.record(geometry: geometry, list: place, time: ArchiveEntry.Time(seconds: options.time))
    }
}
