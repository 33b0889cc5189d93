import Foundation
import Glibc
import Host
import LabModel
import LabNetwork
import Testing

/// A guest made of the host's own tools: a network namespace with one card, whose frames go to the services and nowhere else.
///
/// The card is a TAP device that is moved into the namespace; this process keeps the other side of it.
final class Playground: @unchecked Sendable {
    struct Output {
        var status: Int32
        var text: String
    }

    /// Why no namespace can be made here; nil if one can.
    static let obstacle: String? = {
        guard geteuid() == 0 else { return "network namespaces are root's to make" }
        do {
            _ = try Playground(Shop.settings())
            return nil
        } catch {
            return "\(error)"
        }
    }()
    static var isPossible: Bool { obstacle == nil }

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    let name: String
    let settings: BridgeSettings
    private let tap: Int32
    private let state: Lock
    private let ended = DispatchSemaphore(value: 0)

    private final class Lock: @unchecked Sendable {
        let lock = NSLock()
        var services: GatewayServices
        var said: [[UInt8]] = []
        var events: [BridgeEvent] = []
        /// Looked at twenty times a second.
        var isStopping = false
        init(_ services: GatewayServices) { self.services = services }
    }

    /// The services alone, asked by the first port's machine.
    convenience init(_ settings: BridgeSettings) throws {
        let state = Lock(GatewayServices(settings, network: Shop.lan))
        try self.init(settings, state, mac: settings[Shop.web].mac) { tap in Self.relay(tap, state) }
    }

    /// One port of the whole program.
    convenience init(_ program: Program, port: Int) throws {
        let settings = Shop.settings()
        let state = Lock(GatewayServices(settings, network: Shop.lan))
        try self.init(settings, state, mac: Rig.mac(port)) { tap in Self.relay(tap, program, port, state) }
    }

    private init(_ settings: BridgeSettings, _ state: Lock, mac: MACAddress, relay: @escaping @Sendable (Int32) -> Void) throws {
        let number = Self.next.withLock { (count: inout Int) -> Int in
            count += 1
            return count
        }
        name = "vmlab-\(getpid())-\(number)"
        self.settings = settings
        self.state = state
        let device = "vmt\(getpid() % 100_000)x\(number)"
        tap = try Self.openTAP(device)
        do {
            for words in [
                "netns add \(name)", "link set \(device) netns \(name)", "-n \(name) link set \(device) name eth0",
                "-n \(name) link set eth0 address \(mac)", "-n \(name) link set lo up", "-n \(name) link set eth0 up",
            ] {
                let output = try Self.call(["ip"] + words.split(separator: " ").map(String.init))
                guard output.status == 0 else { throw Failure(description: "ip \(words): \(output.text)") }
            }
        } catch {
            leave()
            throw error
        }
        let (tap, ended) = (tap, ended)
        Thread.detachNewThread {
            relay(tap)
            ended.signal()
        }
        isRunning = true
    }

    private var isRunning = false

    private func leave() {
        try? end()
        state.lock.withLock { state.isStopping = true }
        if isRunning { ended.wait() }
        close(tap)
        _ = try? Self.call(["ip", "netns", "del", name])
    }

    deinit { leave() }

    /// All frames that the services sent so far.
    var said: [[UInt8]] { state.lock.withLock { state.said } }
    var events: [BridgeEvent] { state.lock.withLock { state.events } }

    func change(_ body: (inout GatewayServices, UInt64) -> Void) {
        state.lock.withLock { body(&state.services, Self.clock) }
    }

    /// Gives the card an address by hand.
    func configure(_ address: String) throws {
        let output = try run(["ip", "addr", "add", address, "dev", "eth0"])
        try #require(output.status == 0, "\(output.text)")
    }

    /// Runs a program inside, what it writes under its own temporary `/run` and `/var/lib`.
    func run(_ arguments: [String], within seconds: Int = 60) throws -> Output {
        let private_ = "for d in /run /var/lib/dhcp /var/lib/dhcpcd; do [ ! -d $d ] || mount -t tmpfs tmpfs $d; done; exec \"$@\""
        return try Self.call(
            ["timeout", "-k", "5", "\(seconds)", "ip", "netns", "exec", name, "unshare", "-m", "sh", "-c", private_, "sh"] + arguments)
    }

