import Foundation
import Host
import LabFile
import LabModel
import LabPlan
import LabRunner

/// The one place where an error of any room becomes words on standard error and an exit status.
enum Failure {
    /// Says what went wrong and what to do next.
    static func tell(_ error: any Error, _ io: Streams) -> ExitCode {
        switch error {
        case let diagnostics as Diagnostics:
            io.writeErr(diagnostics.text)
            return .inputWrong
        case let error as LabLocationError: return tell(Outcome(code(of: error), error.description), io)
        default: return tell(Outcome(explaining: error), io)
        }
    }

    static func tell(_ outcome: Outcome, _ io: Streams) -> ExitCode {
        // A program's last words may have several lines.
        let lines = outcome.message.split(separator: "\n", omittingEmptySubsequences: false).map { Text.plain(String($0)) }
        io.say("vmlab: \(io.red(lines.joined(separator: "\n  ")))")
        if let hint = outcome.hint { io.say("  \(Text.plain(hint))") }
        return outcome.exitCode
    }

    private static func code(of error: LabLocationError) -> ExitCode {
        switch error {
        case .missing, .none, .unreadable(_, .missing), .unreadable(_, .otherKind): .inputMissing
        case .several: .usage
        case .unreadable(_, .denied): .notPermitted
        case .unreadable(_, .refused): .inputOutput
        }
    }
}

/// A mistake on the command line that the parser cannot see.
struct UsageError: Error, CustomStringConvertible {
    var description: String
    var hint: String?
}

extension UsageError: ExplainedError {
    var outcome: Outcome { Outcome(.usage, description, hint: hint) }
}
