import ArgumentParser
import Foundation
import Glibc
import Host
import LabModel
import LabRunner

/// The commands a person types, one file each in `Commands/`.
@main
struct VMLab: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vmlab",
        abstract: "A lab is a file: `vmlab up` runs its machines, `vmlab down` leaves nothing behind.",
        discussion: """
            Example:
              vmlab up Labs/quickstart
              vmlab console debian -f Labs/quickstart
              vmlab down Labs/quickstart

            The lab is lab.yaml or the one *.lab.yaml in the working directory, or what -f names; `-` is standard input. Every flag \
            also reads VMLAB_<VERB>_<FLAG>. `vmlab help exit-codes` lists every exit status.
            """,
        version: "vmlab \(LabRunner.Version.text)",
        subcommands: [Keep.self],
        groupedSubcommands: [
            CommandGroup(name: "Labs:", subcommands: [Up.self, Down.self, PlanCommand.self, Check.self, PS.self, Events.self, Graph.self]),
            CommandGroup(
                name: "Machines:",
                subcommands: [
                    Console.self, Logs.self, ScreenCommand.self, TypeCommand.self, MachineCommand<StopWord>.self,
                    MachineCommand<StartWord>.self,
                    MachineCommand<RestartWord>.self,
                    MachineCommand<KillWord>.self,
                ]),
            CommandGroup(name: "Networks:", subcommands: [LinkVerbs.self, Capture.self]),
            CommandGroup(
                name: "This host:",
                subcommands: [
                    ImageCommand.self, Doctor.self, CarrierVerbs.self, Schema.self, Completion.self, VersionCommand.self,
                ]),
        ])

    static func main() {
        // A reader that has seen enough is no reason to die without a word to the keeper.
        signal(SIGPIPE, SIG_IGN)
        // The number of a standard stream that the caller closed would be the next file's, and our words would go into that. So that
        // writing to it fails as it should, what takes its place is for reading only.
        while let nothing = try? Descriptor.open("/dev/null", O_RDONLY).release() {
            guard nothing <= 2 else {
                _ = Descriptor(owning: nothing)
                break
            }
        }
        var arguments = Array(CommandLine.arguments.dropFirst())
        if arguments == ["help", "exit-codes"] {
            Streams().writeOut(Array(LabModel.ExitCode.help.utf8))
            return
        }
        arguments = EnvironmentFlags.applied(to: arguments, of: VMLab.self, environment: ProcessInfo.processInfo.environment)
        main(arguments)
    }
}

/// A command of ours: it is handed its streams and says how it ended.
protocol LabCommand: ParsableCommand {
    func perform(_ io: Streams) throws -> LabModel.ExitCode
}

extension LabCommand {
    func run() throws {
        let io = Streams()
        let code: LabModel.ExitCode
        do {
            code = try perform(io)
        } catch let status as ArgumentParser.ExitCode {
            // 128 and a signal's number has no name of its own.
            throw status
        } catch {
            code = Failure.tell(error, io)
        }
        if code != .done { throw ArgumentParser.ExitCode(code.rawValue) }
    }
}
