import ArgumentParser
import Host
import LabModel
import LabPlan
import LabRunner

struct PlanCommand: LabCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "What `up` would do, and why.",
        discussion: """
            Example:
              vmlab plan Labs/quickstart -v
              vmlab plan --detailed-exitcode || echo "the lab is not as its file says"
            """)

    @Argument(help: ArgumentHelp("The lab file, or a folder with one; default: the working folder.", valueName: "lab"))
    var lab: String?
    @OptionGroup var options: LabOptions
    @OptionGroup var sets: SetOptions

    @Flag(help: "What `down` would do instead.")
    var down = false

    @Flag(name: .shortAndLong, help: "Also the line that starts each machine by hand, for bash.")
    var verbose = false

    @Flag(help: "Print the plan as JSON.")
    var json = false

    @Flag(help: "Exit 2 when there is something to do.")
    var detailedExitcode = false

    func perform(_ io: Streams) throws -> LabModel.ExitCode {
        let choice = try LabChoice(options, positional: lab, io: io)
        let plan: Plan
        if down {
            plan = try LabView(lab: choice.id(), paths: choice.paths).planDown()
        } else {
            let read = try choice.read(overrides: sets.overrides)
            plan = try LabView(lab: read.id, paths: choice.paths).plan(up: read.lab)
        }
        // By its path: an installed vmlab-machine lies in libexec, where no shell looks.
        let program = (try? Programs.sibling("vmlab-machine")) ?? "vmlab-machine"
        io.writeOut(Array((json ? plan.json.pretty + "\n" : plan.text(commandLines: verbose, program: program)).utf8))
        return detailedExitcode && !plan.isEmpty ? .changesFound : .done
    }
}
