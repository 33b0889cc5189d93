/// The index of a directory of more than one block: names in the order of their hashes, and for each leaf the hash it starts with.
///
///     root (block 0)  "." entry | ".." entry over the rest | 0 u32, hash kind u8, 8 u8, levels u8, 0 u8 | table
///     node            an unused entry over the whole block | table
///     table           most u16, count u16, first block u32 | hash u32, block u32 | ... | 0 u32, crc u32
struct HashTree {
    /// Where each leaf starts in the sorted names, and the hash the index has for it.
    struct Leaf {
        var start: Int
        var hash: UInt32
    }

    static let mostInRoot = 507
    static let mostInNode = 510
    /// What two levels reach.
    static let mostLeaves = mostInRoot * mostInNode
    /// A leaf keeps a fifth of its room for names to come, as e2fsck leaves it.
    static let fill = DirectoryBlock.capacity * 4 / 5
    private static let rootTable = 32
    private static let nodeTable = 8
    private static let halfMD4: UInt8 = 1

    /// Cuts names, sorted by hash, into leaves.
    static func leaves(_ sizes: some Sequence<(size: Int, hash: UInt32)>) -> [Leaf] {
        var leaves: [Leaf] = [Leaf(start: 0, hash: 0)]
        var used = 0
        var previous: UInt32 = 0
        for (index, name) in sizes.enumerated() {
            // Names of one hash stay together where a block can hold them; where it cannot, the lowest bit says "goes on".
            let goesOn = index > 0 && name.hash == previous
            if used + name.size > (goesOn ? DirectoryBlock.capacity : fill), used > 0 {
                leaves.append(Leaf(start: index, hash: goesOn ? name.hash | 1 : name.hash))
                used = 0
            }
            used += name.size
            previous = name.hash
        }
        return leaves
    }

    static func root(inode: UInt32, parent: UInt32, levels: UInt8, entries: [(hash: UInt32, block: UInt32)], seed: UInt32) -> BlockBuffer {
        var block = BlockBuffer(bytes: Ext4Geometry.blockSize)
        block.put(inode, at: 0)
        block.put(UInt16(12), at: 4)
        block.put(UInt8(1), at: 6)
        block.put(DirectoryBlock.FileType.directory, at: 7)
        block.put(UInt8(ascii: "."), at: 8)
        block.put(parent, at: 12)
        block.put(UInt16(Ext4Geometry.blockSize - 12), at: 16)
        block.put(UInt8(2), at: 18)
        block.put(DirectoryBlock.FileType.directory, at: 19)
        block.put([UInt8(ascii: "."), UInt8(ascii: ".")], at: 20)
        block.put(halfMD4, at: 28)
        block.put(UInt8(8), at: 29)
        block.put(levels, at: 30)
        table(&block, at: rootTable, most: mostInRoot, entries[...], seed: seed)
        return block
    }

    static func node(_ entries: ArraySlice<(hash: UInt32, block: UInt32)>, seed: UInt32) -> BlockBuffer {
        var block = BlockBuffer(bytes: Ext4Geometry.blockSize)
        block.put(UInt16(Ext4Geometry.blockSize), at: 4)
        table(&block, at: nodeTable, most: mostInNode, entries, seed: seed)
        return block
    }

    private static func table(
        _ block: inout BlockBuffer, at offset: Int, most: Int, _ entries: ArraySlice<(hash: UInt32, block: UInt32)>, seed: UInt32
    ) {
        var place = offset
        for entry in entries {
            block.put(entry.hash, at: place)
            block.put(entry.block, at: place + 4)
            place += 8
        }
        // The first entry needs no hash; its room says how full the table is.
        block.put(UInt16(most), at: offset)
        block.put(UInt16(entries.count), at: offset + 2)
        // The used part of the table, then the tail with its checksum taken as zero.
        let tail = offset + most * 8
        let sum = block.checksum(0..<place, seed: seed)
        block.put(CRC32C.update(sum, [0, 0, 0, 0, 0, 0, 0, 0]), at: tail + 4)
    }
}
