import ArgumentParser
import Host
import LabModel
import LabRunner

struct TypeCommand: LabCommand {
    static let configuration = CommandConfiguration(
        commandName: "type",
        abstract: "Press keys on a machine's keyboard.",
        discussion: """
            Example:
              vmlab type mach --enter ls
              printf 'reboot\\n' | vmlab type mach -

            For systems that read a PS/2 keyboard instead of a serial line (`vmlab console` types there). The keys are those of a US keyboard: a newline is \
            Enter, control characters are what a terminal sends, `ESC [ A` to `ESC [ D` are the arrows. `-` reads the text from standard input. The guest gets a \
            key when it has taken the one before; a thousand may wait.
            """)

    @Argument(help: "The machine's name.")
    var machine: String
    @Argument(help: "What is typed, or - for standard input.")
    var text: String = ""
    @OptionGroup var options: LabOptions

    @Flag(help: "Press Enter at the end.")
    var enter = false

    func perform(_ io: Streams) throws -> LabModel.ExitCode {
        var text = text
        if text == "-" {
            guard let bytes = try? Borrowed(io.input).read(upTo: 4096), let input = String(validating: bytes, as: UTF8.self) else {
                throw UsageError(description: "standard input is no text", hint: nil)
            }
            text = input
        }
        if enter { text += "\n" }
        guard !text.isEmpty else { throw UsageError(description: "there is nothing to type", hint: "give a text, or --enter") }
        let choice = try LabChoice(options, io: io)
        let id = try choice.id()
        guard let client = try KeeperClient.connect(choice.paths.lab(id)) else { throw NotUp(lab: id) }
        let outcome = try client.ask(.type(machine: machine, text: text)) { if case .result(let outcome) = $0 { outcome } else { nil } }
        return outcome.exitCode == .done ? .done : Failure.tell(outcome, io)
    }
}
