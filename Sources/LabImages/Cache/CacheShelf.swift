internal import Glibc
internal import Host
internal import SystemPackage

/// One kind of thing in the cache (`images`, `archives`, `packages`, `carriers`): a folder for each key, whole or absent.
///
///     <cache>/<kind>/<key>/         whole, never changed again
///     <cache>/<kind>/<key>.part/    somebody is making it, or was killed at it
///     <cache>/locks/<kind>-<key>    held by whoever makes it
///
/// What is made goes into `<key>.part`, is synced file by file, and gets its name by one rename, so no crash leaves half of
/// it under its name. The lock is the kernel's: two builders of one key wait for each other, and a `.part` whose lock can be
/// taken has no builder any more and is removed by the next one that comes by.
package struct CacheShelf: Sendable {
    static let partSuffix = ".part"

    private let cache: String
    private let kind: String

    package init(cache: String, kind: String) {
        self.cache = cache
        self.kind = kind
    }

    private var folder: String { "\(cache)/\(kind)" }
    private func lockPath(_ key: String) -> String { "\(cache)/locks/\(kind)-\(key)" }

    /// Where the thing of this key is or will be.
    package func path(_ key: String) -> String { "\(folder)/\(key)" }

    /// Makes the thing unless it is there.
    ///
    /// - Parameters:
    ///   - isWhole: judges a folder under its final name; one that fails is made again.
    ///   - waiting: is called once if another builder is at it.
    ///   - fill: puts everything into the folder it is given, with no folders inside at the end.
    package func make(
        _ key: String, isWhole: (String) -> Bool, waiting: () -> Void, _ fill: (String) throws(ImageError) -> Void
    ) throws(ImageError) {
        guard !isWhole(path(key)) else { return }
        try Folder.make("\(cache)/locks")
        try Folder.make(folder)
        let lock = try take(key, waiting)
        // Another builder may have finished while we waited.
        guard !isWhole(path(key)) else { return }
        sweep(except: key)
        let part = path(key) + CacheShelf.partSuffix
        try Folder.remove(part)
        try Folder.make(part)
        do throws(ImageError) {
            try fill(part)
            try Folder.synchronize(part)
            try Folder.remove(path(key))
            try Folder.rename(part, to: path(key))
            try Folder.synchronizeEntry(folder)
        } catch {
            // The error that stopped the build is the one to tell; what could not be removed now, the next builder removes.
            do throws(ImageError) { try Folder.remove(part) } catch {}
            throw error
        }
        _ = lock
    }

    /// Does something to what belongs to a key, unless somebody is making it.
    ///
    /// - Parameter isOwn: the caller is the one who makes it.
    func whileIdle(_ key: String, or isOwn: Bool, _ body: () -> Void) {
        if isOwn { return body() }
        guard !key.contains("/"), let lock = try? FileLock.tryLock(lockPath(key)) else { return }
        body()
        _ = lock
    }

    private func take(_ key: String, _ waiting: () -> Void) throws(ImageError) -> FileLock {
        do throws(OSError) {
            if let lock = try FileLock.tryLock(lockPath(key)) { return lock }
            waiting()
            return try FileLock.lock(lockPath(key))
        } catch {
            throw ImageError(error, lockPath(key))
        }
    }

    /// Removes what killed builders left. Never fails a build: what cannot be removed stays for the next one.
    func sweep(except own: String? = nil) {
        for name in Folder.names(folder) where name.hasSuffix(CacheShelf.partSuffix) {
            let key = String(name.dropLast(CacheShelf.partSuffix.count))
            guard key != own else { continue }
            do {
                guard let lock = try FileLock.tryLock(lockPath(key)) else { continue }
                try Folder.remove("\(folder)/\(name)")
                _ = lock
            } catch { continue }
        }
    }
}
