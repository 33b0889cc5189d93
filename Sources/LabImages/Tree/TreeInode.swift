/// A file, directory or other thing in an `ImageTree`: everything but its names.
package struct TreeInode: Sendable {
    package var kind: Kind
    /// Permission bits, setuid, setgid and sticky.
    package var mode: UInt16
    package var owner: UInt32
    package var group: UInt32
    package var modified: ArchiveEntry.Time
    /// Which of the tree's attribute sets it has; 0 is the empty one.
    package var attributes: Int32 = 0
    /// How many names lead here. A directory has one; nothing is left of an inode that has none.
    package var links: UInt32 = 0

    package enum Kind: Sendable {
        case file(size: UInt64, extents: [FileExtent])
        case directory(DirectoryNode)
        case symlink(target: [UInt8])
        case characterDevice(major: UInt32, minor: UInt32)
        case blockDevice(major: UInt32, minor: UInt32)
        case fifo
        case socket
        /// A hard link whose target has not come yet, with the data that came with the link.
        case pending(size: UInt64, extents: [FileExtent])
        /// A hard link that was pending: its names are names of that other inode.
        case forward(InodeID)
        /// Replaced; nothing leads here.
        case gone
    }
}

/// The place of an inode in its tree.
package struct InodeID: Hashable, Comparable, Sendable {
    package var index: Int32

    package static let root = InodeID(index: 0)
    package static func < (left: InodeID, right: InodeID) -> Bool { left.index < right.index }
}

/// A run of the output's 4 KiB blocks that holds a run of a file's blocks.
package struct FileExtent: Hashable, Sendable {
    /// Block of the file.
    package var logical: UInt32
    /// Block of the output.
    package var physical: UInt32
    package var count: UInt32

    package static let blockSize = 4096
}

/// What a directory knows of its place and its names.
package struct DirectoryNode: Hashable, Sendable {
    package var parent: InodeID
    /// 0 for the root.
    package var depth: Int32
    /// The newest of its names; the others follow from there. `nil` when it has none.
    package var first: NameID?
    package var names: Int32 = 0
    package var subdirectories: Int32 = 0
}
