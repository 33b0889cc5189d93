/// The extents of one file as ext4 keeps them: a tree whose root is in the inode.
///
///     header  magic 0xF30A u16 | entries u16 | most u16 | depth u16 | generation u32
///     leaf    block of the file u32 | length u16 | block on the disk: high u16, low u32
///     index   block of the file u32 | block of the node below: low u32, high u16 | unused u16
///
/// The inode has room for 4, a block for 340 and a checksum behind them.
enum ExtentTree {
    static let inInode = 4
    static let inBlock = 340
    /// A longer extent would say "allocated, not written yet".
    static let longest: UInt32 = 32768
    private static let checksumOffset = 12 + 12 * inBlock

    /// An entry of either kind.
    struct Entry {
        var logical: UInt32
        var physical: UInt32
        /// `nil` for an index entry.
        var count: UInt32?
    }

    /// Runs cut to what one extent may say.
    static func pieces(of extents: [FileExtent]) -> [Entry] {
        var pieces: [Entry] = []
        pieces.reserveCapacity(extents.count)
        for extent in extents {
            var done: UInt32 = 0
            while done < extent.count {
                let count = min(extent.count - done, longest)
                pieces.append(Entry(logical: extent.logical + done, physical: extent.physical + done, count: count))
                done += count
            }
        }
        return pieces
    }

    /// The root, for `i_block`.
    static func root(_ entries: [Entry], depth: UInt16) -> [UInt8] {
        var node = BlockBuffer(bytes: InodeRecord.blockBytes)
        fill(&node, entries[...], most: inInode, depth: depth)
        return node.contents
    }

    /// One block of the tree; `seed` is the inode's.
    static func fill(_ block: inout BlockBuffer, _ entries: ArraySlice<Entry>, depth: UInt16, seed: UInt32) {
        block.zero()
        fill(&block, entries, most: inBlock, depth: depth)
        block.put(block.checksum(0..<checksumOffset, seed: seed), at: checksumOffset)
    }

    private static func fill(_ node: inout BlockBuffer, _ entries: ArraySlice<Entry>, most: Int, depth: UInt16) {
        node.put(UInt16(0xF30A), at: 0)
        node.put(UInt16(entries.count), at: 2)
        node.put(UInt16(most), at: 4)
        node.put(depth, at: 6)
        var offset = 12
        for entry in entries {
            node.put(entry.logical, at: offset)
            if let count = entry.count {
                node.put(UInt16(count), at: offset + 4)
                node.put(entry.physical, at: offset + 8)
            } else {
                node.put(entry.physical, at: offset + 4)
            }
            offset += 12
        }
    }
}

extension Ext4Writer {
    /// Writes the tree blocks that a file's extents need; returns the root and how many blocks there are below it.
    mutating func writeExtentTree(_ extents: [FileExtent], inode: UInt32, seed: UInt32) throws(SinkError) -> (root: [UInt8], blocks: UInt64)
    {
        var level = ExtentTree.pieces(of: extents)
        var depth: UInt16 = 0
        var blocks: UInt64 = 0
        guard level.count > ExtentTree.inInode else { return (ExtentTree.root(level, depth: 0), 0) }
        let seed = InodeRecord.seed(inode, seed)
        var block = BlockBuffer(bytes: Ext4Geometry.blockSize)
        while level.count > ExtentTree.inInode {
            var above: [ExtentTree.Entry] = []
            for start in stride(from: 0, to: level.count, by: ExtentTree.inBlock) {
                let part = level[start..<min(start + ExtentTree.inBlock, level.count)]
                ExtentTree.fill(&block, part, depth: depth, seed: seed)
                let place = try takeBlocks(upTo: 1)
                try output.write(block, at: place.start)
                above.append(ExtentTree.Entry(logical: level[start].logical, physical: UInt32(place.start), count: nil))
                blocks += 1
            }
            level = above
            depth += 1
        }
        return (ExtentTree.root(level, depth: depth), blocks)
    }
}
