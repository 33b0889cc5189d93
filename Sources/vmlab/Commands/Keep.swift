import ArgumentParser
import Foundation
import LabModel
import LabRunner

/// The lab's keeper: started by `up`, never by a person.
struct Keep: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keep", abstract: "Keep one lab (started by `up`).", shouldDisplay: false)

    @Argument var lab: String
    @Option var cache: String
    @Option var state: String
    @Option(name: .customLong("run")) var runFolder: String

    func run() throws {
        let paths = LabPaths(cache: cache, state: state, run: runFolder)
        let failpoint = ProcessInfo.processInfo.environment[Failpoint.variable].flatMap(Failpoint.init)
        let code = KeeperProgram.run(lab: lab, paths: paths, workshop: .host(paths), failpoint: failpoint)
        if code != .done { throw ArgumentParser.ExitCode(code.rawValue) }
    }
}
