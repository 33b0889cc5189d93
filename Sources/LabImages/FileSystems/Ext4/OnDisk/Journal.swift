/// The journal: an ordinary file of inode 8, empty, of which only the first block is written.
enum Journal {
    static let inode: UInt32 = 8

    /// The journal's own superblock (JBD2, version 2, big-endian): `blocks` long, nothing in it to replay.
    ///
    /// Its UUID stays zero: any other value would mean a journal on another disk.
    static func superblock(blocks: UInt32) -> BlockBuffer {
        var block = BlockBuffer(bytes: Ext4Geometry.blockSize)
        block.put(UInt32(0xC03B_3998).byteSwapped, at: 0x00)
        // A superblock of version 2.
        block.put(UInt32(4).byteSwapped, at: 0x04)
        block.put(UInt32(Ext4Geometry.blockSize).byteSwapped, at: 0x0C)
        block.put(blocks.byteSwapped, at: 0x10)
        // The log starts at block 1, with transaction 1; start 0 says that it is empty.
        block.put(UInt32(1).byteSwapped, at: 0x14)
        block.put(UInt32(1).byteSwapped, at: 0x18)
        // One filesystem uses it.
        block.put(UInt32(1).byteSwapped, at: 0x40)
        return block
    }
}

extension Ext4Writer {
    /// Takes the journal's blocks and writes the one that is not zero.
    mutating func writeJournal(seed: UInt32) throws(SinkError) -> InodeRecord? {
        let blocks = geometry.journalBlocks(wanted: options.journal)
        guard blocks > 0 else { return nil }
        let extents = try takeExtents(blocks)
        journalBlocks = blocks
        guard let first = extents.first else { return nil }
        try output.write(Journal.superblock(blocks: UInt32(blocks)), at: UInt64(first.physical))
        let (root, treeBlocks) = try writeExtentTree(extents, inode: Journal.inode, seed: seed)
        return InodeRecord(
            mode: 0o100600, size: blocks * UInt64(Ext4Geometry.blockSize), sectors: (blocks + treeBlocks) * InodeRecord.sectorsPerBlock,
            flags: InodeRecord.flagExtents, block: root, time: ArchiveEntry.Time(seconds: options.time))
    }

    /// Blocks for a file that is written at once.
    mutating func takeExtents(_ count: UInt64) throws(SinkError) -> [FileExtent] {
        var extents: [FileExtent] = []
        var done: UInt64 = 0
        while done < count {
            let run = try takeBlocks(upTo: count - done)
            if let last = extents.last, UInt64(last.physical + last.count) == run.start {
                extents[extents.count - 1].count += UInt32(run.count)
            } else {
                extents.append(FileExtent(logical: UInt32(done), physical: UInt32(run.start), count: UInt32(run.count)))
            }
            done += run.count
        }
        return extents
    }
}
