import Foundation
import Glibc
import Host
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

    struct Outcome {
        var status: Int32
        var out: String
        var err: String

        var all: String { out + err }
    }

    /// Runs one command to its end.
    @discardableResult
    func vmlab(_ arguments: String..., input: String = "", limitSeconds: Int = 60, variables: [String] = []) throws -> Outcome {
        try start(arguments, input: input, variables: variables).wait(limitSeconds: limitSeconds)
    }

    /// A command that is still running.
    final class Running {
        let process: ChildProcess
        let folder: String

        init(process: ChildProcess, folder: String) {
            self.process = process
            self.folder = folder
        }

        deinit {
            process.signal(SIGKILL)
            _ = try? process.wait(limitMilliseconds: 5000)
            try? FileManager.default.removeItem(atPath: folder)
        }

        var out: String { (try? String(contentsOfFile: folder + "/out", encoding: .utf8)) ?? "" }
        var err: String { (try? String(contentsOfFile: folder + "/err", encoding: .utf8)) ?? "" }

        /// Waits for the end; a command that is still running then is a failure, and is killed.
        func wait(limitSeconds: Int) throws -> Outcome {
            switch try process.wait(limitMilliseconds: limitSeconds * 1000) {
            case .exited(let status): return Outcome(status: status, out: out, err: err)
            case .signalled(let signal): return Outcome(status: 128 + signal, out: out, err: err)
            case nil:
                Issue.record("still running after \(limitSeconds) s: \(out)\(err)")
                process.signal(SIGKILL)
                _ = try process.wait(limitMilliseconds: 5000)
                return Outcome(status: -1, out: out, err: err)
            }
        }

        /// Polls until the output holds a text.
        func awaitOutput(_ text: String, limitSeconds: Int) throws {
            for _ in 0..<(limitSeconds * 20) {
                if (out + err).contains(text) { return }
                if try process.wait(limitMilliseconds: 50) != nil { break }
            }
            try #require((out + err).contains(text), "waited for \(text), saw: \(out)\(err)")
        }
    }

    /// Starts one command and returns at once.
    func start(_ arguments: [String], input: String = "", variables: [String] = []) throws -> Running {
        let folder = home + "/command-\(UInt32.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data(input.utf8).write(to: URL(filePath: folder + "/in"))
        let stdin = try Descriptor.open(folder + "/in", O_RDONLY)
        let stdout = try Descriptor.open(folder + "/out", O_WRONLY | O_CREAT)
        let stderr = try Descriptor.open(folder + "/err", O_WRONLY | O_CREAT)
        let process = try ChildProcess(
            program: Self.programs + "/vmlab", arguments: ["vmlab"] + arguments, environment: environment + variables,
            inherited: [.init(0, from: stdin.number), .init(1, from: stdout.number), .init(2, from: stderr.number)])
        return Running(process: process, folder: folder)
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
