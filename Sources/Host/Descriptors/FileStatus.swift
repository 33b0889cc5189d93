internal import CLinux
internal import Glibc

/// What the kernel tells of a file: its kind, owner, identity and size.
package struct FileStatus: Hashable, Sendable {
    package var kind: Kind
    /// Permission bits with set-user-id, set-group-id and sticky.
    package var permissions: UInt16
    package var owner: UInt32
    package var group: UInt32
    package var device: UInt64
    package var inode: UInt64
    /// In bytes; 0 for devices.
    package var size: UInt64
    /// Allocated, in bytes.
    package var allocated: UInt64
    /// Seconds since 1970.
    package var modified: Int64
    /// And so many nanoseconds.
    package var modifiedNanoseconds: Int64

    package enum Kind: Hashable, Sendable {
        case regular, directory, symlink, characterDevice, blockDevice, pipe, socket, unknown
    }

    init(_ status: stat) {
        kind =
            switch status.st_mode & S_IFMT {
            case S_IFREG: .regular
            case S_IFDIR: .directory
            case S_IFLNK: .symlink
            case S_IFCHR: .characterDevice
            case S_IFBLK: .blockDevice
            case S_IFIFO: .pipe
            case S_IFSOCK: .socket
            default: .unknown
            }
        permissions = UInt16(truncatingIfNeeded: status.st_mode & 0o7777)
        owner = status.st_uid
        group = status.st_gid
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        size = UInt64(clamping: status.st_size)
        allocated = UInt64(clamping: status.st_blocks) &* 512
        modified = Int64(status.st_mtim.tv_sec)
        modifiedNanoseconds = Int64(status.st_mtim.tv_nsec)
    }

    /// Examines a path without opening it; a symlink itself, not what it points at, unless it is told to follow.
    package init(of path: String, followingLinks: Bool = false) throws(OSError) {
        var result = stat()
        let flags = followingLinks ? 0 : AT_SYMLINK_NOFOLLOW
        // Safe because the structure is plain data and outlives the call.
        try retrying("examine \(path)") { unsafe fstatat(AT_FDCWD, path, &result, flags) }
        self.init(result)
    }
}