    /// Starts a shell's command inside and does not wait for it; it is ended with the namespace.
    ///
    /// Not by Foundation, whose `Process` waits until nobody holds a certain socket any more that children inherit.
    func start(_ command: String) throws {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/sbin:/usr/bin:/sbin:/bin"
        started.append(
            try ChildProcess(
                program: "/bin/sh", arguments: ["sh", "-c", "exec ip netns exec \(name) sh -c '\(command)' </dev/null >/dev/null 2>&1"],
                environment: ["PATH=\(path)"], inherited: []))
    }

    private var started: [ChildProcess] = []

    /// Ends whatever still runs inside.
    func end() throws {
        let inside = try Self.call(["ip", "netns", "pids", name])
        for pid in inside.text.split(separator: "\n").compactMap({ Int32($0) }) { kill(pid, SIGTERM) }
    }

    // MARK: - Below

    private static let next = Guarded(0)

    private final class Guarded: @unchecked Sendable {
        private let lock = NSLock()
        private var value: Int
        init(_ value: Int) { self.value = value }
        func withLock<R>(_ body: (inout Int) -> R) -> R { lock.withLock { body(&value) } }
    }

    static var clock: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    private static func openTAP(_ name: String) throws -> Int32 {
        let descriptor = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure(description: "no /dev/net/tun: \(String(cString: strerror(errno)))") }
        // { name: 16, flags: u16 = IFF_TAP | IFF_NO_PI, ... }
        var request = [UInt8](repeating: 0, count: 40)
        request.replaceSubrange(0..<name.utf8.count, with: Array(name.utf8))
        request[16] = 0x02
        request[17] = 0x10
        let setInterface: UInt = 0x4004_54CA
        guard ioctl(descriptor, setInterface, &request) == 0 else {
            defer { close(descriptor) }
            throw Failure(description: "no TAP device: \(String(cString: strerror(errno)))")
        }
        return descriptor
    }

    private static func relay(_ tap: Int32, _ state: Lock) {
        let port = Shop.web
        state.lock.withLock { state.services.setPort(port, isUp: true, now: clock) }
        var buffer = [UInt8](repeating: 0, count: 70_000)
        while true {
            let timeout = state.lock.withLock { () -> Int32 in
                guard let deadline = state.services.nextDeadline else { return 50 }
                let now = clock
                return deadline <= now ? 0 : Int32(min(50, (deadline - now) / 1_000_000 + 1))
            }
            var wanted = pollfd(fd: tap, events: Int16(POLLIN), revents: 0)
            poll(&wanted, 1, timeout)
            if state.lock.withLock({ state.isStopping }) { return }
            state.lock.withLock {
                while true {
                    let count = read(tap, &buffer, buffer.count)
                    guard count > 0 else { break }
                    _ = state.services.receive(Array(buffer[..<count]), from: port, now: clock)
                }
                if let deadline = state.services.nextDeadline, deadline <= clock { state.services.tick(now: clock) }
                for item in state.services.output.frames {
                    state.said.append(item.frame)
                    _ = item.frame.withUnsafeBytes { write(tap, $0.baseAddress, $0.count) }
                }
                state.events += state.services.output.events
                state.services.output = ServiceOutput()
            }
        }
    }

    /// Frames of the card to the program's port and back.
    private static func relay(_ tap: Int32, _ program: Program, _ port: Int, _ state: Lock) {
        let stream = program.machineEnd(port)
        var buffer = [UInt8](repeating: 0, count: 70_000)
        while !state.lock.withLock({ state.isStopping }) {
            var wanted = [pollfd(fd: tap, events: Int16(POLLIN), revents: 0), pollfd(fd: stream, events: Int16(POLLIN), revents: 0)]
            poll(&wanted, 2, 50)
            while true {
                let count = read(tap, &buffer, buffer.count)
                guard count > 0, (try? program.send(Array(buffer[..<count]), from: port)) != nil else { break }
            }
            if wanted[1].revents & Int16(POLLIN) != 0, let frame = try? program.hear(port) {
                state.lock.withLock { state.said.append(frame) }
                _ = frame.withUnsafeBytes { write(tap, $0.baseAddress, $0.count) }
            }
        }
    }

    /// Runs a program outside, its output and its complaints as one text.
    static func call(_ arguments: [String]) throws -> Output {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = arguments
        process.environment = ["PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"]
        let output = Foundation.Pipe()
        process.standardOutput = output
        process.standardError = output
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Output(status: process.terminationStatus, text: String(decoding: bytes, as: UTF8.self))
    }
}
