import Foundation
import Glibc
import Host
import TestSupport
import Testing

/// pulse on somebody else's monitor.
enum PulseOnQEMU {
    static let emulator = Programs.find("qemu-system-x86_64", path: ProcessInfo.processInfo.environment["PATH"] ?? "")

    /// Runs pulse to its power-off and returns what it said on its serial console.
    static func run(_ board: String, _ commandLine: String, _ extra: [String] = []) throws -> String {
        let program = try #require(emulator)
        let output = SharedDescriptor(try Descriptor.memory(name: "serial"))
        let nothing = SharedDescriptor(try Descriptor.open("/dev/null", O_RDWR))
        let process = try ChildProcess(
            program: program,
            arguments: [
                "qemu-system-x86_64", "-M", board, "-m", "32", "-nodefaults", "-no-user-config", "-nographic", "-no-reboot",
                "-kernel", PulseMachine.kernel, "-append", commandLine, "-serial", "stdio",
            ] + extra, environment: [],
            inherited: [.init(0, from: nothing.number), .init(1, from: output.number), .init(2, from: output.number)])
        defer { process.signal(SIGKILL) }
        let ending = try process.wait(limitMilliseconds: PulseMachine.patience * 1000)
        let text = String(decoding: try PulseDisk.bytes(of: output).filter { $0 != 0x0D }, as: UTF8.self)
        guard ending == .exited(0) else { throw PulseMachine.Failure(description: "\(ending.debugDescription): \(text)") }
        return text
    }
}
