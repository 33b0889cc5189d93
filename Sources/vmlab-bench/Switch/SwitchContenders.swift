import Foundation
import Glibc
import Host

/// A switch with two ports, ready to be measured: where each generator finds its port, and which process is the switch.
final class SwitchUnderTest {
    let name: String
    /// What stands before the generator's command, such as entering a network namespace.
    var prefix: [String] = []
    /// Kind and place of each of the two ports, for the generator.
    var ports: [[String]] = []
    /// Descriptors that a generator inherits, by port.
    var inherited: [ChildProcess.Inherited?] = [nil, nil]
    /// nil: the kernel.
    var process: ChildProcess?
    /// Streams that must stay open, and what is undone at the end.
    private var owned: [SharedDescriptor] = []
    private var undo: () -> Void = {}

    private init(_ name: String) { self.name = name }

    deinit {
        process?.signal(SIGKILL)
        _ = try? process?.wait(limitMilliseconds: 5000)
        undo()
    }

    // MARK: Ours

    static func own(portCount: Int = 2, more: [String] = []) throws -> SwitchUnderTest {
        let test = SwitchUnderTest("vmlab-network")
        var arguments = [
            "vmlab-network", "--lab", "bench", "--seed", "1", "--control", "3", "--network",
            "id=lan,subnet=10.99.0.0/16,mac=02:00:00:00:ff:ff,domain=bench.lab,prefix6=fd00::/64",
        ]
        let control = try UnixSocket.pair()
        var inherited: [ChildProcess.Inherited] = [.init(2, from: 2), .init(3, from: control.theirs.number)]
        var ends: [(ours: SharedDescriptor, theirs: SharedDescriptor)] = []
        for index in 0..<portCount {
            let pair = try UnixSocket.pair().split()
            ends.append((SharedDescriptor(Descriptor(owning: pair.ours)), SharedDescriptor(Descriptor(owning: pair.theirs))))
            inherited.append(.init(CInt(10 + index), from: pair.theirs))
            let mac = TestFrame.address(index + 1).map { String(format: "%02x", $0) }.joined(separator: ":")
            arguments += ["--port", "id=p\(index)/lan,fd=\(10 + index),mac=\(mac),address=10.99.0.\(index + 2)"]
        }
        test.process = try ChildProcess(
            program: try Programs.sibling("vmlab-network"), arguments: arguments + more, environment: [], inherited: inherited)
        for index in 0..<portCount { try control.ours.writeAll(Array("port-up p\(index)/lan\n".utf8)) }
        test.ports = (0..<portCount).map { _ in ["stream", "8"] }
        test.inherited = ends.map { .init(8, from: $0.ours.number) }
        test.owned = ends.flatMap { [$0.ours, $0.theirs] } + [SharedDescriptor(try control.ours.duplicate())]
        return test
    }

    // MARK: Others'

    /// Unix datagrams may queue as systemd has it everywhere, which a bare kernel does not.
    private static let queueLength = "512"

    static func vde(_ folder: TemporaryFolder) throws -> SwitchUnderTest {
        let test = SwitchUnderTest("vde_switch")
        guard let program = Programs.find("vde_switch", path: "/usr/bin:/bin") else { throw BenchmarkError("vde_switch is not installed") }
        try test.makeNamespace()
        try test.inside(["sysctl", "-qw", "net.unix.max_dgram_qlen=\(queueLength)"])
        let place = folder.path + "/vde"
        // It ends with its standard input.
        let silence = try UnixSocket.pair().split()
        test.owned = [silence.ours, silence.theirs].map { SharedDescriptor(Descriptor(owning: $0)) }
        test.process = try ChildProcess(
            program: try ip(), arguments: test.prefix + [program, "--sock", place], environment: [],
            inherited: [.init(0, from: silence.theirs), .init(2, from: 2)])
        for _ in 0..<500 where access(place + "/ctl", F_OK) != 0 { usleep(10_000) }
        test.ports = [["vde", place], ["vde", place]]
        return test
    }

    /// Two veth pairs; the inner ends on a bridge, the outer ones the generator's.
    static func kernel() throws -> SwitchUnderTest {
        let test = SwitchUnderTest("Linux bridge + 2 veth")
        try test.makeNamespace()
        try test.inside(["sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1"])
        try test.inside(["ip", "link", "add", "br0", "type", "bridge"])
        try test.inside(["ip", "link", "set", "br0", "up"])
        for index in 0..<2 {
            try test.inside(["ip", "link", "add", "out\(index)", "type", "veth", "peer", "name", "in\(index)"])
            try test.inside(["ip", "link", "set", "in\(index)", "master", "br0", "up"])
            try test.inside(["ip", "link", "set", "out\(index)", "up"])
        }
        test.ports = [["interface", "out0"], ["interface", "out1"]]
        return test
    }

    private static func ip() throws -> String {
        guard let path = Programs.find("ip", path: "/usr/sbin:/usr/bin:/sbin:/bin") else {
            throw BenchmarkError("iproute2 is not installed")
        }
        return path
    }

    private func makeNamespace() throws {
        let name = "vmlab-bench-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        let ip = try Self.ip()
        _ = try Measurement.of(ip, ["netns", "add", name])
        prefix = [ip, "netns", "exec", name]
        undo = { _ = try? Measurement.of(ip, ["netns", "del", name]) }
    }

    private func inside(_ command: [String]) throws { _ = try Measurement.of(prefix[0], Array(prefix.dropFirst()) + command) }
}
