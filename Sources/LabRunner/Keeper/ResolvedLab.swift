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
}
