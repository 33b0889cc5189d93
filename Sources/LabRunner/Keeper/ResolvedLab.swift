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
    ///
    /// A lab that came from standard input is taken for the same one, as it has no place of its own.
    package func otherSource(than source: String?) -> String? {
        guard let source, let own = self.source, own != source else { return nil }
        let asked = try? Place(source)
        do throws(OSError) {
            return try Place(own) == asked ? nil : own
        } catch {
            return error.code == .noSuchFileOrDirectory || error.code == .notDirectory ? nil : own
        }
    }

    /// What a path leads to, whatever its name and kind.
    private struct Place: Equatable {
        var device: UInt64
        var inode: UInt64

        init(_ path: String) throws(OSError) {
            let status = try FileStatus(of: path, followingLinks: true)
            device = status.device
            inode = status.inode
        }
    }
}
