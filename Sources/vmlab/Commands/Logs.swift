import ArgumentParser
import Host
import LabModel
import LabRunner

struct Logs: LabCommand {
    static let configuration = CommandConfiguration(
        abstract: "What a machine has said on its console, from its first byte.",
        discussion: """
            Example:
              vmlab logs debian --since boot
              vmlab logs debian --follow | grep -i error

            Works without the keeper too. Control characters are left out, so that a guest cannot play with your terminal; --raw keeps them.
            """)

    @Argument(help: "The machine's name.")
    var machine: String
    @OptionGroup var options: LabOptions

    @Option(help: ArgumentHelp("serial, console or com2; default: the one that has said most.", valueName: "name"))
    var stream: String?

    @Option(help: ArgumentHelp("Where to begin.", valueName: "start|boot|now"))
    var since: Since = .start

    @Flag(help: "Wait for more.")
    var follow = false

    @Flag(help: "Every byte as it came.")
    var raw = false

    func perform(_ io: Streams) throws -> LabModel.ExitCode {
        if let stream, !ConsoleLogs.streams.contains(stream) { throw ConsoleLogs.unknown(stream) }
        let choice = try LabChoice(options, io: io)
        let id = try choice.id()
        let folders = try choice.paths.lab(id)
        var filter = EscapeFilter()
        func show(_ bytes: [UInt8]) { io.writeOut(raw ? bytes : filter.text(of: bytes)) }
        if follow {
            guard let client = try KeeperClient.connect(folders) else { throw NotUp(lab: id) }
            try client.attach(ConsoleRequest(machine: machine, stream: stream, since: since.value, input: false, follow: true))
            show(client.takeRest())
            while io.waitForInput(client.number), let bytes = try? Borrowed(client.number).read(upTo: 65536), !bytes.isEmpty { show(bytes) }
            return .done
        }
        show(try ConsoleLog.contents(path: ConsoleLogs.path(of: machine, stream: stream, folders, lab: id), since: since.value))
        return .done
    }
}

/// Finds the log of a machine's console, with the keeper or without.
enum ConsoleLogs {
    static let streams = ["serial", "console", "com2"]

    static func unknown(_ stream: String) -> UsageError {
        UsageError(description: "a machine has no console \(Text.plain(stream))", hint: "it has: \(streams.joined(separator: ", "))")
    }

    /// - Parameter stream: `nil`: the one that has said most.
    static func path(of machine: String, stream: String?, _ folders: LabFolders, lab: String) throws -> String {
        let streams = stream.map { [$0] } ?? Self.streams
        let sizes = streams.compactMap { name -> (path: String, size: UInt64)? in
            let path = folders.consoleLog(machine, stream: name)
            guard !machine.contains("/"), let status = try? FileStatus(of: path) else { return nil }
            let older = (try? FileStatus(of: path + ".1"))?.size ?? 0
            return (path, status.size + older)
        }
        // The first of two equally silent ones.
        guard let most = sizes.map(\.size).max(), let log = sizes.first(where: { $0.size == most }) else {
            throw NoLog(lab: lab, machine: machine)
        }
        return log.path
    }
}

/// The machine has no console log.
struct NoLog: ExplainedError {
    var lab: String
    var machine: String

    var outcome: Outcome {
        Outcome(
            .inputMissing, "lab \(lab) has no console log of \(machine)",
            hint: "`vmlab ps` lists its machines; one that never started said nothing")
    }
}
