import ArgumentParser
import LabModel
import LabRunner

struct VersionCommand: LabCommand {
    static let configuration = CommandConfiguration(
        commandName: "version", abstract: "Print the version.", discussion: "Example:\n  vmlab version --json")

    @Flag(help: "Print it as JSON.")
    var json = false

    func perform(_ io: Streams) throws -> LabModel.ExitCode {
        let text = LabRunner.Version.text
        io.print(json ? try Output.json(["apiVersion": "vmlab/v1", "kind": "Version", "version": text]) : "vmlab \(text)")
        return .done
    }
}
