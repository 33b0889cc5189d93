import LabFile
import LabModel
import LabRunner

/// The networks of a lab whose frames are on disk.
struct CapturedNetworks {
    let lab: String
    let folders: LabFolders

    private static let suffix = ".0.pcapng"

    /// Sorted.
    var names: [String] {
        Folder.names(folders.captures).filter { $0.hasSuffix(Self.suffix) }.map { String($0.dropLast(Self.suffix.count)) }
    }

    /// The one that is meant: that name, or the only one.
    func choose(_ wanted: String?) throws -> String {
        let names = names
        let declared = ResolvedLab.read(folders)?.lab.networks ?? []
        guard let wanted else {
            if names.count == 1, let only = names.first { return only }
            if names.isEmpty { throw nothing(declared) }
            throw UsageError(description: "lab \(lab) has several networks", hint: "name one: \(names.joined(separator: ", "))")
        }
        if names.contains(wanted) { return wanted }
        if declared.contains(where: { $0.name == wanted && $0.capture.ring.bytes == 0 }) {
            throw NoCapture(Outcome(.inputMissing, "network \(wanted) is not captured", hint: "its lab file says `capture: off`"))
        }
        if names.isEmpty { throw nothing(declared) }
        let near = Suggestion.nearest(to: wanted, among: names).map { "did you mean \($0)?" }
        throw NoCapture(
            Outcome(
                .inputMissing, "lab \(lab) has no network \(wanted) that is captured",
                hint: near ?? "captured are: \(names.joined(separator: ", "))"))
    }

    private func nothing(_ declared: [Network]) -> NoCapture {
        let hint =
            declared.isEmpty
            ? "`vmlab up` brings it up; a lab without networks has no frames" : "frames are kept from `vmlab up` until `vmlab down`"
        return NoCapture(Outcome(.inputMissing, "lab \(lab) has no captures", hint: hint))
    }
}

/// There are no frames of what was asked for.
struct NoCapture: ExplainedError {
    var outcome: Outcome

    init(_ outcome: Outcome) { self.outcome = outcome }
}
