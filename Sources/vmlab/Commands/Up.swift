import ArgumentParser
import LabModel
import LabPlan
import LabRunner

struct Up: LabCommand {
    static let configuration = CommandConfiguration(
        abstract: "Bring a lab up: plan, build, start, wait until ready; a running lab is reconciled.",
        discussion: """
            Example:
              vmlab up Labs/quickstart
              vmlab up --accel carrier --set machines.db.memory=1GiB

            A second `up` changes nothing. ^C once takes back what this run began (exit 130); twice, without asking the guests.
            A lab that another file brought up is left alone (exit 75): give this one a name of its own with --name.
            """)

    @Argument(help: ArgumentHelp("The lab file, or a folder with one; default: the working folder.", valueName: "lab"))
    var lab: String?
    @OptionGroup var options: LabOptions
    @OptionGroup var sets: SetOptions

    @Option(help: ArgumentHelp("How machines are accelerated: auto measures and says so.", valueName: "auto|kvm|carrier"))
    var accel: Accel = .automatic

    @Option(help: ArgumentHelp("Machines that may be starting at once; default: one for each core.", valueName: "n"))
    var parallel: Int?

    @Flag(help: "Print the plan and change nothing.")
    var dryRun = false

    @Flag(help: "Print the lab's state at the end as JSON.")
    var json = false

    func validate() throws {
        if let parallel, !(1...256).contains(parallel) { throw ValidationError("--parallel is a number from 1 to 256") }
    }

    func perform(_ io: Streams) throws -> LabModel.ExitCode {
        let choice = try LabChoice(options, positional: lab, io: io)
        let read = try choice.read(overrides: sets.overrides)
        if dryRun {
            let plan = try LabView(lab: read.id, paths: choice.paths).plan(up: read.lab)
            io.writeOut(Array((json ? plan.json.pretty + "\n" : plan.text()).utf8))
            return .done
        }
        let request = UpRequest(lab: read.lab, id: read.id, source: read.source, accelerator: accel.choice, parallel: parallel)
        let outcome = try UpSession(request, paths: choice.paths, io: io).run()
        if !outcome.leaves, let status = try? LabView(lab: read.id, paths: choice.paths).status() {
            if json { io.print(try Output.json(status)) } else { Output.table(status, io) }
        }
        guard outcome.code == 0 else {
            _ = Failure.tell(outcome, io)
            throw ArgumentParser.ExitCode(outcome.code)
        }
        io.say(outcome.message)
        return .done
    }
}

/// `--accel`.
enum Accel: String, ExpressibleByArgument, CaseIterable {
    case automatic = "auto"
    case kvm
    case carrier

    var choice: AcceleratorChoice {
        switch self {
        case .automatic: .automatic
        case .kvm: .kvm
        case .carrier: .carrier
        }
    }
}
