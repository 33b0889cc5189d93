internal import Glibc
package import Host
package import LabModel

/// Finds the processes that belong to a lab, by what they were started with and not by name.
///
/// Every keeper has `VMLAB_LAB=<the lab's state folder>` in its environment and hands it on to all it starts, so a child
/// is found even when its keeper was killed before it could write the child's identity down.
package enum ProcessTable {
    package static let mark = LabFolders.mark

    /// The mark, as a line of an environment.
    package static func variable(_ folders: LabFolders) -> String { "\(mark)=\(folders.state)" }

    package struct Entry: Hashable, Sendable {
        package var identity: ProcessIdentity
        package var command: String
    }

    /// All running processes of this lab but this one. Those of other users are not looked into: they cannot be the lab's.
    package static func processes(of folders: LabFolders) -> [Entry] {
        let marked = Array(variable(folders).utf8)
        return Folder.names("/proc").compactMap { name in
            guard let pid = Int32(name), pid != getpid() else { return nil }
            guard let environment = environment(of: pid),
                environment.split(separator: 0).contains(where: { $0.elementsEqual(marked) })
            else { return nil }
            guard let identity = ProcessIdentity(of: pid) else { return nil }
            return Entry(identity: identity, command: command(of: pid))
        }
    }

    /// Looks so often at a process that is just being started, a millisecond apart.
    private static let startingRounds = 1000

    /// Between the moment at which execve(2) lets go of the parent and the moment at which the new program's stack is laid out,
    /// a process has neither environment nor arguments: it is looked at again, or the youngest child would be overlooked.
    private static func environment(of pid: Int32) -> [UInt8]? {
        // An empty answer counts only when the process was already laid out before it was asked for.
        var wasStarting = true
        for _ in 0..<startingRounds {
            guard let bytes = try? readFile("/proc/\(pid)/environ", limit: 1 << 20) else { return nil }
            if !bytes.isEmpty || !wasStarting { return bytes }
            wasStarting = isStarting(pid)
            if wasStarting { usleep(1000) }
        }
        return nil
    }

    /// Whether it has no arguments either, but is no thread of the kernel's and not dead: proc(5), `stat`, fields 3 and 9.
    private static func isStarting(_ pid: Int32) -> Bool {
        guard let arguments = try? readFile("/proc/\(pid)/cmdline", limit: 4096), arguments.isEmpty,
            let bytes = try? readFile("/proc/\(pid)/stat", limit: 4096), let nameEnd = bytes.lastIndex(of: UInt8(ascii: ")"))
        else { return false }
        let fields = bytes[(nameEnd + 1)...].split(separator: UInt8(ascii: " "))
        guard fields.count > 6, let flags = UInt32(String(decoding: fields[6], as: UTF8.self)) else { return false }
        let kernelThread: UInt32 = 0x0020_0000
        return flags & kernelThread == 0 && fields[0] != Array("Z".utf8)[...] && fields[0] != Array("X".utf8)[...]
    }

    /// Its command line, short enough for a message.
    package static func command(of pid: Int32) -> String {
        guard let bytes = try? readFile("/proc/\(pid)/cmdline", limit: 65536), !bytes.isEmpty else { return "?" }
        let words = bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
        return String(words.joined(separator: " ").prefix(120))
    }
}
