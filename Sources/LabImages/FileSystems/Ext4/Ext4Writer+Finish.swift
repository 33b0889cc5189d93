internal import Host

/// The end of a filesystem: everything that could not be known before the last entry was in.
extension Ext4Writer {
    /// Writes all metadata and hands over the finished image. The caller synchronises and names the file.
    package consuming func finish() throws(SinkError) -> Ext4Image {
        try end()
        try tree.settleLinks()
        try takeBackReleased()
        let numbers = InodeNumbers(tree)
        let (uuid, hashSeed) = digest.finished()
        let seed = CRC32C.update(UInt32.max, uuid)

        allocator.limit = geometry.blocks
        guard let inodesPerGroup = geometry.inodesPerGroup(used: UInt64(numbers.last)) else { throw tooSmall() }
        let places = TablePlaces(geometry, inodesPerGroup: inodesPerGroup, allocator: &allocator)
        if places == nil || allocator.isOverfull { output.isDiscarding = true }

        let journal = try writeJournal(seed: seed)
        let resize = try writeResizeInode()
        var tables = InodeTables(places ?? TablePlaces.nowhere(geometry), inodesPerGroup: inodesPerGroup, seed: seed)
        var directories = [UInt32](repeating: 0, count: Int(geometry.groups))
        var shared = SharedAttributeBlocks(uses: numbers.attributeUses)
        let hash = NameHash(seed: hashSeed)
        for number in 1...numbers.last {
            let record: InodeRecord
            switch number {
            case InodeNumbers.root:
                record = try self.record(of: .root, number: number, numbers: numbers, hash: hash, shared: &shared, seed: seed)
            case ResizeInode.inode: record = resize ?? InodeRecord.reserved
            case Journal.inode: record = journal ?? InodeRecord.reserved
            case ..<Ext4Geometry.firstInode: record = InodeRecord.reserved
            default:
                let id = numbers.order[Int(number - Ext4Geometry.firstInode)]
                record = try self.record(of: id, number: number, numbers: numbers, hash: hash, shared: &shared, seed: seed)
            }
            if record.mode & 0o170000 == 0o040000 { directories[Int((number - 1) / inodesPerGroup)] += 1 }
            try tables.add(record, to: &output)
        }
        try tables.flush(to: &output)
        guard let places, !output.isDiscarding else { throw tooSmall() }

        var groups = GroupTable(geometry, places: places, inodesPerGroup: inodesPerGroup, usedInodes: numbers.last, seed: seed)
        try groups.writeBitmaps(&allocator, directories: directories, to: &output)
        let superblock = Superblock(
            geometry: geometry, inodesPerGroup: inodesPerGroup, freeBlocks: groups.freeBlocks, freeInodes: groups.freeInodes, uuid: uuid,
            hashSeed: hashSeed, label: options.label, time: options.time,
            journal: journal.map { (block: $0.block, size: $0.size) })
        try groups.writeDescriptors(superblock, to: &output)
        try output.flush()
        let ignored = attributes.ignored
        return Ext4Image(tree: tree, output: output.descriptor, name: output.name, uuid: uuid, ignoredAttributes: ignored)
    }

