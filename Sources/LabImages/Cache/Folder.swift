internal import Glibc
internal import Host
internal import SystemPackage

/// What the cache does with folders and small files, with errors that name the path.
package enum Folder {
    /// Makes a folder and those above it, for the user alone; one that is there is left as it is.
    package static func make(_ path: String) throws(ImageError) {
        if unsafe mkdir(path, 0o700) == 0 { return }
        let code = Errno.last
        switch code {
        case .fileExists:
            // A link to a folder is the user's own arrangement; anything else is in the way.
            var status = stat()
            // Safe because the structure outlives the call.
            guard unsafe stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
                throw ImageError(.system(call: "make the folder", errno: ENOTDIR, message: "something else has this name"), path)
            }
        case .noSuchFileOrDirectory:
            guard let slash = path.lastIndex(of: "/"), slash > path.startIndex else {
                throw ImageError(OSError(code, "make the folder"), path)
            }
            try make(String(path[..<slash]))
            if unsafe mkdir(path, 0o700) != 0, Errno.last != .fileExists { throw ImageError(OSError(.last, "make the folder"), path) }
        default: throw ImageError(OSError(code, "make the folder"), path)
        }
    }

    /// The names in a folder, in byte order; none if it cannot be read.
    package static func names(_ path: String) -> [String] {
        guard let stream = unsafe opendir(path) else { return [] }
        // Safe because the stream is closed once, after the last use of what it lends.
        defer { unsafe _ = closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { name in
                unsafe name.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
    }

    /// Removes a folder with all that is in it; links are removed, never followed. Nothing there is success.
    package static func remove(_ path: String) throws(ImageError) {
        guard let top = try? FileStatus(of: path) else { return }
        guard top.kind == .directory else { return try removeFile(path) }
        // Folders from the outermost to the one being emptied: no recursion, however deep it goes.
        var open = [path]
        let device = top.device
        while let folder = open.last {
            var inner: [String] = []
            for name in names(folder) {
                let child = "\(folder)/\(name)"
                if let status = try? FileStatus(of: child), status.kind == .directory {
                    // Never into what somebody has mounted there: it may be the host's own.
                    guard status.device == device else { throw ImageError(OSError(.resourceBusy, "remove the mounted folder"), child) }
                    inner.append(child)
                } else if unsafe unlink(child) != 0, Errno.last != .noSuchFileOrDirectory {
                    throw ImageError(OSError(.last, "remove the file"), child)
                }
            }
            if inner.isEmpty {
                if unsafe rmdir(folder) != 0, Errno.last != .noSuchFileOrDirectory {
                    throw ImageError(OSError(.last, "remove the folder"), folder)
                }
                open.removeLast()
            } else {
                open += inner
            }
        }
    }

    static func rename(_ from: String, to: String) throws(ImageError) {
        guard unsafe Glibc.rename(from, to) == 0 else { throw ImageError(OSError(.last, "rename \(from)"), to) }
    }

    /// Waits until every file of a folder, and the folder itself, is on the medium.
    static func synchronize(_ path: String) throws(ImageError) {
        for name in names(path) { try synchronizeEntry("\(path)/\(name)") }
        try synchronizeEntry(path)
    }

    static func synchronizeEntry(_ path: String) throws(ImageError) {
        do throws(OSError) {
            try Descriptor.open(path, O_RDONLY | O_NOFOLLOW).synchronize()
        } catch {
            throw ImageError(error, path)
        }
    }

    /// A new file, which must not be there yet.
    static func create(_ path: String) throws(ImageError) -> Descriptor {
        do throws(OSError) {
            return try Descriptor.open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW)
        } catch {
            throw ImageError(error, path)
        }
    }

    package static func write(_ bytes: [UInt8], to path: String) throws(ImageError) {
        let file = try create(path)
        do throws(OSError) {
            try file.writeAll(bytes)
        } catch {
            throw ImageError(error, path)
        }
    }

    /// A whole file, at most `limit` bytes.
    package static func read(_ path: String, limit: Int) throws(ImageError) -> [UInt8] {
        do throws(OSError) {
            let file = try Descriptor.open(path, O_RDONLY)
            var bytes: [UInt8] = []
            while true {
                let more = try file.read(upTo: 1 << 20)
                if more.isEmpty { return bytes }
                bytes += more
                guard bytes.count <= limit else { break }
            }
        } catch {
            throw ImageError(error, path)
        }
        throw ImageError(.tooLarge(what: "bytes", limit: UInt64(limit)), path)
    }
}

extension Folder {
    static func removeFile(_ path: String) throws(ImageError) {
        if unsafe unlink(path) != 0, Errno.last != .noSuchFileOrDirectory { throw ImageError(OSError(.last, "remove the file"), path) }
    }
}

extension FileStatus {
    /// Whether a regular file is there.
    static func isFile(_ path: String) -> Bool {
        guard let status = try? FileStatus(of: path) else { return false }
        return status.kind == .regular
    }

    /// Whether a folder is there.
    static func isFolder(_ path: String) -> Bool {
        guard let status = try? FileStatus(of: path) else { return false }
        return status.kind == .directory
    }
}
