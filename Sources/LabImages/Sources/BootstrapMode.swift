internal import Glibc
internal import Host
internal import SystemPackage

/// How `mmdebstrap` comes to files that belong to root, for the user that runs it: no more privilege than there is already.
enum BootstrapMode: String {
    /// The user is root.
    case root
    /// A user namespace with the subordinate ids that `/etc/subuid` grants.
    case unshare
    /// Ownership is pretended, by a preloaded library.
    case fakechroot

    /// The best mode that this host allows this user.
    static func find() throws(ImageError) -> BootstrapMode {
        let user = geteuid()
        if user == 0 { return .root }
        if hasSubordinateIDs(user), Programs.find("newuidmap", path: HostProgram.path) != nil { return .unshare }
        if Programs.find("fakechroot", path: HostProgram.path) != nil, Programs.find("fakeroot", path: HostProgram.path) != nil {
            return .fakechroot
        }
        throw ImageError(
            .unsupportedHost(
                "user \(user) has no subordinate ids to be root in a namespace of its own: as root, `apt-get install uidmap` and "
                    + "`usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER`, or `apt-get install fakechroot fakeroot`"),
            "mmdebstrap")
    }

    private static func hasSubordinateIDs(_ user: UInt32) -> Bool {
        var names = [String(user)]
        // Safe because the entry is copied before the next call of this kind.
        if let entry = unsafe getpwuid(user) { unsafe names.append(String(cString: entry.pointee.pw_name)) }
        return ["/etc/subuid", "/etc/subgid"].allSatisfy { path in
            guard let bytes = try? Folder.read(path, limit: 1 << 20) else { return false }
            return String(decoding: bytes, as: UTF8.self).split(separator: "\n").contains { line in
                names.contains { line.hasPrefix($0 + ":") }
            }
        }
    }

    /// Where the root filesystem is put together. Inside the cache, where the next builder finds what a killed one left; but in
    /// a namespace root is another user, who cannot enter a home folder: then in `/tmp`, under a name that tells whose it is.
    ///
    /// - Parameter key: what is being made, under the lock of `shelf`.
    func makeTemporaryFolder(inside scratch: String, key: String, shelf: CacheShelf, tool: HostProgram) throws(ImageError) -> String {
        guard self == .unshare else {
            let folder = scratch + "/tmp"
            try Folder.make(folder)
            return folder
        }
        for name in Folder.names("/tmp") where name.hasPrefix(BootstrapMode.prefix) {
            let other = String(name.dropFirst(BootstrapMode.prefix.count))
            // Ours by the lock that we hold, or nobody's any more; a living builder's is left alone.
            shelf.whileIdle(other, or: other == key) { removeTemporaryFolder("/tmp/" + name, with: tool) }
        }
        let folder = "/tmp/" + BootstrapMode.prefix + key
        // The namespace's root is a stranger here: it must be able to pass through, and to list what it has to remove.
        guard unsafe mkdir(folder, 0o755) == 0 else { throw ImageError(OSError(.last, "make the folder"), folder) }
        // Whatever the caller's umask took away.
        guard unsafe chmod(folder, 0o755) == 0 else { throw ImageError(OSError(.last, "open the folder to others"), folder) }
        return folder
    }

    private static let prefix = "vmlab-image-\(geteuid())-"

    /// `mmdebstrap` removes what it made also when it fails; this is for what it could not.
    func removeTemporaryFolder(_ folder: String, with tool: HostProgram) {
        do throws(ImageError) {
            try Folder.remove(folder)
        } catch {
            guard self == .unshare else { return }
            // Files of subordinate ids can only be removed from inside their namespace; their empty folder then from outside.
            _ = try? tool.output(["--unshare-helper", "rm", "-rf", "--", folder])
            _ = try? Folder.remove(folder)
        }
    }
}
