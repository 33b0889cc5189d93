import Foundation
import Glibc
import Host
import Testing

/// One `vmlab-network` with one network, 10.20.0.0/24, and the machines' ends of its ports.
final class PulseBridge {
    let process: ChildProcess
    private let control: SharedDescriptor
    private let complaints: SharedDescriptor
    private let ends: [SharedDescriptor]
    private var said = ""

    static let program = CommandLineUser.programs + "/vmlab-network"
    /// Ports in this order, from 10.20.0.7 and 02:00:00:00:00:07 on.
    static let names = ["web", "db", "spy"]

    private static func address(_ number: Int) -> String { "02:00:00:00:00:0\(7 + number)" }

    init(_ extra: [String] = []) throws {
        guard access(Self.program, X_OK) == 0 else {
            throw PulseMachine.Failure(description: "not built: \(Self.program) (swift build)")
        }
        let nothing = SharedDescriptor(try Descriptor.open("/dev/null", O_RDWR))
        complaints = SharedDescriptor(try Descriptor.memory(name: "stderr"))
        let words = try PulseCable()
        control = words.first
        let cables = try Self.names.map { _ in try PulseCable() }
        ends = cables.map(\.second)
        var arguments = [
            "vmlab-network", "--lab", "shop", "--seed", "7", "--control", "3", "--network",
            "id=lan,subnet=10.20.0.0/24,mac=02:00:00:00:00:01,domain=shop.lab,prefix6=fd00:1:2:3::/64",
        ]
        var inherited: [ChildProcess.Inherited] = [
            .init(0, from: nothing.number), .init(1, from: nothing.number), .init(2, from: complaints.number),
            .init(3, from: words.second.number),
        ]
        for (number, cable) in cables.enumerated() {
            arguments += [
                "--port", "id=\(Self.names[number])/lan,fd=\(4 + number),mac=\(Self.address(number)),address=10.20.0.\(7 + number)",
            ]
            inherited.append(.init(CInt(4 + number), from: cable.first.number))
        }
        process = try ChildProcess(program: Self.program, arguments: arguments + extra, environment: [], inherited: inherited)
        withExtendedLifetime((nothing, words, cables)) {}
        for name in Self.names { try tell("port-up \(name)/lan") }
    }

    deinit { process.signal(SIGKILL) }

    /// A machine at a port of its own.
    func machine(_ number: Int, _ commandLine: String = "") throws -> PulseMachine {
        try PulseMachine(commandLine, cards: [.init(end: ends[number], address: Self.address(number))])
    }

    func tell(_ word: String) throws {
        try control.with { (end: borrowing Descriptor) in try end.writeAll(Array((word + "\n").utf8)) }
    }

    /// Waits until it has said something more.
    func expect(_ text: String) throws {
        let deadline = ContinuousClock.now + .seconds(PulseMachine.patience)
        while true {
            if let found = said.range(of: text) {
                said.removeSubrange(..<found.upperBound)
                return
            }
            var entry = pollfd(fd: control.number, events: Int16(POLLIN), revents: 0)
            let left = (deadline - .now) / .milliseconds(1)
            guard left > 0, poll(&entry, 1, CInt(clamping: Int(left))) > 0 else { break }
            let part = (try? control.with { (end: borrowing Descriptor) in try end.read(upTo: 65536) }) ?? []
            if part.isEmpty { break }
            said += String(decoding: part, as: UTF8.self)
        }
        let errors = String(decoding: (try? PulseDisk.bytes(of: complaints)) ?? [], as: UTF8.self)
        throw PulseMachine.Failure(description: "waited for \(text): \(said) \(errors)")
    }
}
