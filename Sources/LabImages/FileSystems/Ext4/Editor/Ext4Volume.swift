internal import Host

/// A file system that this project's own writer made, opened to have files added.
///
/// Everything read from the disk is taken for an adversary's: numbers are checked where they are used, so a damaged image is answered
/// with an error, and at worst with a disk that its own guest cannot read.
final class Ext4Volume {
    let cache: BlockCache
    let geometry: Ext4Geometry
    let inodesPerGroup: UInt32
    /// The seed of all checksums.
    let seed: UInt32
    let hash: NameHash
    /// When the file system was made: the time of all that is added to it.
    let time: ArchiveEntry.Time
    let isVerifying: Bool
    let freeBlocksAtFirst: UInt64
    /// The path that is being added, for messages.
    var path = ""

    /// - Parameter isVerifying: whether a wrong checksum is an error. Only who wants to see what lies behind one turns that off.
    init(_ disk: any Disk, isVerifying: Bool = true) throws(Ext4EditError) {
        let available = disk.byteCount / UInt64(Ext4Geometry.blockSize)
        guard available >= Ext4Geometry.smallest / UInt64(Ext4Geometry.blockSize) else {
            throw .unsupported("the disk is too small for one")
        }
        let first = try BlockCache(disk, count: 1).block(0)
        let superblock = try SuperblockReader(first, available: available, isVerifying: isVerifying)
        cache = BlockCache(disk, count: superblock.geometry.blocks)
        geometry = superblock.geometry
        inodesPerGroup = superblock.inodesPerGroup
        seed = superblock.seed
        hash = superblock.hash
        time = ArchiveEntry.Time(seconds: superblock.time)
        self.isVerifying = isVerifying
        freeBlocksAtFirst = superblock.freeBlocks
    }

    /// All inodes there are; they count from 1. No more than 32 bits hold, as the superblock was checked.
    var inodeCount: UInt32 { UInt32(geometry.groups) * inodesPerGroup }

    /// Writes everything that was changed. Until now the disk is as it was.
    func commit() throws(Ext4EditError) { try cache.commit() }

    /// Adds to the superblock's counts, and renews its checksum.
    func count(blocks: Int64 = 0, inodes: Int64 = 0) throws(Ext4EditError) {
        let block = try cache.block(0)
        // There are no more than 32 bits hold, so the high half is never used.
        let freeBlocks = Int64(block.buffer.load(UInt32.self, at: 1024 + 0x0C)) + blocks
        let freeInodes = Int64(block.buffer.load(UInt32.self, at: 1024 + 0x10)) + inodes
        guard freeBlocks >= 0, freeBlocks <= Int64(geometry.blocks), freeInodes >= 0, freeInodes <= Int64(inodeCount) else {
            throw .damaged("the superblock's free blocks and inodes do not add up")
        }
        block.buffer.put(UInt32(freeBlocks), at: 1024 + 0x0C)
        block.buffer.put(UInt32(freeInodes), at: 1024 + 0x10)
        block.buffer.put(block.buffer.checksum(1024..<1024 + 0x3FC, seed: UInt32.max), at: 1024 + 0x3FC)
        block.isChanged = true
    }
}

/// What a superblock says, if it is one of a file system that can be edited.
private struct SuperblockReader {
    let geometry: Ext4Geometry
    let inodesPerGroup: UInt32
    let seed: UInt32
    let hash: NameHash
    let time: Int64
    let freeBlocks: UInt64

    /// Features that may be there, and those that must be.
    private static let compatible: UInt32 = 0x4 | 0x8 | 0x10 | 0x20
    private static let incompatible: UInt32 = 0x2 | 0x40 | 0x80 | 0x200
    private static let recovery: UInt32 = 0x4
    private static let readOnlyCompatible: UInt32 = 0x1 | 0x2 | 0x8 | 0x20 | 0x40 | 0x400
    private static let neededReadOnlyCompatible: UInt32 = 0x1 | 0x40 | 0x400

