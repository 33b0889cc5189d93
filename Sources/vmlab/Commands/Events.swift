import ArgumentParser
import Foundation
import LabModel
import LabRunner

struct Events: LabCommand {
    static let configuration = CommandConfiguration(
        abstract: "What happens in the lab, one JSON object a line, as it happens.",
        discussion: """
            Example:
              vmlab events -f Labs/quickstart | jq -r 'select(.event == "machine-ended") | .machine'

            Each has `seq`, `at` and `event`; `machine`, `network` (with both: one port) and `detail` where there is something to say.

            \(LabEvent.Kind.table)
            """)

    @Argument(help: ArgumentHelp("The lab file, or a folder with one; default: the working folder.", valueName: "lab"))
    var lab: String?
    @OptionGroup var options: LabOptions

    @Flag(help: "Also what happened before, as far as the keeper still knows it.")
    var past = false

    @Flag(inversion: .prefixedNo, help: "Wait for more.")
    var follow = true

    func perform(_ io: Streams) throws -> LabModel.ExitCode {
        let choice = try LabChoice(options, positional: lab, io: io)
        let id = try choice.id()
        guard let client = try KeeperClient.connect(choice.paths.lab(id)) else { throw NotUp(lab: id) }
        try client.send(.events(past: past || !follow, follow: follow))
        while io.waitForInput(client.number), let replies = try client.receive() {
            for reply in replies {
                if case .event(let event) = reply { io.writeOut(try JSONLine.line(event)) }
            }
        }
        return .done
    }
}

/// The command needs a keeper and the lab has none.
struct NotUp: ExplainedError {
    var lab: String

    var outcome: Outcome { Outcome(.hostCannot, "lab \(lab) is not up", hint: "`vmlab up` brings it up; `vmlab ps --all` lists labs") }
}
