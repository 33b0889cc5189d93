import Foundation
import Glibc
import Host
import TestSupport
import Testing

/// `vmlab` as a person runs it: the built program, a home of its own, and no trace of either afterwards.
final class CommandLineUser {
    /// Moves cache, state and run directories of every command that this user types.
    let home: String
    /// Where the built programs lie: beside the test bundle.
    static let programs = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().path
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .path
    private let environment: [String]

    /// - Parameter sharedCache: keeps built images between the tests of one run, and between runs where the home folder is kept.
    init(sharedCache: Bool = true) throws {
        let short = String(UInt32.random(in: 0 ... .max), radix: 36)
        home = "/tmp/vmlab-test-\(short)"
        try FileManager.default.createDirectory(atPath: home + "/state", withIntermediateDirectories: true)
        try FileManager.default.createDirectory(atPath: home + "/run", withIntermediateDirectories: true)
        if sharedCache {
            try FileManager.default.createDirectory(atPath: Self.sharedCache, withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(atPath: home + "/cache", withDestinationPath: Self.sharedCache)
        }
        var variables = ProcessInfo.processInfo.environment
        for name in variables.keys where name.hasPrefix("VMLAB_") { variables[name] = nil }
        variables["VMLAB_HOME"] = home
        environment = variables.map { "\($0.key)=\($0.value)" }
    }

    /// Images are built once for all tests of a checkout.
    static let sharedCache = root + "/.build/test-cache"

    deinit {
        // A test that failed half-way leaves its lab running; nobody else would ever end it.
        for process in processes() {
            if let pid = Int32(process.prefix { $0 != ":" }) { kill(pid, SIGKILL) }
        }
        try? FileManager.default.removeItem(atPath: home)
    }

    /// Runs one command to its end.
    @discardableResult
    func vmlab(_ arguments: String..., input: String = "", limitSeconds: Int = 60, variables: [String] = []) throws -> CommandOutcome {
        try start(arguments, input: input, variables: variables).wait(limitSeconds: limitSeconds)
    }

    /// Starts one command and returns at once.
    func start(_ arguments: [String], input: String = "", variables: [String] = []) throws -> RunningCommand {
        try RunningCommand(
            program: Self.programs + "/vmlab", arguments: ["vmlab"] + arguments, environment: environment + variables, input: input,
            home: home)
    }

    /// Writes a lab file into a folder of its own and returns the folder.
    func lab(_ name: String, _ text: String) throws -> String {
        let folder = home + "/labs/" + name
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(filePath: folder + "/lab.yaml"))
        let images = home + "/labs/Images"
        if !FileManager.default.fileExists(atPath: images) {
            try FileManager.default.createSymbolicLink(atPath: images, withDestinationPath: Self.root + "/Images")
        }
        return folder
    }

    /// Every process that still carries this user's home in its environment or arguments, seen by the kernel and not by vmlab.
    func processes() -> [String] {
        var found: [String] = []
        for entry in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
            guard let pid = Int32(entry), pid != getpid() else { continue }
            let arguments = FileManager.default.contents(atPath: "/proc/\(entry)/cmdline") ?? Data()
            let variables = FileManager.default.contents(atPath: "/proc/\(entry)/environ") ?? Data()
            let text = String(decoding: arguments + variables, as: UTF8.self)
            if text.contains(home) { found.append("\(entry): \(String(decoding: arguments, as: UTF8.self))") }
        }
        return found
    }

    /// What is left of any lab in the state and run folders.
    func files() -> [String] {
        ["state", "run"].flatMap { folder in
            (FileManager.default.enumerator(atPath: "\(home)/\(folder)")?.compactMap { $0 as? String } ?? []).map { "\(folder)/\($0)" }
        }
    }

    /// Fails the test for each process or file that is there; the accelerator's measurement may stay.
    func expectNothingLeft(_ location: SourceLocation = #_sourceLocation) {
        // A child that was killed a moment ago may still be on its way out.
        for _ in 0..<40 where !processes().isEmpty { usleep(50_000) }
        #expect(processes().isEmpty, "processes are left: \(processes())", sourceLocation: location)
        let files = files().filter { !$0.contains("accelerator") && !$0.hasSuffix("lock") }
        #expect(files.isEmpty, "files are left: \(files)", sourceLocation: location)
    }
}
