import Foundation
import Host

/// Runs `vmlab-machine` as a person would: from a shell line, with descriptors opened by it.
enum MachineProgram {
    static let path = (try? Programs.sibling("vmlab-machine")) ?? "vmlab-machine is not built"

    /// Why there is no machine to be run here; nil where there is.
    static let obstacle: String? = {
        let measured = run("--measure-kvm", limit: 10)
        if measured.output.contains(#""kvm":"ok""#) { return nil }
        print("machines are not run: \(measured.output)\(measured.errors)")
        return measured.output + measured.errors
    }()

    struct Result {
        var status: Int32
        var output: String
        var errors: String
    }

    /// - Parameters:
    ///   - line: arguments and redirections, for bash.
    ///   - input: what is said on standard input; it stays open until the machine ends.
    ///   - limit: seconds until it is told to stop (SIGTERM).
    static func run(_ line: String, in folder: URL? = nil, input: String = "", limit: Int = 60) -> Result {
        shell("exec timeout --preserve-status -k 5 \(limit) \"$MACHINE\" \(line)", in: folder, input: input)
    }

    /// Runs it until a condition holds, for a minute at most, and then tells it to stop (SIGTERM).
    /// - Parameter condition: for bash; the machine's output so far is in the file `said`, its errors are in `events`.
    static func run(_ line: String, in folder: URL, until condition: String) -> Result {
        shell(
            """
            "$MACHINE" \(line) >said 2>events &
            for i in $(seq 600); do \(condition) && break; sleep 0.1; done
            kill $!; wait $!; status=$?
            cat said; cat events >&2; exit $status
            """, in: folder)
    }

    /// Runs a script of bash, in which `$MACHINE` is the program.
    static func shell(_ script: String, in folder: URL? = nil, input: String = "") -> Result {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = ["-c", script]
        process.environment = ProcessInfo.processInfo.environment.merging(["MACHINE": path]) { $1 }
        if let folder { process.currentDirectoryURL = folder }
        let output = Foundation.Pipe()
        let errors = Foundation.Pipe()
        let inputPipe = Foundation.Pipe()
        process.standardOutput = output
        process.standardError = errors
        process.standardInput = inputPipe
        guard (try? process.run()) != nil else { return Result(status: -1, output: "", errors: "bash cannot be run") }
        inputPipe.fileHandleForWriting.write(Data(input.utf8))
        let outputText = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        let errorText = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return Result(status: process.terminationStatus, output: outputText, errors: errorText)
    }
}

/// A folder that goes away with the value.
final class Scratch {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("vmm-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func path(_ name: String) -> String { url.appendingPathComponent(name).path }

    func write(_ bytes: [UInt8], to name: String) throws { try Data(bytes).write(to: url.appendingPathComponent(name)) }

    func read(_ name: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: url.appendingPathComponent(name))) }
}
