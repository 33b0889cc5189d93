internal import Glibc
internal import Host
package import LabModel

/// `lab.json`: what the lab was when it last went up.
package struct ResolvedLab: Hashable, Sendable, Codable {
    package var id: String
    package var source: String?
    package var lab: Lab

    package init(id: String, source: String?, lab: Lab) {
        self.id = id
        self.source = source
        self.lab = lab
    }

    package static func read(_ folders: LabFolders) -> ResolvedLab? {
        (try? readFile(folders.resolvedLab, limit: 64 << 20)).flatMap { try? JSONLine.decode(ResolvedLab.self, from: $0) }
    }

    /// The file that the lab went up from, if it is still there and another one than this: two files of one name would take each other's machines away.
    package func otherSource(than source: String?) -> String? {
        guard let source, let own = self.source, own != source, let there = Self.target(own), there != Self.target(source) else {
            return nil
        }
        return own
    }

    /// What a path leads to, whatever its name.
    private static func target(_ path: String) -> [UInt64]? {
        guard let file = try? Descriptor.open(path, O_RDONLY), let status = try? file.status() else { return nil }
        return [status.device, status.inode]
    }
}
