/// Writing directories: one block as a plain list, more with an index.
extension Ext4Writer {
    /// One name of a directory, ready to be written.
    private struct Name {
        var id: NameID
        var inode: UInt32
        var type: UInt8
        var length: UInt8
        var hash: NameHash.Value
    }

    /// A directory's blocks, for its inode.
    struct WrittenDirectory {
        var extents: [FileExtent]
        var isIndexed: Bool
    }

    /// `lost+found` has room for what e2fsck finds: 16 KiB, as mke2fs makes it.
    private static let lostAndFoundBlocks: UInt64 = 4

    mutating func writeDirectory(_ id: InodeID, _ node: DirectoryNode, numbers: InodeNumbers, hash: NameHash, seed: UInt32)
        throws(SinkError) -> WrittenDirectory
    {
        let number = numbers[id]
        let parent = numbers[node.parent]
        let seed = InodeRecord.seed(number, seed)
        var names: [Name] = []
        names.reserveCapacity(Int(node.names))
        tree.forEachName(in: id) { name, inode in
            names.append(
                Name(
                    id: name, inode: numbers[inode], type: tree[inode].directoryEntryType, length: UInt8(tree.bytes(of: name).count),
                    hash: NameHash.Value(major: 0, minor: 0)))
        }
        let size = names.reduce(24) { $0 + DirectoryBlock.size(name: Int($1.length)) }
        if size <= DirectoryBlock.capacity {
            names.sort { first, second in
                if first.inode != second.inode { return first.inode < second.inode }
                return tree.bytes(of: first.id).lexicographicallyPrecedes(tree.bytes(of: second.id))
            }
            return try writeList(names, number: number, parent: parent, isLostAndFound: id == tree.lostAndFound, seed: seed)
        }
        for index in names.indices { names[index].hash = tree.names.withBytes(of: names[index].id) { hash($0) } }
        names.sort { first, second in
            if first.hash != second.hash { return first.hash < second.hash }
            return tree.bytes(of: first.id).lexicographicallyPrecedes(tree.bytes(of: second.id))
        }
        let leaves = HashTree.leaves(
            names.lazy.map { (size: DirectoryBlock.size(name: Int($0.length)), hash: $0.hash.major) })
        guard leaves.count <= HashTree.mostLeaves else { throw .refused(path: tree.path(of: id), .directoryTooLarge) }
        return try writeIndexed(names, leaves, number: number, parent: parent, seed: seed)
    }

    private mutating func writeList(_ names: [Name], number: UInt32, parent: UInt32, isLostAndFound: Bool, seed: UInt32)
        throws(SinkError) -> WrittenDirectory
    {
        var block = DirectoryBlock()
        block.addDots(inode: number, parent: parent)
        for name in names { block.add(tree.bytes(of: name.id), inode: name.inode, type: name.type) }
        block.close(seed: seed)
        let extents = try takeExtents(isLostAndFound ? Self.lostAndFoundBlocks : 1)
        var places = BlockPlaces(extents)
        try output.write(block.buffer, at: places.next())
        for _ in 1..<places.count {
            block.reset()
            block.close(seed: seed)
            try output.write(block.buffer, at: places.next())
        }
        return WrittenDirectory(extents: extents, isIndexed: false)
    }

    /// Block 0 is the root, leaves follow, nodes (if the root cannot list all leaves) come last.
    private mutating func writeIndexed(_ names: [Name], _ leaves: [HashTree.Leaf], number: UInt32, parent: UInt32, seed: UInt32)
        throws(SinkError) -> WrittenDirectory
    {
        let nodes = leaves.count <= HashTree.mostInRoot ? 0 : (leaves.count + HashTree.mostInNode - 1) / HashTree.mostInNode
        let extents = try takeExtents(UInt64(1 + leaves.count + nodes))
        var places = BlockPlaces(extents)
        let leafEntries = leaves.enumerated().map { (hash: $1.hash, block: UInt32(1 + $0)) }
        var rootEntries = leafEntries
        if nodes > 0 {
            rootEntries = (0..<nodes).map { node in
                (hash: leaves[node * HashTree.mostInNode].hash, block: UInt32(1 + leaves.count + node))
            }
        }
        let root = HashTree.root(inode: number, parent: parent, levels: nodes > 0 ? 1 : 0, entries: rootEntries, seed: seed)
        try output.write(root, at: places.next())
        var block = DirectoryBlock()
        for (index, leaf) in leaves.enumerated() {
            let end = index + 1 < leaves.count ? leaves[index + 1].start : names.count
            block.reset()
            for name in names[leaf.start..<end] { block.add(tree.bytes(of: name.id), inode: name.inode, type: name.type) }
            block.close(seed: seed)
            try output.write(block.buffer, at: places.next())
        }
        for node in 0..<nodes {
            let start = node * HashTree.mostInNode
            let part = leafEntries[start..<min(start + HashTree.mostInNode, leaves.count)]
            try output.write(HashTree.node(part, seed: seed), at: places.next())
        }
        return WrittenDirectory(extents: extents, isIndexed: true)
    }
}

/// The blocks of some extents, one after the other.
private struct BlockPlaces {
    private let extents: [FileExtent]
    private var extent = 0
    private var within: UInt32 = 0

    init(_ extents: [FileExtent]) { self.extents = extents }

    var count: Int { extents.reduce(0) { $0 + Int($1.count) } }

    mutating func next() -> UInt64 {
        let place = UInt64(extents[extent].physical + within)
        within += 1
        if within == extents[extent].count {
            extent += 1
            within = 0
        }
        return place
    }
}

extension TreeInode {
    /// The type that a directory says of its entry.
    var directoryEntryType: UInt8 {
        switch kind {
        case .file: 1
        case .directory: DirectoryBlock.FileType.directory
        case .characterDevice: 3
        case .blockDevice: 4
        case .fifo: 5
        case .socket: 6
        case .symlink: 7
        case .pending, .forward, .gone: 0
        }
    }

    /// The type in the high bits of the mode.
    var typeBits: UInt16 {
        switch kind {
        case .file: 0o100000
        case .directory: 0o040000
        case .characterDevice: 0o020000
        case .blockDevice: 0o060000
        case .fifo: 0o010000
        case .socket: 0o140000
        case .symlink: 0o120000
        case .pending, .forward, .gone: 0
        }
    }
}
