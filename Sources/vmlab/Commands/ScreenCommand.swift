import ArgumentParser
import Host
import LabModel
import LabRunner

struct ScreenCommand: LabCommand {
    static let configuration = CommandConfiguration(
        commandName: "screen",
        abstract: "What a machine shows now, on its display or on a terminal at its serial line.",
        discussion: """
            Example:
              vmlab screen grub
              vmlab screen invaders --stream display --json

            For full-screen programs, which draw by cursor moves: boot menus, firmware, memory testers, installers. A terminal has 25 rows of 80 characters and \
            is drawn from what this boot of the machine has said, with the keeper or without. The display is the VGA's text memory, for systems that do not \
            speak by a serial line. Trailing blank rows are left out.
            """)

    @Argument(help: "The machine's name.")
    var machine: String
    @OptionGroup var options: LabOptions

    @Option(
        help: ArgumentHelp(
            "serial, console or display; default: the line that has said most; the display while that shows nothing.", valueName: "name"))
    var stream: String?

    @Flag(help: "All rows, and the cursor's place, as JSON.")
    var json = false

    private static let display = "display"

    func perform(_ io: Streams) throws -> LabModel.ExitCode {
        if let stream, stream != Self.display, !ConsoleLogs.streams.contains(stream) {
            throw UsageError(
                description: "a machine has no \(Text.plain(stream))",
                hint: "it has: \((ConsoleLogs.streams + [Self.display]).joined(separator: ", "))")
        }
        let choice = try LabChoice(options, io: io)
        let id = try choice.id()
        let folders = try choice.paths.lab(id)
        if stream == Self.display {
            guard let client = try KeeperClient.connect(folders) else { throw NotUp(lab: id) }
            return try show(display: client, io)
        }
        let said = try ConsoleLog.contents(path: ConsoleLogs.path(of: machine, stream: stream, folders, lab: id), since: .boot)
        var terminal = Terminal()
        terminal.write(said)
        let screen = terminal.screen
        // One that shows nothing by a line may have a display.
        if stream == nil, screen.text.allSatisfy(\.isEmpty), let client = try KeeperClient.connect(folders) {
            return try show(display: client, io)
        }
        try show(DisplayedText(rows: screen.text, row: screen.row, column: screen.column), io)
        return .done
    }

    private func show(display client: KeeperClient, _ io: Streams) throws -> LabModel.ExitCode {
        let answer: Result<DisplayedText, Refusal> = try client.ask(.display(machine: machine)) { reply in
            switch reply {
            case .display(let display): .success(display)
            case .result(let outcome): .failure(Refusal(outcome: outcome))
            case .status, .event, .console: nil
            }
        }
        switch answer {
        case .success(let display):
            try show(display, io)
            return .done
        case .failure(let refusal): return Failure.tell(refusal.outcome, io)
        }
    }

    private struct Refusal: Error { var outcome: Outcome }

    private func show(_ display: DisplayedText, _ io: Streams) throws {
        if json { return io.print(try Output.json(display)) }
        // What a guest wrote is shown as text, and as nothing else.
        let last = display.rows.lastIndex { !$0.isEmpty }.map { $0 + 1 } ?? 0
        for row in display.rows[..<last] { io.print(Text.plain(row)) }
    }
}
