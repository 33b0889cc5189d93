import ArgumentParser
import LabModel
import LabPlan
import LabRunner

/// `stop`, `start`, `restart` and `kill` differ by a word: the machine, the lab, and one request.
protocol MachineCommand: LabCommand {
    static var verb: MachineVerb { get }
    var machine: String { get }
    var options: LabOptions { get }
    /// How long the guest gets to power off; `nil` where it is not asked.
    var patience: String? { get }
}

extension MachineCommand {
    var patience: String? { nil }

    func perform(_ io: Streams) throws -> LabModel.ExitCode {
        var ladder: StopLadder?
        if let patience {
            guard let milliseconds = Text.milliseconds(patience) else {
                throw UsageError(description: "--timeout \(patience) is no time", hint: "a number with its unit: 500ms, 30s, 2m")
            }
            var own = StopLadder.patient
            for index in own.rungs.indices where own.rungs[index].means == .powerButton { own.rungs[index].waitMilliseconds = milliseconds }
            ladder = own
        }
        let choice = try LabChoice(options, io: io)
        let id = try choice.id()
        guard let client = try KeeperClient.connect(choice.paths.lab(id)) else { throw NotUp(lab: id) }
        // A guest may take its whole time to stop, or to become ready: the keeper answers when that is over.
        let outcome = try client.ask(.machine(Self.verb, name: machine, ladder), limitMilliseconds: -1) {
            if case .result(let outcome) = $0 { outcome } else { nil }
        }
        guard outcome.exitCode == .done else { return Failure.tell(outcome, io) }
        io.say(outcome.message)
        return .done
    }
}

struct Stop: MachineCommand {
    static let verb = MachineVerb.stop
    static let configuration = CommandConfiguration(
        abstract: "Stop one machine: by its power button, then harder.",
        discussion: "Example:\n  vmlab stop web\n  vmlab stop web --timeout 5s")
    @Argument(help: "The machine's name.") var machine: String
    @OptionGroup var options: LabOptions
    @Option(help: ArgumentHelp("How long the guest gets to power off.", valueName: "time")) var timeout = "30s"
    var patience: String? { timeout }
}

struct Start: MachineCommand {
    static let verb = MachineVerb.start
    static let configuration = CommandConfiguration(
        abstract: "Start one machine that has ended, and wait until it is ready.", discussion: "Example:\n  vmlab start web")
    @Argument(help: "The machine's name.") var machine: String
    @OptionGroup var options: LabOptions
}

struct Restart: MachineCommand {
    static let verb = MachineVerb.restart
    static let configuration = CommandConfiguration(
        abstract: "Stop one machine, start it, and wait until it is ready.", discussion: "Example:\n  vmlab restart web")
    @Argument(help: "The machine's name.") var machine: String
    @OptionGroup var options: LabOptions
    @Option(help: ArgumentHelp("How long the guest gets to power off.", valueName: "time")) var timeout = "30s"
    var patience: String? { timeout }
}

struct Kill: MachineCommand {
    static let verb = MachineVerb.kill
    static let configuration = CommandConfiguration(
        abstract: "End one machine at once, as if its plug were pulled.", discussion: "Example:\n  vmlab kill web")
    @Argument(help: "The machine's name.") var machine: String
    @OptionGroup var options: LabOptions
}
