/// The entries of one block of a directory, checked one by one.
struct DirectoryReader {
    struct Entry {
        var offset: Int
        var size: Int
        var inode: UInt32
        var type: UInt8
        var name: [UInt8]

        var isDots: Bool { name == [UInt8(ascii: ".")] || name == [UInt8(ascii: "."), UInt8(ascii: ".")] }
        /// What it would need at least; nothing for an entry that was removed.
        var need: Int { inode == 0 ? 0 : DirectoryBlock.size(name: name.count) }
    }

    /// - Parameter limit: where the entries end: before the checksum, or at the end of an index block.
    static func entries(of block: borrowing BlockBuffer, limit: Int = DirectoryBlock.capacity) throws(Ext4EditError) -> [Entry] {
        var entries: [Entry] = []
        var offset = 0
        while offset < limit {
            guard limit - offset >= 8 else { throw .damaged("a directory entry is cut off") }
            let size = Int(block.load(UInt16.self, at: offset + 4))
            let length = Int(block.load(UInt8.self, at: offset + 6))
            guard size >= 8, size % 4 == 0, size <= limit - offset, 8 + length <= size else {
                throw .damaged("a directory entry is longer than its block")
            }
            entries.append(
                Entry(
                    offset: offset, size: size, inode: block.load(UInt32.self, at: offset), type: block.load(UInt8.self, at: offset + 7),
                    name: block.load(offset + 8..<offset + 8 + length)))
            offset += size
        }
        return entries
    }

    /// Whether the block ends with a checksum that looks like an entry, and whether that is right.
    static func checksum(of block: borrowing BlockBuffer, seed: UInt32) -> (isThere: Bool, isRight: Bool) {
        let place = DirectoryBlock.capacity
        let isThere =
            block.load(UInt32.self, at: place) == 0 && block.load(UInt16.self, at: place + 4) == 12
            && block.load(UInt16.self, at: place + 6) == 0xDE00
        return (isThere, block.checksum(0..<place, seed: seed) == block.load(UInt32.self, at: place + 8))
    }
}

/// One table of a directory's index: of its root, or of a node below.
struct IndexReader {
    static let rootTable = 32
    static let nodeTable = 8

    /// - Parameter offset: where the table starts.
    static func entries(
        of block: borrowing BlockBuffer, at offset: Int, seed: UInt32, isVerifying: Bool
    ) throws(Ext4EditError) -> [(hash: UInt32, block: UInt32)] {
        let most = offset == rootTable ? HashTree.mostInRoot : HashTree.mostInNode
        let count = Int(block.load(UInt16.self, at: offset + 2))
        guard Int(block.load(UInt16.self, at: offset)) == most, count > 0, count <= most else {
            throw .damaged("a directory's index cannot be")
        }
        let tail = offset + most * 8
        if isVerifying {
            var sum = block.checksum(0..<offset + count * 8, seed: seed)
            sum = CRC32C.update(sum, block.load(tail..<tail + 4) + [0, 0, 0, 0])
            guard sum == block.load(UInt32.self, at: tail + 4) else { throw .damaged("the checksum of a directory's index is wrong") }
        }
        return (0..<count).map { index in
            // The first entry has its table's size where the others have a hash.
            let hash = index == 0 ? 0 : block.load(UInt32.self, at: offset + index * 8)
            return (hash, block.load(UInt32.self, at: offset + index * 8 + 4) & 0x0FFF_FFFF)
        }
    }
}
