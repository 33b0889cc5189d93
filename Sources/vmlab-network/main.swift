import Glibc
import Host
import LabNetwork

/// sysexits(3), as everywhere in the project.
enum Status {
    static let usage: Int32 = 64
    static let bug: Int32 = 70
    static let system: Int32 = 71
}

func leave(_ status: Int32, _ reason: String) -> Never {
    say("vmlab-network: \(reason.split(separator: "\n").joined(separator: " "))\n", to: STDERR_FILENO)
    exit(status)
}

func say(_ text: String, to number: Int32) { try? Borrowed(number).writeAll(Array(text.utf8)) }

// A reader that goes away is told by the write, not by a signal.
signal(SIGPIPE, SIG_IGN)
let arguments = Array(CommandLine.arguments.dropFirst())
if arguments.contains("--help") || arguments.contains("-h") {
    say(helpText, to: STDOUT_FILENO)
    exit(0)
}
if arguments == ["--version"] {
    say(versionText, to: STDOUT_FILENO)
    exit(0)
}
do {
    let command = try BridgeCommand(arguments)
    do {
        try Station(command).run()
    } catch {
        leave(Status.system, "\(error)")
    }
} catch {
    leave(Status.usage, "\(error); see --help")
}
