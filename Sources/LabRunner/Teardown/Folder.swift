internal import Glibc
package import Host
internal import SystemPackage

/// Folders of a lab: made private, listed in order, removed without following anything out of them.
package enum Folder {
    /// The names in a folder, sorted; empty when it cannot be read.
    package static func names(_ path: String) -> [String] {
        guard let folder = unsafe opendir(path) else { return [] }
        // Safe because the stream is closed exactly once, and an entry is copied before the next is read.
        defer { unsafe _ = closedir(folder) }
        var names: [String] = []
        while let entry = unsafe readdir(folder) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Makes a folder that only this user can enter, with every missing folder on the way to it.
    ///
    /// One that is there already must be a folder (not a symlink) of this user with no rights for others: where a stranger
    /// could have made it first, he could swap the sockets in it.
    package static func makePrivate(_ path: String) throws(OSError) {
        // Safe, like every call below that takes a path, because the kernel copies it.
        // Another lab's teardown may remove an empty parent between two steps: a few rounds settle it.
        for _ in 0..<8 {
            if unsafe mkdir(path, 0o700) == 0 { break }
            let error = OSError.current("make folder \(path)")
            if error.code == .fileExists { break }
            guard error.code == .noSuchFileOrDirectory, path != "/" else { throw error }
            try makeParents(parent(of: path))
        }
        let status = try FileStatus(of: path)
        guard status.kind == .directory else { throw OSError(.notDirectory, "use \(path) as a folder: it is something else") }
        guard status.owner == geteuid() else {
            throw OSError(.permissionDenied, "use \(path): it belongs to user \(status.owner), not to user \(geteuid())")
        }
        if status.permissions & 0o077 != 0, unsafe chmod(path, 0o700) != 0 { throw OSError.current("make \(path) private") }
    }

    private static func makeParents(_ path: String) throws(OSError) {
        if unsafe mkdir(path, 0o700) == 0 { return }
        let error = OSError.current("make folder \(path)")
        if error.code == .fileExists { return }
        guard error.code == .noSuchFileOrDirectory, path != "/" else { throw error }
        try makeParents(parent(of: path))
        if unsafe mkdir(path, 0o700) != 0 {
            let again = OSError.current("make folder \(path)")
            if again.code != .fileExists { throw again }
        }
    }

    /// Removes a file, a socket or a symlink; absent is success.
    package static func removeFile(_ path: String) throws(OSError) {
        if unsafe unlink(path) == 0 { return }
        let error = OSError.current("remove \(path)")
        if error.code != .noSuchFileOrDirectory && error.code != .notDirectory { throw error }
    }

    /// Removes a folder if nothing is in it; absent and not empty are both success.
    package static func removeIfEmpty(_ path: String) {
        unsafe _ = rmdir(path)
    }

    /// Removes a folder and all in it; absent is success. A symlink in it is removed, never followed.
    package static func removeTree(_ path: String) throws(OSError) {
        guard let status = try? FileStatus(of: path) else { return }
        try removeTree(path, on: status.device, depth: 0)
    }

    private static func removeTree(_ path: String, on device: UInt64, depth: Int) throws(OSError) {
        guard let status = try? FileStatus(of: path) else { return }
        guard status.kind == .directory else { return try removeFile(path) }
        // Never into what somebody has mounted there: it may be the host's own.
        guard status.device == device else { throw OSError(.resourceBusy, "remove \(path): a file system is mounted there") }
        // The lab's own tree is three deep; whoever built a deeper one there gets it named by the audit.
        guard depth < 32 else { throw OSError(.tooManySymbolicLinkLevels, "remove \(path): it is too deep") }
        for name in names(path) { try removeTree("\(path)/\(name)", on: device, depth: depth + 1) }
        if unsafe rmdir(path) == 0 { return }
        let error = OSError.current("remove \(path)")
        if error.code != .noSuchFileOrDirectory { throw error }
    }

    /// The folder that holds a path.
    package static func parent(of path: String) -> String {
        guard let cut = path.lastIndex(of: "/"), cut != path.startIndex else { return "/" }
        return String(path[..<cut])
    }

    /// Makes what was done in a folder last through a power cut.
    package static func synchronize(_ path: String) throws(OSError) {
        let folder = try Descriptor.open(path, O_RDONLY | O_DIRECTORY)
        try folder.synchronize()
    }
}

/// Reads a file whole; at most `limit` bytes of it.
///
/// What is no regular file is refused: whoever opened a pipe under the name of one would wait for its writer for ever.
package func readFile(_ path: String, limit: Int) throws(OSError) -> [UInt8] {
    let file = try Descriptor.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    guard try file.status().kind == .regular else { throw OSError(.invalidArgument, "read \(path): it is not a regular file") }
    var all: [UInt8] = []
    while all.count < limit {
        let part = try file.read(upTo: min(256 * 1024, limit - all.count))
        if part.isEmpty { break }
        all += part
    }
    return all
}

/// The same; `nil` when there is no such file.
package func readIfPresent(_ path: String, limit: Int) throws(OSError) -> [UInt8]? {
    do throws(OSError) {
        return try readFile(path, limit: limit)
    } catch {
        if error.code == .noSuchFileOrDirectory { return nil }
        throw error
    }
}
