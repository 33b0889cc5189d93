internal import Glibc
internal import Host

/// What the host has of the things that a lab tool could leave behind without a file: to be compared before and after.
package struct HostInventory: Hashable, Sendable, Codable {
    /// `source mountpoint`, sorted.
    package var mounts: [String]
    /// `loop0 /path/of/its/file`, sorted.
    package var loopDevices: [String]
    package var networkDevices: [String]
    /// Folders round the lab's own that were not there before it: removed again with the last lab in them.
    package var missingFolders: [String]

    package init(mounts: [String], loopDevices: [String], networkDevices: [String], missingFolders: [String] = []) {
        self.missingFolders = missingFolders
        self.mounts = mounts
        self.loopDevices = loopDevices
        self.networkDevices = networkDevices
    }

    /// The host as it is now. What cannot be read counts as empty: there is nothing of ours where we may not look.
    ///
    /// - Parameter parents: folders that labs share, the outermost first.
    package static func now(parents: [String] = []) -> HostInventory {
        HostInventory(
            mounts: mounts(), loopDevices: loopDevices(), networkDevices: Folder.names("/sys/class/net"),
            missingFolders: parents.filter { (try? FileStatus(of: $0)) == nil })
    }

    /// proc(5): the fifth field is the mount point, the second after `-` the source; blanks are written `\040`.
    private static func mounts() -> [String] {
        guard let bytes = try? readFile("/proc/self/mountinfo", limit: 4 << 20) else { return [] }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ")
            guard fields.count > 5, let dash = fields.firstIndex(of: "-"), fields.count > dash + 2 else { return nil }
            return "\(fields[dash + 2]) \(fields[4])"
        }.sorted()
    }

    private static func loopDevices() -> [String] {
        Folder.names("/sys/block").filter { $0.hasPrefix("loop") }.compactMap { name in
            guard let bytes = try? readSmallFile("/sys/block/\(name)/loop/backing_file") else { return nil }
            return "\(name) \(String(decoding: bytes, as: UTF8.self).filter { $0 != "\n" })"
        }
    }

    /// What is here and was not in `before`.
    package func appeared(since before: HostInventory) -> HostInventory {
        func new(_ now: [String], _ then: [String]) -> [String] {
            let known = Set(then)
            return now.filter { !known.contains($0) }
        }
        return HostInventory(
            mounts: new(mounts, before.mounts), loopDevices: new(loopDevices, before.loopDevices),
            networkDevices: new(networkDevices, before.networkDevices))
    }
}
