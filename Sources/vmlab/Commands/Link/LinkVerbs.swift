import ArgumentParser
import LabModel
import LabRunner

/// `vmlab link`: the wires of a running lab.
struct LinkVerbs: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "link",
        abstract: "The wires of a running lab: what they do to frames, cables in and out, who sees whom.",
        discussion: """
            Example:
              vmlab link set lan delay=40ms loss=0.5%
              vmlab link set web/lan down
              vmlab link partition lan web,db router
              vmlab link heal lan
            """,
        subcommands: [LinkSet.self, LinkShow.self, LinkPartition.self, LinkHeal.self])
}

/// A change to wires that the keeper answers with one line.
protocol LinkCommand: LabCommand {
    var options: LabOptions { get }
    func request() throws -> Request
}

extension LinkCommand {
    func perform(_ io: Streams) throws -> LabModel.ExitCode {
        let request = try request()
        let choice = try LabChoice(options, io: io)
        let id = try choice.id()
        guard let client = try KeeperClient.connect(choice.paths.lab(id)) else { throw NotUp(lab: id) }
        let outcome = try client.ask(request) { if case .result(let outcome) = $0 { outcome } else { nil } }
        guard outcome.exitCode == .done else { return Failure.tell(outcome, io) }
        io.say(outcome.message)
        return .done
    }
}
