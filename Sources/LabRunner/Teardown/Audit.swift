internal import Glibc
package import Host
package import LabModel

/// What a lab left on the host after it was taken down: the proof, or the list.
package struct Audit: Sendable {
    package var findings: [Finding]
    /// Things that came up while the lab was there and that nothing ties to it: told, not held against it.
    package var strangers: [Finding]

    package struct Finding: Hashable, Sendable, Codable {
        package var kind: Kind
        package var what: String

        package init(_ kind: Kind, _ what: String) {
            self.kind = kind
            self.what = what
        }
    }

    package enum Kind: String, Hashable, Sendable, Codable {
        case process, socket, file, mount
        case loopDevice = "loop device"
        case networkDevice = "network device"
    }

    package var isClean: Bool { findings.isEmpty }

    /// Looks at the whole host.
    ///
    /// - Parameters:
    ///   - recorded: processes that the ledger named.
    ///   - before: the host before the lab's first action; `nil` when no ledger could say.
    ///   - cache: where images are built: its files may stay, what is mounted in it may not.
    package static func run(_ folders: LabFolders, cache: String? = nil, recorded: Set<ProcessIdentity>, before: HostInventory?) -> Audit {
        var audit = Audit(findings: [], strangers: [])
        audit.lookForProcesses(folders, recorded)
        audit.lookForSockets(folders)
        for folder in [folders.state, folders.run] { audit.lookForFiles(folder) }
        audit.lookForDevices([folders.state, folders.run] + (cache.map { [$0] } ?? []), before: before)
        return audit
    }

    private mutating func lookForProcesses(_ folders: LabFolders, _ recorded: Set<ProcessIdentity>) {
        var seen: Set<Int32> = []
        for process in recorded.sorted(by: { $0.pid < $1.pid }) where process.isAlive && process.pid != getpid() {
            seen.insert(process.pid)
            findings.append(Finding(.process, "\(process.pid) \(ProcessTable.command(of: process.pid))"))
        }
        for entry in ProcessTable.processes(of: folders) where !seen.contains(entry.identity.pid) {
            findings.append(Finding(.process, "\(entry.identity.pid) \(entry.command)"))
        }
    }

    /// unix(7): the path is the eighth field of `/proc/net/unix`.
    private mutating func lookForSockets(_ folders: LabFolders) {
        guard let bytes = try? readFile("/proc/net/unix", limit: 16 << 20) else { return }
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let fields = line.split(separator: " ", maxSplits: 7, omittingEmptySubsequences: true)
            guard fields.count == 8 else { continue }
            let path = String(fields[7])
            let finding = Finding(.socket, path)
            if Self.isInside(path, [folders.state, folders.run]) && !findings.contains(finding) { findings.append(finding) }
        }
    }

    /// Named one by one, but not without end.
    private static let fileLimit = 100

    private mutating func lookForFiles(_ path: String, depth: Int = 0) {
        guard let status = try? FileStatus(of: path), findings.count < Self.fileLimit else { return }
        findings.append(Finding(.file, status.kind == .directory ? path + "/" : path))
        guard status.kind == .directory, depth < 32 else { return }
        for name in Folder.names(path) { lookForFiles("\(path)/\(name)", depth: depth + 1) }
    }

    private mutating func lookForDevices(_ roots: [String], before: HostInventory?) {
        let now = HostInventory.now()
        for mount in now.mounts where mount.split(separator: " ").contains(where: { Self.isInside(String($0), roots) }) {
            findings.append(Finding(.mount, mount))
        }
        for loop in now.loopDevices where loop.split(separator: " ").contains(where: { Self.isInside(String($0), roots) }) {
            findings.append(Finding(.loopDevice, loop))
        }
        guard let before else { return }
        let new = now.appeared(since: before)
        for device in new.networkDevices {
            // vmlab makes none; one that bears its name would be a bug of it, any other is somebody else's.
            if device.hasPrefix("vmlab") {
                findings.append(Finding(.networkDevice, device))
            } else {
                strangers.append(Finding(.networkDevice, device))
            }
        }
        let known = Set(findings.map(\.what))
        strangers += new.mounts.filter { !known.contains($0) }.map { Finding(.mount, $0) }
        strangers += new.loopDevices.filter { !known.contains($0) }.map { Finding(.loopDevice, $0) }
    }

    private static func isInside(_ path: String, _ roots: [String]) -> Bool {
        roots.contains { path == $0 || path.hasPrefix($0 + "/") }
    }
}
