import ArgumentParser
import Carrier
import Foundation
import Glibc
import Host
import LabModel
import LabRunner

struct CarrierVerbs: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "carrier",
        abstract: "A small emulated computer with a true /dev/kvm, for hosts without one.",
        discussion: """
            Example:
              vmlab carrier status
              vmlab carrier run -- ./my-monitor --test
            """,
        subcommands: [Status.self, Run.self])

    struct Status: LabCommand {
        static let configuration = CommandConfiguration(
            abstract: "What /dev/kvm is worth here, and what carriers are made of.", discussion: "Example:\n  vmlab carrier status --json")
        @Flag(help: "Print it as JSON.") var json = false

        private struct Document: Encodable {
            var apiVersion = "vmlab/v1"
            var kind = "CarrierStatus"
            var summary: String
            var kvm: KVMMeasurement
            var qemu: String?
            var qemuVersion: String?
            var problem: String?
        }

        func perform(_ io: Streams) throws -> LabModel.ExitCode {
            let choice = try HostChoice(paths: LabPaths(environment: io.environment, user: geteuid())) { io.say($0) }
            let measurement = try choice.measure()
            var document = Document(summary: Accelerator(for: measurement).summary, kvm: measurement)
            do {
                let qemu = try choice.qemu()
                document.qemu = qemu.path
                document.qemuVersion = qemu.version.description
                document.problem = qemu.warning
            } catch {
                document.problem = Outcome(explaining: error).message
            }
            if json {
                io.print(try Output.json(document))
            } else {
                io.print(document.summary)
                io.print("QEMU: \(document.qemu.map { "\($0), version \(document.qemuVersion ?? "?")" } ?? "none")")
                if let problem = document.problem { io.print(problem) }
            }
            return document.qemu == nil && !measurement.isHardware ? .hostCannot : .done
        }
    }

    struct Run: LabCommand {
        static let configuration = CommandConfiguration(
            abstract: "Run a program beside a true /dev/kvm; its streams and exit status pass through.",
            discussion: """
                Example:
                  vmlab carrier run -- vmlab-machine --measure-kvm
                  vmlab carrier run --with disk.img --memory 1GiB -- qemu-system-x86_64 -accel kvm -M microvm ...

                The program and what --with names stand at the same paths in there, with the libraries they need.
                """)

        @Option(name: .customLong("with"), help: ArgumentHelp("A file or folder to take along; repeatable.", valueName: "file"))
        var files: [String] = []

        @Option(help: ArgumentHelp("Memory for the program.", valueName: "size"))
        var memory = "512MiB"

        @Argument(parsing: .postTerminator, help: "The program and its arguments, after --.")
        var command: [String] = []

        func perform(_ io: Streams) throws -> LabModel.ExitCode {
            guard !command.isEmpty else {
                throw UsageError(description: "there is no program to run", hint: "vmlab carrier run -- PROGRAM ARGUMENTS")
            }
            guard let memory = ByteCount(text: memory), memory.bytes >= 16 << 20 else {
                throw UsageError(description: "--memory \(self.memory) is no size", hint: "at least 16MiB, such as 512MiB or 2GiB")
            }
            let choice = try HostChoice(paths: LabPaths(environment: io.environment, user: geteuid())) { io.say($0) }
            let run = CarrierRun(
                kit: try choice.kit(), leash: try Programs.sibling("vmlab-leash"), memory: memory, command: command, files: files,
                folder: FileManager.default.currentDirectoryPath, searchPath: Environment.searchPath)
            switch try run.run(input: io.input, output: io.out, errors: io.err) {
            case .exited(let status): throw ArgumentParser.ExitCode(status)
            case .signalled(let signal): throw ArgumentParser.ExitCode(128 + signal)
            case .carrierFailed(let reason): return Failure.tell(Outcome(.hostCannot, "carrier failed: \(reason)"), io)
            }
        }
    }
}

extension ByteCount {
    /// `512MiB`; `nil` for a number without a unit, and for anything else.
    init?(text: String) {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = UInt64(digits), let unit = Unit(rawValue: String(text.dropFirst(digits.count))) else { return nil }
        self.init(number, unit: unit)
    }
}
