/// The blocks of a file.
extension Ext4Volume {
    /// Where a file's blocks lie, ascending, and which blocks hold the tree that says so.
    struct FileBlocks {
        var extents: [FileExtent] = []
        var nodes: [UInt64] = []

        var count: Int { extents.reduce(0) { $0 + Int($1.count) } }
    }

    /// Nodes that one file may have: 16 Mi blocks even where every other one is missing.
    private static let mostNodes = 65536

    func blocks(of inode: EditedInode) throws(Ext4EditError) -> FileBlocks {
        guard inode.flags & InodeRecord.flagExtents != 0 else { throw .damaged("inode \(inode.number) has blocks and no extents") }
        var found = FileBlocks()
        var node = BlockBuffer(bytes: InodeRecord.blockBytes)
        node.put(inode.root, at: 0)
        // What is still to be looked at, the next one last, with the depth it must have.
        var pending = try entries(of: node, most: ExtentTree.inInode, depth: nil, into: &found)
        while let (place, depth) = pending.popLast() {
            found.nodes.append(place)
            guard found.nodes.count <= Self.mostNodes else { throw .damaged("inode \(inode.number) has too many extents") }
            let block = try cache.block(place)
            let end = 12 + 12 * ExtentTree.inBlock
            if isVerifying, block.buffer.checksum(0..<end, seed: inode.seed(seed)) != block.buffer.load(UInt32.self, at: end) {
                throw .damaged("the checksum of extents of inode \(inode.number) is wrong")
            }
            pending += try entries(of: block.buffer, most: ExtentTree.inBlock, depth: depth, into: &found)
        }
        return found
    }

    /// Adds what a leaf has; returns what an index points to, the first one last.
    private func entries(
        of node: borrowing BlockBuffer, most: Int, depth wanted: UInt16?, into found: inout FileBlocks
    ) throws(Ext4EditError) -> [(UInt64, UInt16)] {
        let entries = Int(node.load(UInt16.self, at: 2))
        let depth = node.load(UInt16.self, at: 6)
        guard node.load(UInt16.self, at: 0) == 0xF30A, entries <= most, depth <= 5, wanted == nil || wanted == depth else {
            throw .damaged("an extent tree is none")
        }
        var below: [(UInt64, UInt16)] = []
        for offset in stride(from: 12, to: 12 + 12 * entries, by: 12) {
            if depth > 0 {
                below.append(
                    (UInt64(node.load(UInt32.self, at: offset + 4)) | UInt64(node.load(UInt16.self, at: offset + 8)) << 32, depth - 1))
                continue
            }
            let logical = node.load(UInt32.self, at: offset)
            let said = node.load(UInt16.self, at: offset + 4)
            // More than 32768 says: allocated, and not written yet.
            let count = UInt32(said) > ExtentTree.longest ? UInt32(said) - ExtentTree.longest : UInt32(said)
            let physical = UInt64(node.load(UInt16.self, at: offset + 6)) << 32 | UInt64(node.load(UInt32.self, at: offset + 8))
            let end = found.extents.last.map { UInt64($0.logical) + UInt64($0.count) } ?? 0
            guard count > 0, UInt64(logical) >= end, UInt64(logical) + UInt64(count) <= UInt64(UInt32.max),
                physical > 0, physical + UInt64(count) <= geometry.blocks
            else { throw .damaged("an extent lies beyond the disk, or behind another") }
            found.extents.append(FileExtent(logical: logical, physical: UInt32(physical), count: count))
        }
        return below.reversed()
    }

    /// Gives back all that a file has; the inode itself still says what it had.
    func releaseBlocks(of inode: EditedInode) throws(Ext4EditError) {
        guard inode.flags & InodeRecord.flagExtents != 0 else {
            // A short link, a device, a pipe. This writer has made no other.
            guard inode.kind == .other || inode.kind == .link && inode.size < UInt64(InodeRecord.blockBytes) else {
                throw .damaged("inode \(inode.number) has blocks and no extents")
            }
            return
        }
        let blocks = try blocks(of: inode)
        for extent in blocks.extents { try giveBack(UInt64(extent.physical), count: UInt64(extent.count)) }
        for node in blocks.nodes { try giveBack(node, count: 1) }
    }

    /// What an inode says of its blocks.
    struct HungExtents {
        var root: [UInt8]
        var sectors: UInt64
    }

    /// Makes the tree of a file's extents.
    func hang(_ extents: [FileExtent], on inode: UInt32, seed inodeSeed: UInt32) throws(Ext4EditError) -> HungExtents {
        var level = ExtentTree.pieces(of: extents)
        var blocks = extents.reduce(UInt64(0)) { $0 + UInt64($1.count) }
        var depth: UInt16 = 0
        while level.count > ExtentTree.inInode {
            var above: [ExtentTree.Entry] = []
            for start in stride(from: 0, to: level.count, by: ExtentTree.inBlock) {
                let part = level[start..<min(start + ExtentTree.inBlock, level.count)]
                guard let place = try takeBlocks(1, near: group(of: inode)).first?.physical else { continue }
                let node = try cache.fresh(UInt64(place))
                ExtentTree.fill(&node.buffer, part, depth: depth, seed: inodeSeed)
                above.append(ExtentTree.Entry(logical: level[start].logical, physical: place, count: nil))
                blocks += 1
            }
            level = above
            depth += 1
        }
        return HungExtents(root: ExtentTree.root(level, depth: depth), sectors: blocks * InodeRecord.sectorsPerBlock)
    }

    /// Bytes into blocks, the end of the last one zeros.
    func store(_ bytes: [UInt8], near group: UInt64) throws(Ext4EditError) -> [FileExtent] {
        let size = Ext4Geometry.blockSize
        let extents = try takeBlocks((bytes.count + size - 1) / size, near: group)
        for extent in extents {
            for index in 0..<extent.count {
                let start = Int(extent.logical + index) * size
                let block = try cache.fresh(UInt64(extent.physical + index))
                block.buffer.put(bytes[start..<min(start + size, bytes.count)], at: 0)
            }
        }
        return extents
    }
}
