import ArgumentParser
import LabModel
import LabPlan
import LabRunner

struct Down: LabCommand {
    static let configuration = CommandConfiguration(
        abstract: "Take a lab down, from its record alone, and prove that nothing is left.",
        discussion: """
            Example:
              vmlab down Labs/quickstart
              vmlab down --name shop --now

            Works when the keeper was killed, when the lab file is gone or changed, and twice. Ends with an audit: prints \
            `left behind: nothing`, or names each thing and exits 80.
            """)

    @Argument(help: ArgumentHelp("The lab file, or a folder with one; default: the working folder.", valueName: "lab"))
    var lab: String?
    @OptionGroup var options: LabOptions

    @Option(help: ArgumentHelp("How long guests get to power off.", valueName: "time"))
    var timeout = "30s"

    @Flag(help: "Do not ask the guests: flush their disks and stop.")
    var now = false

    @Flag(help: "End a keeper that does not answer.")
    var force = false

    @Flag(name: .shortAndLong, help: "Name each thing that is undone.")
    var verbose = false

    @Flag(help: "Print what would be done and change nothing.")
    var dryRun = false

    @Flag(help: "Print the audit as JSON.")
    var json = false

    func perform(_ io: Streams) throws -> LabModel.ExitCode {
        guard let patience = Text.milliseconds(timeout) else {
            throw UsageError(description: "--timeout \(timeout) is no time", hint: "a number with its unit: 500ms, 30s, 2m")
        }
        let choice = try LabChoice(options, positional: lab, io: io)
        let id = try choice.id()
        if dryRun {
            let plan = try LabView(lab: id, paths: choice.paths).planDown()
            io.writeOut(Array((json ? plan.json.pretty + "\n" : plan.text()).utf8))
            return .done
        }
        var ladder = now ? StopLadder.hard : .patient
        for index in ladder.rungs.indices where ladder.rungs[index].means == .powerButton {
            ladder.rungs[index].waitMilliseconds = patience
        }
        let (report, interruptions) = try TeardownCommand(
            id: id, paths: choice.paths, io: io, ladder: ladder, isForced: force, isVerbose: verbose
        ).run()
        tell(report, id, io)
        guard report.audit.isClean && report.failures.isEmpty else { return .leftBehind }
        if let signal = interruptions.first { throw ArgumentParser.ExitCode(128 + signal) }
        return .done
    }

    private func tell(_ report: Teardown.Report, _ id: String, _ io: Streams) {
        for failure in report.failures { io.say("vmlab: \(Text.plain(failure))") }
        if json {
            struct Left: Encodable {
                var kind: String
                var what: String
            }
            struct Document: Encodable {
                var apiVersion = "vmlab/v1"
                var kind = "Audit"
                var lab: String
                var leftBehind: [Left]
                var appearedMeanwhile: [Left]
            }
            func left(_ findings: [Audit.Finding]) -> [Left] { findings.map { Left(kind: $0.kind.rawValue, what: $0.what) } }
            if let text = try? Output.json(
                Document(lab: id, leftBehind: left(report.audit.findings), appearedMeanwhile: left(report.audit.strangers)))
            {
                io.print(text)
            }
            return
        }
        guard !report.audit.isClean else { return io.print("left behind: nothing") }
        io.print("left behind:")
        for finding in report.audit.findings { io.print("  \(finding.kind.rawValue): \(Text.plain(finding.what))") }
    }
}
