/// Putting names into directories.
extension Ext4Volume {
    /// Lets a name that is there mean another inode.
    func point(_ found: FoundName, to inode: UInt32, type: UInt8, in directory: EditedDirectory) {
        found.block.buffer.put(inode, at: found.entry.offset)
        found.block.buffer.put(type, at: found.entry.offset + 7)
        sealDirectoryBlock(found.block, directory)
    }

    /// Adds a name that is not there.
    func insert(_ name: [UInt8], inode: UInt32, type: UInt8, into directory: EditedDirectory) throws(Ext4EditError) {
        let need = DirectoryBlock.size(name: name.count)
        // In an index there is one place for each hash; where that is full, the directory is laid out anew.
        let places = try candidates(directory, name)
        for index in directory.isIndexed ? Array(places.prefix(1)) : places {
            let (block, entries) = try leaf(directory, index)
            guard let entry = entries.first(where: { $0.size - $0.need >= need }) else { continue }
            if entry.need > 0 { block.buffer.put(UInt16(entry.need), at: entry.offset + 4) }
            let offset = entry.offset + entry.need
            let size = entry.size - entry.need
            block.buffer.zero(offset..<offset + size)
            put(DirectoryReader.Entry(offset: offset, size: size, inode: inode, type: type, name: name), into: block)
            sealDirectoryBlock(block, directory)
            return
        }
        try rebuild(directory, adding: DirectoryReader.Entry(offset: 0, size: 0, inode: inode, type: type, name: name))
    }

    private func put(_ entry: DirectoryReader.Entry, into block: EditedBlock) {
        block.buffer.put(entry.inode, at: entry.offset)
        block.buffer.put(UInt16(entry.size), at: entry.offset + 4)
        block.buffer.put(UInt8(entry.name.count), at: entry.offset + 6)
        block.buffer.put(entry.type, at: entry.offset + 7)
        block.buffer.put(entry.name, at: entry.offset + 8)
    }

    private func sealDirectoryBlock(_ block: EditedBlock, _ directory: EditedDirectory) {
        let end = DirectoryBlock.capacity
        block.buffer.put(block.buffer.checksum(0..<end, seed: directory.inode.seed(seed)), at: end + 8)
        block.isChanged = true
    }

    /// A directory of one block, for an inode that is there already; returns its extents.
    func writeNewDirectory(_ number: UInt32, parent: UInt32) throws(Ext4EditError) -> [FileExtent] {
        var block = DirectoryBlock()
        block.addDots(inode: number, parent: parent)
        block.close(seed: InodeRecord.seed(number, seed))
        return try store(block.buffer.load(0..<Ext4Geometry.blockSize), near: group(of: number))
    }

    // MARK: Laying out anew

    /// Writes a directory again, with one name more, into new blocks with an index.
    private func rebuild(_ directory: EditedDirectory, adding new: DirectoryReader.Entry) throws(Ext4EditError) {
        let parent = try parent(of: directory)
        var names = try allNames(of: directory).map { (entry: $0, hash: hash($0.name.span)) }
        names.append((new, hash(new.name.span)))
        names.sort { $0.hash != $1.hash ? $0.hash < $1.hash : $0.entry.name.lexicographicallyPrecedes($1.entry.name) }
        let leaves = HashTree.leaves(names.lazy.map { (size: DirectoryBlock.size(name: $0.entry.name.count), hash: $0.hash.major) })
        let nodes = leaves.count <= HashTree.mostInRoot ? 0 : (leaves.count + HashTree.mostInNode - 1) / HashTree.mostInNode
        guard 1 + leaves.count + nodes <= EditedDirectory.mostBlocks else { throw .refused(path: path, .directoryTooLarge) }

        try releaseBlocks(of: directory.inode)
        let extents = try takeBlocks(1 + leaves.count + nodes, near: group(of: directory.number))
        var places = extents.flatMap { extent in (0..<extent.count).map { UInt64(extent.physical + $0) } }[...]
        func write(_ block: borrowing BlockBuffer) throws(Ext4EditError) {
            guard let place = places.popFirst() else { return }
            try cache.fresh(place).buffer.put(block.load(0..<Ext4Geometry.blockSize), at: 0)
        }
        let seed = directory.inode.seed(seed)
        let leafEntries = leaves.enumerated().map { (hash: $1.hash, block: UInt32(1 + $0)) }
        let rootEntries =
            nodes == 0
            ? leafEntries
            : (0..<nodes).map { (hash: leaves[$0 * HashTree.mostInNode].hash, block: UInt32(1 + leaves.count + $0)) }
        try write(HashTree.root(inode: directory.number, parent: parent, levels: nodes > 0 ? 1 : 0, entries: rootEntries, seed: seed))
        for (index, leaf) in leaves.enumerated() {
            let end = index + 1 < leaves.count ? leaves[index + 1].start : names.count
            var block = DirectoryBlock()
            for name in names[leaf.start..<end] { block.add(name.entry.name[...], inode: name.entry.inode, type: name.entry.type) }
            block.close(seed: seed)
            try write(block.buffer)
        }
        for node in 0..<nodes {
            let start = node * HashTree.mostInNode
            try write(HashTree.node(leafEntries[start..<min(start + HashTree.mostInNode, leaves.count)], seed: seed))
        }
        try hang(extents, onDirectory: directory.inode, seed: seed)
    }

    private func allNames(of directory: EditedDirectory) throws(Ext4EditError) -> [DirectoryReader.Entry] {
        let blocks = directory.isIndexed ? try leaves(directory).map { Int($0.block) } : Array(directory.places.indices)
        guard Set(blocks).count == blocks.count else { throw .damaged("directory \(directory.number) lists its blocks again") }
        var names: [DirectoryReader.Entry] = []
        for index in blocks { names += try leaf(directory, index).entries.filter { $0.inode != 0 && !$0.isDots } }
        // What stands in several leaves would be found in none.
        guard !names.contains(where: { $0.name.isEmpty }) else { throw .damaged("directory \(directory.number) has an empty name") }
        return names
    }

    private func hang(_ extents: [FileExtent], onDirectory inode: EditedInode, seed inodeSeed: UInt32) throws(Ext4EditError) {
        let hung = try hang(extents, on: inode.number, seed: inodeSeed)
        let size = extents.reduce(UInt64(0)) { $0 + UInt64($1.count) } * UInt64(Ext4Geometry.blockSize)
        let sectors = hung.sectors + (inode.attributeBlock == 0 ? 0 : InodeRecord.sectorsPerBlock)
        inode.put(UInt32(truncatingIfNeeded: size), at: 0x04)
        inode.put(UInt32(truncatingIfNeeded: size >> 32), at: 0x6C)
        inode.put(UInt32(truncatingIfNeeded: sectors), at: 0x1C)
        inode.put(UInt16(truncatingIfNeeded: sectors >> 32), at: 0x74)
        inode.put(inode.flags | InodeRecord.flagIndex | InodeRecord.flagExtents, at: 0x20)
        inode.block.buffer.put(hung.root, at: inode.offset + 0x28)
        inode.seal(seed)
    }
}
