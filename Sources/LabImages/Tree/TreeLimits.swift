/// What an archive may make a tree grow to, each with its reason.
package enum TreeLimits {
    /// Names in the tree, those replaced later included. A full desktop has some 500,000; four million keep the tree below about
    /// 1 GiB of memory.
    package static let entries = 1 << 22
    /// `NAME_MAX`, and the one length byte that a directory entry has.
    package static let nameBytes = 255
    /// `PATH_MAX`: what lies deeper than this can be named by nobody in the guest.
    package static let pathBytes = 4096
    /// A path of `pathBytes` names at most this many directories; symbolic links must not add to it.
    package static let depth = 2048
    /// What Linux follows before it answers `ELOOP`.
    package static let symlinkHops = 40
    /// `EXT4_LINK_MAX`: what the kernel itself lets grow.
    package static let links = 65_000
    /// One block less the zero byte that ends the target.
    package static let symlinkBytes = 4095
    /// Attributes of one inode. One 4 KiB block holds fewer; this only keeps the sorting cheap.
    package static let attributes = 256
    /// The longest attribute name (`XATTR_NAME_MAX`).
    package static let attributeNameBytes = 255
    /// Names and values of one inode's attributes, together. An ext4 block holds less and says so itself.
    package static let attributeBytes = 64 << 10
    /// Bytes of attributes, and again of link targets, that the whole tree keeps in memory: a full desktop has some 10 MiB, a kilobyte of
    /// compressed zeros may unpack to a million.
    package static let heldBytes = 256 << 20
    /// Separate runs of blocks in all files together (12 bytes of memory each): a sparse map can ask for one with every block.
    package static let extents = 1 << 22
    /// What one pattern may find.
    package static let matches = 4096
}
