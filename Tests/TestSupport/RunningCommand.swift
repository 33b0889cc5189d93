import Foundation
import Glibc
package import Host

/// How a command ended, and what it printed.
package struct CommandOutcome: Sendable {
    /// As shells have it: 128 and the signal for one that was killed.
    package var status: Int32
    package var out: String
    package var err: String
    package var all: String { out + err }
}

/// A command that a test has started: standard input comes from a file, output and errors go to files, so that it never waits for the test.
///
/// It is killed, and its files go, with the last reference to it.
package final class RunningCommand {
    package let process: ChildProcess
    package let folder: String

    package struct TooLong: Error, CustomStringConvertible {
        package var description: String
    }

    /// - Parameters:
    ///   - arguments: the whole argv.
    ///   - home: an existing folder; a folder for the three files is made in it.
    package init(program: String, arguments: [String], environment: [String], input: String = "", home: String) throws {
        folder = home + "/command-\(UInt32.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data(input.utf8).write(to: URL(filePath: folder + "/in"))
        let stdin = try Descriptor.open(folder + "/in", O_RDONLY)
        let stdout = try Descriptor.open(folder + "/out", O_WRONLY | O_CREAT)
        let stderr = try Descriptor.open(folder + "/err", O_WRONLY | O_CREAT)
        process = try ChildProcess(
            program: program, arguments: arguments, environment: environment,
            inherited: [.init(0, from: stdin.number), .init(1, from: stdout.number), .init(2, from: stderr.number)])
    }

    deinit {
        process.signal(SIGKILL)
        _ = try? process.wait(limitMilliseconds: 5000)
        try? FileManager.default.removeItem(atPath: folder)
    }

    package var out: String { text("out") }
    package var err: String { text("err") }

    /// A piece that ends in the middle of a character is text all the same.
    private func text(_ name: String) -> String {
        String(decoding: FileManager.default.contents(atPath: folder + "/" + name) ?? Data(), as: UTF8.self)
    }

    /// Waits for the end; a command that is still running then is killed, and that is an error.
    package func wait(limitSeconds: Int = 120) throws -> CommandOutcome {
        switch try process.wait(limitMilliseconds: limitSeconds * 1000) {
        case .exited(let status): return CommandOutcome(status: status, out: out, err: err)
        case .signalled(let signal): return CommandOutcome(status: 128 + signal, out: out, err: err)
        case nil: throw TooLong(description: "still running after \(limitSeconds) s: \(out)\(err)")
        }
    }

    /// Waits until the output or the errors hold a text, or the command has ended.
    package func awaitOutput(_ text: String, limitSeconds: Int = 120) throws {
        for _ in 0..<(limitSeconds * 20) {
            if (out + err).contains(text) { return }
            if try process.wait(limitMilliseconds: 50) != nil { break }
        }
        let all = out + err
        guard all.contains(text) else { throw TooLong(description: "waited for \(text), saw: \(all)") }
    }
}
