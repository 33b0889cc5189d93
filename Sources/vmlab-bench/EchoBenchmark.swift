import Foundation
import Glibc
import Host

/// Two guests on one switch: how long an echo takes from one to the other and back, and how often their monitors leave KVM for it.
///
/// Both pairs are pulse with the same card: ours on `vmlab-network`, QEMU's on taps of a Linux bridge. Exits are counted in runs of
/// their own, under strace, as the difference between a short one and a long one, so that starting and printing do not count.
enum EchoBenchmark {
    private static let rounds = 200
    private static let turns = 3
    private static let short = 20
    private static let target = "10.20.0.7"
    private static let patience = 300_000

    /// Who runs the two guests.
    private enum Pair: CaseIterable {
        case ours
        case emulator

        var name: String { self == .ours ? "vmlab-machine, vmlab-network" : "QEMU pc, taps, Linux bridge" }
    }

    static func run() throws {
        guard access("/dev/kvm", R_OK | W_OK) == 0 else {
            print("\necho: skipped, there is no usable /dev/kvm here")
            return
        }
        // In turns, and the best of each: whatever else the host does, it is unlikely to hit one pair every time.
        var best: [Pair: [Double]] = [:]
        var troubles: [Pair: String] = [:]
        for _ in 0..<turns {
            for pair in Pair.allCases where troubles[pair] == nil {
                do {
                    let said = try ask(pair, "ping \(target) \(short) 0;ping \(target) \(rounds) 0;ping \(target) \(rounds) 0 1400")
                    let times = try averages(in: said)
                    best[pair] = zip(best[pair] ?? times, times).map(min)
                } catch {
                    troubles[pair] = "\(error)"
                }
            }
        }
        let rows = try Pair.allCases.map { pair in
            guard troubles[pair] == nil, let times = best[pair] else {
                return [pair.name, "not measured: \(troubles[pair] ?? "")", "", ""]
            }
            return [pair.name, String(format: "%.3f ms", times[1]), String(format: "%.3f ms", times[2]), try exits(pair)]
        }
        printTable(
            "echoes between two guests, \(rounds) one after the other (means, best of \(turns) turns)",
            ["", "56 bytes", "1400 bytes", "exits to user space a frame"], rows)
    }

