import ArgumentParser
import LabModel
import LabRunner

struct Console: LabCommand {
    static let configuration = CommandConfiguration(
        abstract: "A machine's console: on a terminal to work at, in a pipe to script.",
        discussion: """
            Example:
              vmlab console debian
              echo 'uname -a; echo all "done"' | vmlab console debian --until 'all done' --timeout 30s

            On a terminal the console is raw, starts with what this boot has said, and Ctrl-] leaves it (the machine goes on). \
            In a pipe, standard input is sent and what the machine answers is printed: until the pattern has appeared in it (colours and \
            cursor movements do not count), until the time is over (exit 75), or, without either, until the input has ended and the \
            machine has said nothing for a second.
            """)

    @Argument(help: "The machine's name.")
    var machine: String
    @OptionGroup var options: LabOptions

    @Option(help: ArgumentHelp("serial, console or com2; default: the one that has said most.", valueName: "name"))
    var stream: String?

    @Option(help: ArgumentHelp("What to show of the past; default: boot on a terminal, now in a pipe.", valueName: "start|boot|now"))
    var since: Since?

    @Option(help: ArgumentHelp("End when this text has appeared.", valueName: "text"))
    var until: String?

    @Option(help: ArgumentHelp("End after this time.", valueName: "time"))
    var timeout: String?

    func perform(_ io: Streams) throws -> LabModel.ExitCode {
        let limit = try timeout.map { text in
            guard let limit = Text.milliseconds(text) else {
                throw UsageError(description: "--timeout \(text) is no time", hint: "a number with its unit: 500ms, 30s, 2m")
            }
            return limit
        }
        let isTerminal = io.inputIsTerminal && io.outIsTerminal && until == nil
        let choice = try LabChoice(options, io: io)
        let id = try choice.id()
        guard let client = try KeeperClient.connect(choice.paths.lab(id)) else { throw NotUp(lab: id) }
        let request = ConsoleRequest(
            machine: machine, stream: stream, since: since?.value ?? (isTerminal ? .boot : .now), input: true, follow: true)
        try client.attach(request)
        let session = ConsoleSession(client: client, io: io, until: until, limitMilliseconds: limit)
        return isTerminal ? try session.atTerminal(machine) : try session.inPipe(machine)
    }
}

/// `--since`.
enum Since: String, ExpressibleByArgument, CaseIterable {
    case start, boot, now

    var value: ConsoleRequest.Since {
        switch self {
        case .start: .start
        case .boot: .boot
        case .now: .now
        }
    }
}
