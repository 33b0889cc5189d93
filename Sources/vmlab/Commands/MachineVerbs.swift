import ArgumentParser
import LabModel
import LabPlan
import LabRunner

/// What `stop`, `start`, `restart` and `kill` differ by.
protocol MachineWord {
    static var verb: MachineVerb { get }
    static var abstract: String { get }
    static var example: String { get }
    /// The options of this verb alone.
    associatedtype Extra: MachineExtra
}

/// Options of one verb.
protocol MachineExtra: ParsableArguments {
    /// `nil`: the keeper's own.
    var ladder: StopLadder? { get throws }
}

struct MachineCommand<Word: MachineWord>: LabCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: Word.verb.rawValue, abstract: Word.abstract, discussion: "Example:\n  " + Word.example)
    }

    @Argument(help: "The machine's name.") var machine: String
    @OptionGroup var options: LabOptions
    @OptionGroup var extra: Word.Extra

    func perform(_ io: Streams) throws -> LabModel.ExitCode {
        let ladder = try extra.ladder
        let choice = try LabChoice(options, io: io)
        let id = try choice.id()
        guard let client = try KeeperClient.connect(choice.paths.lab(id)) else { throw NotUp(lab: id) }
        // A guest may take its whole time to stop, or to become ready: the keeper answers when that is over.
        let outcome = try client.ask(.machine(Word.verb, name: machine, ladder), limitMilliseconds: -1) {
            if case .result(let outcome) = $0 { outcome } else { nil }
        }
        guard outcome.exitCode == .done else { return Failure.tell(outcome, io) }
        io.say(outcome.message)
        return .done
    }
}

/// How long the guest is asked.
struct Patience: MachineExtra {
    @Option(help: ArgumentHelp("How long the guest gets to power off.", valueName: "time")) var timeout = "30s"

    var ladder: StopLadder? {
        get throws {
            guard let milliseconds = Text.milliseconds(timeout) else {
                throw UsageError(description: "--timeout \(timeout) is no time", hint: "a number with its unit: 500ms, 30s, 2m")
            }
            var own = StopLadder.patient
            for index in own.rungs.indices where own.rungs[index].means == .powerButton { own.rungs[index].waitMilliseconds = milliseconds }
            return own
        }
    }
}

/// Nobody is asked.
struct NoPatience: MachineExtra {
    var ladder: StopLadder? { nil }
}

enum StopWord: MachineWord {
    static let verb = MachineVerb.stop
    static let abstract = "Stop one machine: by its power button, then harder."
    static let example = "vmlab stop web\n  vmlab stop web --timeout 5s"
    typealias Extra = Patience
}

enum StartWord: MachineWord {
    static let verb = MachineVerb.start
    static let abstract = "Start one machine that has ended, and wait until it is ready."
    static let example = "vmlab start web"
    typealias Extra = NoPatience
}

enum RestartWord: MachineWord {
    static let verb = MachineVerb.restart
    static let abstract = "Stop one machine, start it, and wait until it is ready."
    static let example = "vmlab restart web"
    typealias Extra = Patience
}

enum KillWord: MachineWord {
    static let verb = MachineVerb.kill
    static let abstract = "End one machine at once, as if its plug were pulled."
    static let example = "vmlab kill web"
    typealias Extra = NoPatience
}
