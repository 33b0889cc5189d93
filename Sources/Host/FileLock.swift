internal import CLinux
internal import Glibc
internal import SystemPackage

/// An exclusive lock that the kernel holds for this process, and lets go of when it ends, however it ends.
///
/// The file stays: it is never stale, so nobody ever has to remove it.
package struct FileLock: ~Copyable {
    private let file: Descriptor

    /// Takes the lock, or returns `nil` at once when another process has it. The file is made when absent (0600).
    package static func tryLock(_ path: String) throws(OSError) -> FileLock? {
        let file = try Descriptor.open(path, O_RDWR | O_CREAT | O_NOFOLLOW)
        do throws(OSError) {
            try retrying("lock \(path)") { flock(file.number, LOCK_EX | LOCK_NB) }
        } catch {
            if error.code == .wouldBlock { return nil }
            throw error
        }
        return FileLock(file: file)
    }

    /// Takes the lock; waits as long as another process has it.
    package static func lock(_ path: String) throws(OSError) -> FileLock {
        let file = try Descriptor.open(path, O_RDWR | O_CREAT | O_NOFOLLOW)
        try retrying("lock \(path)") { flock(file.number, LOCK_EX) }
        return FileLock(file: file)
    }

    private init(file: consuming Descriptor) { self.file = file }
}