    /// The middle number of each summary line, in milliseconds.
    private static func averages(in text: String) throws -> [Double] {
        let found = text.matches(of: #/min/avg/max [0-9.]+/([0-9.]+)/#).compactMap { Double($0.1) }
        guard found.count == 3, !text.contains("100% lost") else { throw BenchmarkError("pulse said \(text.suffix(300))") }
        return found
    }

    /// Calls of KVM_RUN by the machine that sends, for each frame that it sends or receives.
    private static func exits(_ pair: Pair) throws -> String {
        guard let tracer = Programs.find("strace", path: "/usr/sbin:/usr/bin:/sbin:/bin") else { return "not counted, no strace" }
        func calls(_ count: Int) throws -> Int {
            let folder = try TemporaryFolder()
            let prefix = [tracer, "-f", "-o", folder.path + "/calls", "-e", "trace=ioctl", "-e", "signal=none"]
            _ = try ask(pair, "ping \(target) \(count) 0", tracer: prefix)
            let text = try String(contentsOfFile: folder.path + "/calls", encoding: .utf8)
            return text.split(separator: "\n").count { $0.contains("KVM_RUN") && !$0.contains("resumed") }
        }
        let few = try calls(short)
        return String(format: "%.2f", Double(try calls(short + rounds) - few) / Double(2 * rounds))
    }

    /// Runs two guests until the second has done its commands and powered off; what it said.
    private static func ask(_ pair: Pair, _ commands: String, tracer: [String] = []) throws -> String {
        let line = "net=10.20.0.8/24 run=\(commands);poweroff"
        return switch pair {
        case .ours: try askOurs(line, tracer)
        case .emulator: try askEmulator(line, tracer)
        }
    }

    // MARK: Ours

    private static func askOurs(_ line: String, _ tracer: [String]) throws -> String {
        let kernel = try Descriptor.open(try StartupBenchmark.pulse(), O_RDONLY)
        let control = try UnixSocket.pair()
        let first = try UnixSocket.pair()
        let second = try UnixSocket.pair()
        let serial = try UnixSocket.pair().split()
        let said = Descriptor(owning: serial.ours)
        var theirs: SharedDescriptor? = SharedDescriptor(Descriptor(owning: serial.theirs))
        let bridge = try ChildProcess(
            program: try Programs.sibling("vmlab-network"),
            arguments: [
                "vmlab-network", "--lab", "bench", "--seed", "1", "--control", "3", "--network",
                "id=lan,subnet=10.20.0.0/24,mac=02:00:00:00:00:01,domain=bench.lab,prefix6=fd00:1:2:3::/64", "--port",
                "id=one/lan,fd=4,mac=02:00:00:00:00:07,address=10.20.0.7", "--port",
                "id=two/lan,fd=5,mac=02:00:00:00:00:08,address=10.20.0.8",
            ],
            environment: [],
            inherited: [
                .init(2, from: 2), .init(3, from: control.theirs.number), .init(4, from: first.theirs.number),
                .init(5, from: second.theirs.number),
            ])
        defer { stop(bridge) }
        try control.ours.writeAll(Array("port-up one/lan\nport-up two/lan\n".utf8))
        func machine(_ number: Int, _ line: String, port: CInt, serial: CInt?, tracer: [String]) throws -> ChildProcess {
            let program = try Programs.sibling("vmlab-machine")
            let arguments =
                tracer + [tracer.isEmpty ? "vmlab-machine" : program] + [
                    "--name", "bench\(number)", "--memory", "32MiB", "--kernel", "10", "--cmdline", line, "--net",
                    "id=lan,fd=6,mac=02:00:00:00:00:0\(number)",
                ] + (serial == nil ? [] : ["--serial", "4"])
            return try ChildProcess(
                program: tracer.first ?? program, arguments: arguments, environment: [],
                inherited: [.init(2, from: 2), .init(6, from: port), .init(10, from: kernel.number)]
                    + (serial.map { [.init(4, from: $0)] } ?? []))
        }
        let answering = try machine(7, "net=\(target)/24", port: first.ours.number, serial: nil, tracer: [])
        defer { stop(answering) }
        let asking = try machine(8, line, port: second.ours.number, serial: theirs?.number, tracer: tracer)
        defer { stop(asking) }
        theirs = nil
        return try text(from: said)
    }

    // MARK: QEMU

    private static let script = """
        ip link add bridge0 type bridge && ip link set bridge0 up || exit 1
        for tap in tap0 tap1; do
          ip tuntap add dev $tap mode tap && ip link set $tap master bridge0 && ip link set $tap up || exit 1
        done
        machine() { echo "$EMULATOR -M pc -accel kvm -m 32 -nodefaults -no-user-config -nographic -no-reboot -kernel $KERNEL \\
          -netdev tap,id=n,ifname=$1,script=no,downscript=no -device virtio-net-pci,disable-legacy=on,romfile=,netdev=n,mac=$2"; }
        $(machine tap0 02:00:00:00:00:07) -append "net=10.20.0.7/24" >/dev/null 2>&1 </dev/null &
        $TRACER $(machine tap1 02:00:00:00:00:08) -append "$LINE" -serial stdio 2>/dev/null </dev/null
        kill $! 2>/dev/null
        """

    private static func askEmulator(_ line: String, _ tracer: [String]) throws -> String {
        guard let emulator = Programs.find("qemu-system-x86_64", path: "/usr/bin:/usr/local/bin") else {
            throw BenchmarkError("no qemu-system-x86_64")
        }
        let serial = try UnixSocket.pair().split()
        let said = Descriptor(owning: serial.ours)
        var theirs: SharedDescriptor? = SharedDescriptor(Descriptor(owning: serial.theirs))
        let shell = try ChildProcess(
            program: "/usr/bin/unshare", arguments: ["unshare", "-n", "sh", "-c", script],
            environment: [
                "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "EMULATOR=\(emulator)", "KERNEL=\(try StartupBenchmark.pulse())", "LINE=\(line)",
                "TRACER=\(tracer.joined(separator: " "))",
            ],
            inherited: theirs.map { [.init(1, from: $0.number), .init(2, from: 2)] } ?? [])
        defer { stop(shell) }
        theirs = nil
        return try text(from: said)
    }

    // MARK: Both

    private static func stop(_ process: ChildProcess) {
        process.signal(SIGKILL)
        _ = try? process.wait(limitMilliseconds: 5000)
    }

    /// All that comes until the other side is closed.
    private static func text(from stream: borrowing Descriptor) throws -> String {
        var bytes: [UInt8] = []
        let deadline = EventLoop.now() + UInt64(patience) * 1_000_000
        while EventLoop.now() < deadline {
            var entry = pollfd(fd: stream.number, events: Int16(POLLIN), revents: 0)
            guard unsafe poll(&entry, 1, 1000) > 0 else { continue }
            let part = try stream.read(upTo: 65536)
            if part.isEmpty { break }
            bytes += part
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
