internal import Carrier
internal import Foundation
internal import Host
internal import LabImages
internal import LabModel
internal import LabPlan

/// An error that knows what to say and which status it ends a command with.
package protocol ExplainedError: Error {
    var outcome: Outcome { get }
}

extension RunnerError: ExplainedError {}

extension Outcome {
    /// What an error of any room below says to a person, what to do about it, and the status it ends a command with.
    package init(explaining error: any Error) {
        switch error {
        case let error as any ExplainedError: self = error.outcome
        case let error as OSError: self.init(error.exitCode, error.description, hint: error.hint)
        case let error as ImageError: self.init(ExitCode(rawValue: error.exitStatus) ?? .bug, error.description, hint: Outcome.hint(error))
        case let error as CarrierError: self.init(error.exitCode, error.description)
        case let error as HomeUnknown:
            self.init(.usage, error.description, hint: "set HOME, or VMLAB_HOME to a folder for all that vmlab keeps")
        case let error as PlanError: self.init(.bug, error.description)
        default: self.init(.bug, "\(error)")
        }
    }

    private static func hint(_ error: ImageError) -> String? {
        switch error.problem {
        case .noSpace: "make room there, or move vmlab's folders with VMLAB_HOME"
        case .digestMismatch: "if the new content is wanted, write its sha256 into the recipe"
        case .diskTooSmall(_, let needed): "write `disk: {size: ...}` of at least \(needed) into the recipe"
        default: nil
        }
    }
}
