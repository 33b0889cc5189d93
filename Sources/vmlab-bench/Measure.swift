import Foundation
import Glibc
import Host

/// One run of a program: how long, and how much processor time it and its children used.
struct Measurement {
    var wall: Double
    var cpu: Double
    var output: String

    /// Runs a program to its end, with its standard output caught and its errors passed on.
    ///
    /// - Throws: where the program cannot be started or fails.
    static func of(_ program: String, _ arguments: [String], variables: [String: String] = [:]) throws -> Measurement {
        guard let path = program.hasPrefix("/") ? program : Programs.find(program, path: "/usr/sbin:/usr/bin:/sbin:/bin") else {
            throw BenchmarkError("\(program) is not installed")
        }
        let folder = try TemporaryFolder()
        let output = try Descriptor.open(folder.path + "/output", O_RDWR | O_CREAT)
        let environment = ProcessInfo.processInfo.environment.merging(variables) { $1 }.map { "\($0.key)=\($0.value)" }
        let before = childSeconds()
        let start = EventLoop.now()
        let child = try ChildProcess(
            program: path, arguments: [program] + arguments, environment: environment,
            inherited: [.init(0, from: output.number), .init(1, from: output.number), .init(2, from: 2)])
        // Who ends this program ends what it waits for.
        nonisolated(unsafe) let started = child
        let stop = CleanUp { started.signal(SIGTERM) }
        let ending = try withExtendedLifetime(stop) { try child.wait() }
        let wall = Double(EventLoop.now() - start) / 1e9
        let text = try String(contentsOfFile: folder.path + "/output", encoding: .utf8)
        guard ending == .exited(0) else {
            throw BenchmarkError(
                "\(program) \(arguments.joined(separator: " ")) ended with \(ending.map { "\($0)" } ?? "?"): \(text.suffix(500))")
        }
        return Measurement(wall: wall, cpu: childSeconds() - before, output: text)
    }
}

/// User and system time of all children that were waited for.
func childSeconds() -> Double {
    var usage = rusage()
    // Safe because the structure outlives the call.
    unsafe _ = getrusage(__rusage_who_t(RUSAGE_CHILDREN.rawValue), &usage)
    let seconds = Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
    return seconds + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
}

extension [Double] {
    var median: Double {
        let ordered = sorted()
        guard let middle = ordered.dropFirst(ordered.count / 2).first else { return .nan }
        return middle
    }
}

/// A folder that goes away with its owner.
final class TemporaryFolder {
    let path: String
    private let cleanUp: CleanUp

    init() throws {
        let path = NSTemporaryDirectory() + "vmlab-bench-" + String(UInt64.random(in: 0 ... .max), radix: 36)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        self.path = path
        cleanUp = CleanUp { try? FileManager.default.removeItem(atPath: path) }
    }
}

/// A table on standard output.
func printTable(_ title: String, _ head: [String], _ rows: [[String]]) {
    print("\n\(title)")
    let all = [head] + rows
    let widths = head.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
    for row in all {
        print("  " + zip(row, widths).map { $0.padding(toLength: $1, withPad: " ", startingAt: 0) }.joined(separator: "  "))
    }
}

func seconds(_ value: Double) -> String { String(format: "%.2f s", value) }
func ratio(_ value: Double) -> String { String(format: "%.2f", value) }
