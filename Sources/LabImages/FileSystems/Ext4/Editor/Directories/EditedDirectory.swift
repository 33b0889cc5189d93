/// A directory that is looked at: its inode, and where its blocks lie.
struct EditedDirectory {
    let inode: EditedInode
    let blocks: Ext4Volume.FileBlocks
    /// The places of its blocks, in order.
    let places: [UInt64]

    var number: UInt32 { inode.number }
    var isIndexed: Bool { inode.flags & InodeRecord.flagIndex != 0 }

    /// Blocks of one directory: some million names, in 32 MiB.
    static let mostBlocks = 8192
}

/// Finding names in directories.
extension Ext4Volume {
    func directory(_ number: UInt32) throws(Ext4EditError) -> EditedDirectory {
        let inode = try inode(number)
        guard inode.kind == .folder else { throw .damaged("inode \(number) is no directory") }
        let blocks = try blocks(of: inode)
        let count = blocks.count
        guard count > 0, UInt64(count) * UInt64(Ext4Geometry.blockSize) == inode.size else {
            throw .damaged("directory \(number) is not as long as its blocks")
        }
        guard count <= EditedDirectory.mostBlocks else { throw .refused(path: path, .directoryTooLarge) }
        var places: [UInt64] = []
        places.reserveCapacity(count)
        for extent in blocks.extents {
            guard Int(extent.logical) == places.count else { throw .damaged("directory \(number) has a hole") }
            for index in 0..<extent.count { places.append(UInt64(extent.physical + index)) }
        }
        return EditedDirectory(inode: inode, blocks: blocks, places: places)
    }

    /// A block of entries and what is in it.
    func leaf(_ directory: EditedDirectory, _ index: Int) throws(Ext4EditError) -> (block: EditedBlock, entries: [DirectoryReader.Entry]) {
        guard directory.places.indices.contains(index) else { throw .damaged("directory \(directory.number) has an index beyond its end") }
        let block = try cache.block(directory.places[index])
        let checksum = DirectoryReader.checksum(of: block.buffer, seed: directory.inode.seed(seed))
        guard checksum.isThere, checksum.isRight || !isVerifying else {
            throw .damaged("the checksum of directory \(directory.number) is wrong")
        }
        return (block, try DirectoryReader.entries(of: block.buffer))
    }

    /// The leaves of an indexed directory, and the hash that each starts with.
    func leaves(_ directory: EditedDirectory) throws(Ext4EditError) -> [(hash: UInt32, block: UInt32)] {
        let seed = directory.inode.seed(seed)
        let root = try cache.block(directory.places[0])
        let levels = root.buffer.load(UInt8.self, at: 30)
        guard root.buffer.load(UInt32.self, at: 24) == 0, root.buffer.load(UInt8.self, at: 28) == 1,
            root.buffer.load(UInt8.self, at: 29) == 8, levels <= 1
        else { throw .damaged("directory \(directory.number) has an index of another kind") }
        let top = try IndexReader.entries(of: root.buffer, at: IndexReader.rootTable, seed: seed, isVerifying: isVerifying)
        if levels == 0 { return top }
        var leaves: [(hash: UInt32, block: UInt32)] = []
        for entry in top {
            guard Int(entry.block) < directory.places.count else {
                throw .damaged("directory \(directory.number) has an index beyond its end")
            }
            let node = try cache.block(directory.places[Int(entry.block)])
            var below = try IndexReader.entries(of: node.buffer, at: IndexReader.nodeTable, seed: seed, isVerifying: isVerifying)
            below[0].hash = entry.hash
            leaves += below
            guard leaves.count <= EditedDirectory.mostBlocks else { throw .damaged("directory \(directory.number) lists its blocks again") }
        }
        return leaves
    }

    /// Blocks in which a name can be, the one where a new one belongs first.
    func candidates(_ directory: EditedDirectory, _ name: [UInt8]) throws(Ext4EditError) -> [Int] {
        guard directory.isIndexed else { return Array(directory.places.indices) }
        let leaves = try leaves(directory)
        let wanted = hash(name.span).major
        var index = leaves.lastIndex { $0.hash <= wanted } ?? 0
        var found = [Int(leaves[index].block)]
        // The lowest bit says that the names of one hash go on here.
        while index + 1 < leaves.count, leaves[index + 1].hash == wanted | 1 {
            index += 1
            found.append(Int(leaves[index].block))
        }
        return found
    }

    struct FoundName {
        var block: EditedBlock
        var entry: DirectoryReader.Entry
    }

    func find(_ name: [UInt8], in directory: EditedDirectory) throws(Ext4EditError) -> FoundName? {
        for index in try candidates(directory, name) {
            let (block, entries) = try leaf(directory, index)
            if let entry = entries.first(where: { $0.inode != 0 && $0.name == name }) { return FoundName(block: block, entry: entry) }
        }
        return nil
    }

    /// The directory above, as `..` has it.
    func parent(of directory: EditedDirectory) throws(Ext4EditError) -> UInt32 {
        let block = try cache.block(directory.places[0])
        let isRight =
            block.buffer.load(UInt32.self, at: 0) == directory.number && block.buffer.load(UInt16.self, at: 4) == 12
            && block.buffer.load(12 + 6..<12 + 10) == [2, DirectoryBlock.FileType.directory, UInt8(ascii: "."), UInt8(ascii: ".")]
        guard isRight else { throw .damaged("directory \(directory.number) does not begin with . and ..") }
        return block.buffer.load(UInt32.self, at: 12)
    }
}
