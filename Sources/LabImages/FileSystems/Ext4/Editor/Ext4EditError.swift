package import Host
internal import LabModel

/// Why a layer could not be laid over a disk. Nothing was written then.
package enum Ext4EditError: Error, Hashable, Sendable {
    /// Not ext4, or ext4 as this program does not write it: what was found.
    case unsupported(String)
    /// The journal holds changes that were never carried out: whoever wrote to this file system last did not end it.
    case needsRecovery
    /// The file system contradicts itself: what was found.
    case damaged(String)
    /// An entry of the layer that no disk may hold.
    case refused(path: String, RefusedEntry)
    /// A folder of the image stands where the layer has a file.
    case isFolder(path: String)
    /// No block, or no inode, is left. `free` is what the file system had when it was opened.
    case full(path: String, what: Resource, needed: UInt64, free: UInt64)
    /// A file that goes into the layer could not be read.
    case input(path: String, ImageError)
    case disk(DiskError)

    package enum Resource: Hashable, Sendable { case blocks, inodes }
}

extension Ext4EditError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unsupported(let found): "not a file system that files can be added to: \(found)"
        case .needsRecovery: "the file system's journal needs recovery: it was not ended cleanly"
        case .damaged(let found): "the file system is damaged: \(found)"
        case .refused(let path, let reason): "\(path): \(reason)"
        case .isFolder(let path): "\(path): is a folder in the image, and a file in the lab"
        case .full(let path, .blocks, let needed, let free):
            "\(path): the disk is full: \(ByteCount(bytes: needed * 4096)) needed, \(ByteCount(bytes: free * 4096)) free (disk.size of the image)"
        case .full(let path, .inodes, _, _): "\(path): the disk has no room for another file (disk.size of the image)"
        case .input(_, let error): "\(error)"
        case .disk(let error): "\(error)"
        }
    }

    /// The process exit status that stands for this error (`vmlab help exit-codes`).
    package var exitStatus: Int32 {
        switch self {
        case .unsupported, .needsRecovery, .damaged, .refused, .isFolder, .full: 65
        case .input(_, let error): error.exitStatus
        case .disk: 74
        }
    }
}
