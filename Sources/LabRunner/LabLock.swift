internal import Glibc
internal import Host
package import LabModel

/// Who has a lab's lock, for the message of those who have not. The kernel knows the truth; this only names it.
package struct LockHolder: Hashable, Sendable, Codable {
    package var pid: Int32
    package var since: String
    package var doing: String

    package init(pid: Int32, since: String, doing: String) {
        self.pid = pid
        self.since = since
        self.doing = doing
    }
}

/// The right to change a lab: one process at a time has it, and loses it only by ending.
package struct LabLock: ~Copyable {
    private let lock: FileLock

    /// Takes the lock at once or says who has it. The lab's state folder must be there.
    package init(_ lab: String, _ folders: LabFolders, doing: String) throws(RunnerError) {
        let taken: FileLock?
        do throws(OSError) { taken = try Self.tryFile(folders) } catch { throw .system(error) }
        guard let taken else { throw .busy(lab: lab, holder: Self.holder(folders)) }
        lock = taken
        note(doing: doing)
    }

    /// Whether anybody has it.
    package static func isTaken(_ folders: LabFolders) -> Bool {
        guard let free = try? tryFile(folders) else { return true }
        _ = consume free
        return false
    }

    /// Tries so often for the lock of a holder that is dead, ten milliseconds apart: on a busy host its last moment may be long.
    private static let roundsForTheDead = 1000

    /// The lock, or nil while a living process has it.
    ///
    /// A process that is killed closes its sockets before its lock or after it, and a child that it was just starting holds its
    /// descriptors until execve(2) closes them: a lock whose named holder is gone or going is tried for again.
    private static func tryFile(_ folders: LabFolders) throws(OSError) -> FileLock? {
        for _ in 1..<roundsForTheDead {
            if let lock = try FileLock.tryLock(folders.lock) { return lock }
            guard let holder = holder(folders), !ProcessIdentity.runs(holder.pid) else { return nil }
            usleep(10_000)
        }
        return try FileLock.tryLock(folders.lock)
    }

    /// Who had the lock last.
    package static func holder(_ folders: LabFolders) -> LockHolder? {
        (try? readFile(folders.lock, limit: 4096)).flatMap { try? JSONLine.decode(LockHolder.self, from: $0) }
    }

    /// Writes down who has it. Only words: failing to is no reason to stop.
    private borrowing func note(doing: String) {
        let holder = LockHolder(pid: getpid(), since: Timestamp.now.text, doing: doing)
        guard let line = try? JSONLine.line(holder) else { return }
        try? lock.note(line)
    }
}
