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
            guard let environment = try? readFile("/proc/\(pid)/environ", limit: 1 << 20),
                environment.split(separator: 0).contains(where: { $0.elementsEqual(marked) })
            else { return nil }
            guard let identity = ProcessIdentity(of: pid) else { return nil }
            return Entry(identity: identity, command: command(of: pid))
        }
    }

    /// Its command line, short enough for a message.
    package static func command(of pid: Int32) -> String {
        guard let bytes = try? readFile("/proc/\(pid)/cmdline", limit: 65536), !bytes.isEmpty else { return "?" }
        let words = bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
        return String(words.joined(separator: " ").prefix(120))
    }
}
