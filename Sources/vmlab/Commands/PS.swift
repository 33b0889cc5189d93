import ArgumentParser
import Glibc
import LabModel
import LabRunner

struct PS: LabCommand {
    static let configuration = CommandConfiguration(
        commandName: "ps",
        abstract: "The lab's machines: state, since when, and how they ended.",
        discussion: """
            Example:
              vmlab ps -f Labs/quickstart
              vmlab ps --json | jq '.machines[].state'
            """,
        aliases: ["status"])

    @Argument(help: ArgumentHelp("The lab file, or a folder with one; default: the working folder.", valueName: "lab"))
    var lab: String?
    @OptionGroup var options: LabOptions

    @Flag(help: "All labs of this user, one line each.")
    var all = false

    @Flag(help: "Print it as JSON.")
    var json = false

    @Flag(help: "Print it again after every change.")
    var watch = false

    func perform(_ io: Streams) throws -> LabModel.ExitCode {
        let choice = try LabChoice(options, positional: lab, io: io)
        if all { return try listAll(choice.paths, io) }
        let id = try choice.id()
        let view = try LabView(lab: id, paths: choice.paths)
        try show(try view.status(), io)
        guard watch, let client = try KeeperClient.connect(choice.paths.lab(id)) else { return .done }
        try client.send(.events(past: false, follow: true))
        while let replies = try client.receive() {
            guard replies.contains(where: { if case .event(let event) = $0 { event.event != .imageProgress } else { false } }) else {
                continue
            }
            if io.outIsTerminal { io.writeOut(Array("\u{1B}[H\u{1B}[2J".utf8)) }
            try show(try view.status(), io)
        }
        return .done
    }

    private func show(_ status: LabStatus, _ io: Streams) throws {
        if json { return io.print(try Output.json(status)) }
        if status.state != .up { io.say("lab \(status.lab) is \(status.state.rawValue)\(status.detail.map { ": \($0)" } ?? "")") }
        Output.table(status, io)
    }

    private func listAll(_ paths: LabPaths, _ io: Streams) throws -> LabModel.ExitCode {
        let labs = try Folder.names(paths.state).map { try LabView(lab: $0, paths: paths).status() }
        if json {
            io.print(try Output.json(labs))
            return .done
        }
        var table = Table("LAB", "STATE", "MACHINES", "FOR", "FILE")
        for lab in labs {
            table.add([
                lab.lab, lab.state.rawValue, "\(lab.machines.count)", lab.since.map { Text.age(since: $0) } ?? "-",
                ResolvedLab.read(paths.lab(lab.lab))?.source ?? "-",
            ])
        }
        io.print(table.text)
        return .done
    }
}
