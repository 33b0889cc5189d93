internal import LabModel

/// How a disk of a given size is cut into groups, before anything is known of its content.
///
///     group:  | superblock | descriptors | reserved descriptors |   everything else ...   |   group 0, 1 and powers of 3, 5, 7
///             |                         everything else ...                               |   all other groups
///
/// Bitmaps, inode tables and the journal lie among "everything else": the flex_bg feature lets them be anywhere, so they are
/// placed when the last entry is in and the number of inodes is known.
struct Ext4Geometry: Hashable, Sendable {
    static let blockSize = 4096
    /// What one block of bitmap covers: 128 MiB.
    static let blocksPerGroup: UInt64 = 32768
    static let inodeSize = 256
    static let inodesPerBlock = 16
    static let descriptorSize = 64
    static let descriptorsPerBlock = 64
    /// Groups whose bitmaps and tables lie together; mke2fs uses the same.
    static let groupsPerFlex = 16
    /// One inode for so many bytes of disk, as mke2fs does.
    static let bytesPerInode: UInt64 = 16384
    /// The first inode that is not reserved; it is `/lost+found`.
    static let firstInode: UInt32 = 11
    /// Enough for the superblock, a journal-less root and some files.
    static let smallest: UInt64 = 1 << 20
    /// What 32-bit block numbers reach; with 64-bit ones this writer's extents would need more memory for no use in a lab.
    static let largest: UInt64 = (1 << 44) - (1 << 27)

    let blocks: UInt64
    let groups: UInt64
    /// Blocks of group descriptors.
    let descriptorBlocks: UInt64
    /// Blocks kept free behind them, so that the disk can grow while it is mounted.
    let reservedDescriptorBlocks: UInt64

    /// `size` bytes, rounded down to blocks. A last group too small to be of use is left out.
    init(size: UInt64) {
        var blocks = size / UInt64(Self.blockSize)
        while true {
            let groups = (blocks + Self.blocksPerGroup - 1) / Self.blocksPerGroup
            let descriptorBlocks = (groups + 63) / 64
            let reserved = Self.reservedDescriptorBlocks(blocks: blocks, descriptorBlocks: descriptorBlocks)
            let rest = blocks % Self.blocksPerGroup
            let overhead = Self.hasSuperblock(groups - 1) ? 1 + descriptorBlocks + reserved : 0
            if groups > 1, rest != 0, rest < overhead + Self.leastBlocksOfLastGroup {
                blocks -= rest
                continue
            }
            self.blocks = blocks
            self.groups = groups
            self.descriptorBlocks = descriptorBlocks
            reservedDescriptorBlocks = reserved
            return
        }
    }

    /// A last group with fewer usable blocks than this is not worth its descriptor (mke2fs's rule).
    private static let leastBlocksOfLastGroup: UInt64 = 50

    /// Room for the disk to grow 1024 times while mounted, and at most 1 TiB: each of these blocks costs 4 KiB of the image. Beyond
    /// that the kernel goes over to meta_bg by itself.
    private static func reservedDescriptorBlocks(blocks: UInt64, descriptorBlocks: UInt64) -> UInt64 {
        let most = min(blocks * 1024, UInt64(UInt32.max))
        let wanted = ((most + blocksPerGroup - 1) / blocksPerGroup + 63) / 64
        return min(wanted - min(wanted, descriptorBlocks), 128)
    }

    static func hasSuperblock(_ group: UInt64) -> Bool {
        if group <= 1 { return true }
        guard group % 2 == 1 else { return false }
        for base: UInt64 in [3, 5, 7] {
            var power = base
            while power < group { power *= base }
            if power == group { return true }
        }
        return false
    }

    func hasSuperblock(_ group: UInt64) -> Bool { Self.hasSuperblock(group) }

    /// Blocks at the start of a group that hold a superblock, descriptors and room for more of them.
    func fixedBlocks(ofGroup group: UInt64) -> UInt64 {
        hasSuperblock(group) ? 1 + descriptorBlocks + reservedDescriptorBlocks : 0
    }

    func start(ofGroup group: UInt64) -> UInt64 { group * Self.blocksPerGroup }

    func blocks(inGroup group: UInt64) -> UInt64 { min(Self.blocksPerGroup, blocks - group * Self.blocksPerGroup) }

    /// All groups but the first that hold a superblock, ascending.
    var backupGroups: [UInt64] {
        var found: [UInt64] = groups > 1 ? [1] : []
        for base: UInt64 in [3, 5, 7] {
            var power = base
            while power < groups {
                found.append(power)
                power *= base
            }
        }
        return found.sorted()
    }

    /// Blocks that are taken before anything is placed: superblocks, descriptors and room for more of them.
    var fixedBlocks: UInt64 { (1 + UInt64(backupGroups.count)) * fixedBlocks(ofGroup: 0) }

    // MARK: What depends on the number of files

    /// Inodes in every group, for at least `used` of them and some to spare; `nil` when a group cannot hold so many.
    func inodesPerGroup(used: UInt64) -> UInt32? {
        let wanted = max(blocks * UInt64(Self.blockSize) / Self.bytesPerInode, used + used / 8 + 64)
        let perGroup = (wanted + groups - 1) / groups
        // A whole number of blocks, and of bytes in the bitmap.
        let rounded = (perGroup + 15) / 16 * 16
        // One block of bitmap.
        return rounded <= 32768 ? UInt32(rounded) : nil
    }

    func tableBlocks(inodesPerGroup: UInt32) -> UInt64 { UInt64(inodesPerGroup) / UInt64(Self.inodesPerBlock) }

    /// mke2fs's table, up to 128 MiB; none at all on disks under 8 MiB.
    func journalBlocks(wanted: Bool) -> UInt64 {
        guard wanted else { return 0 }
        return switch blocks {
        case ..<2048: 0
        case ..<32768: 1024
        case ..<262_144: 4096
        case ..<524_288: 8192
        case ..<4_194_304: 16384
        default: 32768
        }
    }

    /// Blocks at the end of the disk that content must leave alone, so that bitmaps, tables and journal certainly find room.
    ///
    /// Tables do not straddle a superblock copy: for each copy one table's worth may be lost.
    func reserve(inodesPerGroup: UInt32, journal: Bool) -> UInt64 {
        let table = tableBlocks(inodesPerGroup: inodesPerGroup)
        let copies = UInt64(backupGroups.count)
        return groups * (2 + table) + journalBlocks(wanted: journal) + copies * (table + 2 * UInt64(Self.groupsPerFlex))
            + Self.sundryBlocks
    }

    /// The resize inode's block, and the extent blocks of a journal in many pieces.
    private static let sundryBlocks: UInt64 = 8

    /// The smallest size, in whole MiB, at which `content` blocks in `inodes` files fit.
    static func sizeNeeded(content: UInt64, inodes: UInt64, journal: Bool) -> UInt64 {
        let mebibyte: UInt64 = 1 << 20
        func fits(_ mebibytes: UInt64) -> Bool {
            let geometry = Ext4Geometry(size: mebibytes * mebibyte)
            guard let perGroup = geometry.inodesPerGroup(used: inodes) else { return false }
            return content + geometry.fixedBlocks + geometry.reserve(inodesPerGroup: perGroup, journal: journal) <= geometry.blocks
        }
        var low = smallest / mebibyte
        var high = low
        while !fits(high) {
            guard high < largest / mebibyte else { return largest }
            low = high
            high = min(high * 2, largest / mebibyte)
        }
        while low < high {
            let middle = (low + high) / 2
            if fits(middle) { high = middle } else { low = middle + 1 }
        }
        return high * mebibyte
    }
}
