import Foundation
import Glibc
import Host
import LabModel
import LabNetwork
import PortStream

/// A `vmlab-network` of our own, its keeper's stream, and the machines' ends of its ports.
final class Program: @unchecked Sendable {
    static let path = (try? Programs.sibling("vmlab-network")) ?? "vmlab-network is not built"

    let child: ChildProcess
    private let control: CInt
    private var machines: [CInt] = []
    private var networkEnds: [CInt] = []
    private var input: [UInt8] = []
    private var said: [String] = []

    /// - Parameters:
    ///   - ports: machines on the network `lan`; all are taken up in step.
    ///   - more: arguments after the ports.
    ///   - router: the address of the network's declared gateway.
    ///   - files: descriptors that the program gets under these numbers.
    convenience init(_ ports: [String] = ["a", "b", "c"], _ more: [String] = [], router: String? = nil, files: [(CInt, CInt)] = []) throws {
        var arguments = Self.network
        if let router { arguments[arguments.count - 1] += ",router=\(router)" }
        var descriptors = [NetworkLaunch.Descriptor(number: 3, kind: .control)]
        for (index, machine) in ports.enumerated() {
            let port = PortName(machine: machine, network: "lan")
            descriptors.append(.init(number: Int32(10 + index), kind: .port(port)))
            arguments += ["--port", "id=\(port),fd=\(10 + index),mac=\(Rig.mac(index)),address=10.20.0.\(10 + index)"]
        }
        try self.init(NetworkLaunch(arguments: arguments + more, descriptors: descriptors), files: files)
    }

    /// As a plan has it; its ports are taken up in step, its uplinks are not. Captures are not made.
    init(_ launch: NetworkLaunch, files: [(CInt, CInt)] = []) throws {
        let pair = try UnixSocket.pair().split()
        control = pair.ours
        var inherited: [ChildProcess.Inherited] = [.init(2, from: 2)]
        var ports: [PortName] = []
        for descriptor in launch.descriptors {
            switch descriptor.kind {
            case .control: inherited.append(.init(descriptor.number, from: pair.theirs))
            case .port(let name):
                let ends = try UnixSocket.pair().split()
                machines.append(ends.ours)
                networkEnds.append(ends.theirs)
                ports.append(name)
                inherited.append(.init(descriptor.number, from: ends.theirs))
            case .uplink(let name, let arguments):
                let ends = try UnixSocket.pair().split()
                networkEnds += [ends.ours, ends.theirs]
                uplinks[name] = (ends.ours, arguments)
                inherited.append(.init(descriptor.number, from: ends.theirs))
            case .capture: break
            }
        }
        for (number, source) in files { inherited.append(.init(number, from: source)) }
        child = try ChildProcess(
            program: Self.path, arguments: ["vmlab-network"] + launch.arguments, environment: [], inherited: inherited)
        _ = Descriptor(owning: pair.theirs)
        guard try wait(for: #""event":"started""#) else { throw OSError(.timedOut, "hear of the start") }
        for port in ports { say("port-up \(port)") }
        try barrier()
    }

    /// What stands for the outside of a port: the other end of its stream, and the arguments of the program that is to have it.
    private(set) var uplinks: [PortName: (end: CInt, arguments: [String])] = [:]

    static let network = [
        "--lab", "demo", "--seed", "7", "--control", "3", "--network",
        "id=lan,subnet=10.20.0.0/24,mac=02:00:00:00:00:01,domain=demo.lab,prefix6=fd00:1:2:3::/64",
    ]

    deinit {
        child.signal(SIGKILL)
        _ = try? child.wait(limitMilliseconds: 60_000)
        for number in [control] + machines + networkEnds { _ = Descriptor(owning: number) }
    }

    // MARK: The keeper's stream

    func say(_ line: String) { try? Borrowed(control).writeAll(Array((line + "\n").utf8)) }

    /// Everything said before has been done when this returns.
    func barrier() throws {
        say("counters")
        guard try wait(for: #""event":"counters""#) else { throw OSError(.timedOut, "hear the counters") }
    }

    /// Reads lines until one holds that text.
    func wait(for text: String) throws -> Bool {
        while true {
            if let index = said.firstIndex(where: { $0.contains(text) }) {
                last = said[index]
                said.removeSubrange(...index)
                return true
            }
            guard try Self.isReadable(control) else { return false }
            let bytes = try Borrowed(control).read(upTo: 65536)
            if bytes.isEmpty { return false }
            input += bytes
            while let end = input.firstIndex(of: 0x0A) {
                said.append(String(decoding: input[..<end], as: UTF8.self))
                input.removeSubrange(...end)
            }
        }
    }

    /// The line that was waited for.
    private(set) var last = ""

    func closeControl() { shutdown(control, CInt(SHUT_RDWR)) }

    // MARK: Ports

    func write(_ bytes: [UInt8], to port: Int) throws { try Borrowed(machines[port]).writeAll(bytes) }
    func send(_ frame: [UInt8], from port: Int) throws { try write(PlainRecord.make(frame), to: port) }

    /// The next frame that a port is given; nil if none comes.
    func hear(_ port: Int) throws -> [UInt8]? {
        guard let prefix = try exactly(4, port) else { return nil }
        return try exactly(prefix.reduce(0) { $0 << 8 | Int($1) }, port).map { Array($0.dropFirst(12)) }
    }

    func exactly(_ count: Int, _ port: Int) throws -> [UInt8]? {
        var bytes: [UInt8] = []
        while bytes.count < count {
            guard try Self.isReadable(machines[port]) else { return nil }
            let part = try Borrowed(machines[port]).read(upTo: count - bytes.count)
            if part.isEmpty { return nil }
            bytes += part
        }
        return bytes
    }

    func isSilent(_ port: Int) throws -> Bool { try !Self.isReadable(machines[port], limit: 0) }
    func writeSome(_ bytes: [UInt8], to port: Int) throws -> Int { try Borrowed(machines[port]).writeSome(bytes.span, Span()) }
    func machineEnd(_ port: Int) -> CInt { machines[port] }

    private static func isReadable(_ number: CInt, limit: CInt = 60_000) throws -> Bool {
        var entry = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, limit) > 0
    }
}
