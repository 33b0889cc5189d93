internal import CLinux
internal import Glibc
internal import SystemPackage

/// An exclusive lock that the kernel holds for this process, and lets go of when it ends, however it ends.
///
/// The file is never stale, so nobody ever has to remove it. Its holder may: whoever then waits on the removed file tries again.
package struct FileLock: ~Copyable {
    private let file: Descriptor

    /// Takes the lock, or returns `nil` at once when another process has it. The file is made when absent (0600).
    package static func tryLock(_ path: String) throws(OSError) -> FileLock? {
        while true {
            let file = try Descriptor.open(path, O_RDWR | O_CREAT | O_NOFOLLOW)
            do throws(OSError) {
                try retrying("lock \(path)") { flock(file.number, LOCK_EX | LOCK_NB) }
            } catch {
                if error.code == .wouldBlock { return nil }
                throw error
            }
            if try isStill(file, at: path) { return FileLock(file: file) }
        }
    }

    /// Takes the lock; waits as long as another process has it.
    package static func lock(_ path: String) throws(OSError) -> FileLock {
        while true {
            let file = try Descriptor.open(path, O_RDWR | O_CREAT | O_NOFOLLOW)
            try retrying("lock \(path)") { flock(file.number, LOCK_EX) }
            if try isStill(file, at: path) { return FileLock(file: file) }
        }
    }

    /// False when a former holder removed the file between our opening and our locking it: others would lock another.
    private static func isStill(_ file: borrowing Descriptor, at path: String) throws(OSError) -> Bool {
        guard let there = try? FileStatus(of: path) else { return false }
        let ours = try file.status()
        return there.inode == ours.inode && there.device == ours.device
    }

    /// Writes a note for people into the locked file, in place of what was there.
    package borrowing func note(_ bytes: [UInt8]) throws(OSError) {
        try file.truncate(to: 0)
        try file.write(bytes, at: 0)
    }

    private init(file: consuming Descriptor) { self.file = file }
}

extension Descriptor {
    /// Takes the kernel's exclusive lock on the open file, for as long as any descriptor of this opening lives, in whatever process; false at once when
    /// another opening of the file has it.
    package borrowing func lock() throws(OSError) -> Bool {
        do throws(OSError) {
            try retrying("lock descriptor \(number)") { flock(number, LOCK_EX | LOCK_NB) }
            return true
        } catch {
            if error.code == .wouldBlock { return false }
            throw error
        }
    }
}