    /// - Parameter available: blocks that the disk has.
    init(_ block: EditedBlock, available: UInt64, isVerifying: Bool) throws(Ext4EditError) {
        func word(_ offset: Int) -> UInt32 { block.buffer.load(UInt32.self, at: 1024 + offset) }
        func half(_ offset: Int) -> UInt16 { block.buffer.load(UInt16.self, at: 1024 + offset) }
        func byte(_ offset: Int) -> UInt8 { block.buffer.load(UInt8.self, at: 1024 + offset) }
        func need(_ condition: Bool, _ what: @autoclosure () -> String) throws(Ext4EditError) {
            if !condition { throw .unsupported(what()) }
        }
        try need(half(0x38) == 0xEF53, "no ext4 superblock")
        let (compatible, incompatible, readOnly) = (word(0x5C), word(0x60), word(0x64))
        if incompatible & Self.recovery != 0 { throw .needsRecovery }
        let unknown = incompatible ^ Self.incompatible
        try need(unknown == 0, "incompatible features 0x\(String(unknown, radix: 16)) differ")
        let unknownReadOnly = readOnly & ~Self.readOnlyCompatible | Self.neededReadOnlyCompatible & ~readOnly
        try need(unknownReadOnly == 0, "read-only compatible features 0x\(String(unknownReadOnly, radix: 16)) differ")
        try need(compatible & ~Self.compatible == 0, "compatible features 0x\(String(compatible & ~Self.compatible, radix: 16))")
        if isVerifying, block.buffer.checksum(1024..<1024 + 0x3FC, seed: UInt32.max) != word(0x3FC) {
            throw .damaged("the superblock's checksum is wrong")
        }
        try need(half(0x3A) == 1, "it was not left clean")
        try need(word(0x18) == 2 && word(0x1C) == 2, "blocks of another size than 4 KiB")
        try need(word(0x20) == UInt32(Ext4Geometry.blocksPerGroup) && word(0x14) == 0, "groups of another size than 128 MiB")
        try need(half(0x58) == UInt16(Ext4Geometry.inodeSize), "inodes of another size than 256 bytes")
        try need(half(0xFE) == UInt16(Ext4Geometry.descriptorSize), "group descriptors of another size than 64 bytes")
        try need(word(0x54) == Ext4Geometry.firstInode && byte(0x175) == 1, "another first inode or kind of checksum")
        // Half MD4 over unsigned bytes.
        try need(byte(0xFC) == 1 && word(0x160) & 3 == 2, "names hashed in another way")

        let blocks = UInt64(word(0x04)) | UInt64(word(0x150)) << 32
        let least = Ext4Geometry.smallest / UInt64(Ext4Geometry.blockSize)
        guard blocks >= least, blocks <= available, blocks <= Ext4Geometry.largest / UInt64(Ext4Geometry.blockSize) else {
            throw .damaged("\(blocks) blocks on a disk of \(available)")
        }
        let geometry = Ext4Geometry(size: blocks * UInt64(Ext4Geometry.blockSize))
        guard geometry.blocks == blocks, UInt64(half(0xCE)) == geometry.reservedDescriptorBlocks else {
            throw .unsupported("its groups were laid out by another program")
        }
        let perGroup = word(0x28)
        // A bitmap of one block, and whole blocks of inodes.
        guard perGroup >= 16, perGroup <= 32768, perGroup % 16 == 0, UInt64(word(0x00)) == geometry.groups * UInt64(perGroup) else {
            throw .damaged("\(word(0x00)) inodes in \(geometry.groups) groups of \(perGroup)")
        }
        self.geometry = geometry
        inodesPerGroup = perGroup
        freeBlocks = UInt64(word(0x0C)) | UInt64(word(0x158)) << 32
        seed = CRC32C.update(UInt32.max, block.buffer.load(1024 + 0x68..<1024 + 0x78))
        hash = NameHash(seed: block.buffer.load(1024 + 0xEC..<1024 + 0xFC))
        time = Int64(word(0x108)) | Int64(byte(0x276)) << 32
    }
}