    /// One inode, with whatever blocks it needs beside its data.
    private mutating func record(
        of id: InodeID, number: UInt32, numbers: InodeNumbers, hash: NameHash, shared: inout SharedAttributeBlocks, seed: UInt32
    ) throws(SinkError) -> InodeRecord {
        let inode = tree[id]
        var record = InodeRecord(mode: inode.typeBits | inode.mode, owner: inode.owner, group: inode.group, time: inode.modified)
        record.links = UInt16(clamping: inode.links)
        switch inode.kind {
        case .file(let size, let extents):
            record.size = size
            try hang(extents, on: &record, number: number, seed: seed)
        case .directory(let node):
            let written = try writeDirectory(id, node, numbers: numbers, hash: hash, seed: seed)
            record.size = written.extents.reduce(0) { $0 + UInt64($1.count) } * UInt64(Ext4Geometry.blockSize)
            if written.isIndexed { record.flags |= InodeRecord.flagIndex }
            // From 65,000 links on, a directory says 1: "many".
            let links = 2 + Int(node.subdirectories)
            record.links = links > TreeLimits.links ? 1 : UInt16(links)
            try hang(written.extents, on: &record, number: number, seed: seed)
        case .symlink(let target):
            record.size = UInt64(target.count)
            if target.count < InodeRecord.blockBytes {
                record.block = target
            } else {
                let place = try takeExtents(1)
                var block = BlockBuffer(bytes: Ext4Geometry.blockSize)
                block.put(target, at: 0)
                try output.write(block, at: UInt64(place[0].physical))
                try hang(place, on: &record, number: number, seed: seed)
            }
        case .characterDevice(let major, let minor), .blockDevice(let major, let minor):
            record.block = InodeRecord.device(major: major, minor: minor)
        case .fifo, .socket, .pending, .forward, .gone: break
        }
        try addAttributes(inode.attributes, to: &record, shared: &shared, seed: seed)
        return record
    }

    private mutating func hang(_ extents: [FileExtent], on record: inout InodeRecord, number: UInt32, seed: UInt32) throws(SinkError) {
        let (root, treeBlocks) = try writeExtentTree(extents, inode: number, seed: seed)
        record.flags |= InodeRecord.flagExtents
        record.block = root
        record.sectors += (extents.reduce(0) { $0 + UInt64($1.count) } + treeBlocks) * InodeRecord.sectorsPerBlock
    }

    private mutating func addAttributes(
        _ set: Int32, to record: inout InodeRecord, shared: inout SharedAttributeBlocks, seed: UInt32
    ) throws(SinkError) {
        let encoded = attributes[set]
        record.attributes = encoded.inline
        guard !encoded.shared.isEmpty else { return }
        if let place = shared.reuse(set) {
            record.attributeBlock = place
        } else {
            let place = try takeBlocks(upTo: 1).start
            var block = BlockBuffer(bytes: Ext4Geometry.blockSize)
            let references = shared.add(set, at: UInt32(place))
            Ext4AttributeSets.fill(&block, encoded.shared, references: references, number: place, seed: seed)
            try output.write(block, at: place)
            record.attributeBlock = UInt32(place)
        }
        record.sectors += InodeRecord.sectorsPerBlock
    }
}

/// Which attribute block further inodes with the same set can share.
private struct SharedAttributeBlocks {
    private var uses: [UInt32]
    private var places: [(block: UInt32, left: UInt32)]

    init(uses: [UInt32]) {
        self.uses = uses
        places = Array(repeating: (0, 0), count: uses.count)
    }

    mutating func reuse(_ set: Int32) -> UInt32? {
        guard places[Int(set)].left > 0 else { return nil }
        places[Int(set)].left -= 1
        return places[Int(set)].block
    }

    /// A new block for a set; returns how many inodes will refer to it.
    mutating func add(_ set: Int32, at block: UInt32) -> UInt32 {
        let references = min(uses[Int(set)], Ext4AttributeSets.mostReferences)
        uses[Int(set)] -= references
        places[Int(set)] = (block, references - 1)
        return references
    }
}

extension InodeRecord {
    /// An inode that is taken and means nothing.
    static let reserved = InodeRecord(mode: 0, links: 0)
}

extension TablePlaces {
    /// For counting only, when nothing is written any more.
    static func nowhere(_ geometry: Ext4Geometry) -> TablePlaces {
        let zeros = [UInt64](repeating: 0, count: Int(geometry.groups))
        return TablePlaces(blockBitmaps: zeros, inodeBitmaps: zeros, tables: zeros)
    }
}

extension NameHash {
    /// From the 16 bytes of the superblock.
    init(seed: [UInt8]) {
        func word(_ index: Int) -> UInt32 { seed.littleEndian(UInt32.self, at: index * 4) }
        self.init(seed: (word(0), word(1), word(2), word(3)))
    }
}
