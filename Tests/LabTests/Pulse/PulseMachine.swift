import Foundation
import Glibc
import Host
import TestSupport
import Testing

/// One `vmlab-machine` with pulse in it, on the host's own /dev/kvm: every stream ends here, on a socket.
final class PulseMachine {
    enum Stream: CInt, CaseIterable {
        case control = 3
        case serial = 4
        case console = 5

        var flag: String { "--\(self)" }
    }

    /// A disk as the machine is given it.
    struct Disk {
        var id: String
        var base: SharedDescriptor
        var delta: SharedDescriptor?
        var isReadOnly = false
    }

    /// A network card, and the end of the stream that it speaks into.
    struct Card {
        var id = "lan"
        var end: SharedDescriptor
        var address: String
        var mtu: Int?
        /// Where the stream begins, as 32 hexadecimal digits.
        var mark: String?
    }

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    let process: ChildProcess
    private var ends: [Stream: SharedDescriptor] = [:]
    private var received: [Stream: [UInt8]] = [:]
    private var consumed: [Stream: Int] = [:]
    private let complaints: SharedDescriptor
    /// Streams that nobody reads for now.
    var unread: Set<Stream> = []

    /// Why no guest can run here; `nil` where one can.
    static let obstacle: Comment? = {
        guard access("/dev/kvm", F_OK) == 0 else { return "no /dev/kvm here" }
        guard access("/dev/kvm", R_OK | W_OK) == 0 else { return "/dev/kvm is refused to this user" }
        return nil
    }()

    static let kernel = CommandLineUser.root + "/Images/pulse/pulse.elf"

    /// Emulated KVM runs a million instructions a second, and two cores are shared with other tests.
    static let patience = 60

    init(
        _ commandLine: String = "", cpus: Int = 1, memory: String = "32MiB", disks: [Disk] = [], cards: [Card] = [],
        streams: Set<Stream> = Set(Stream.allCases),
        extra: [String] = [], kernel: String = kernel
    ) throws {
        let program = CommandLineUser.programs + "/vmlab-machine"
        guard access(program, X_OK) == 0 else { throw Failure(description: "not built: \(program) (swift build)") }
        guard access(kernel, R_OK) == 0 else { throw Failure(description: "not built: \(kernel) (make -C Images/pulse)") }
        var arguments = ["vmlab-machine", "--name", "pulse", "--memory", memory, "--cpus", "\(cpus)", "--boot", "pvh", "--kernel", "10"]
        if !commandLine.isEmpty { arguments += ["--cmdline", commandLine] }
        let nothing = SharedDescriptor(try Descriptor.open("/dev/null", O_RDWR))
        complaints = SharedDescriptor(try Descriptor.memory(name: "stderr"))
        var lent = [nothing, complaints, SharedDescriptor(try Descriptor.open(kernel, O_RDONLY))]
        var inherited: [ChildProcess.Inherited] = [
            .init(0, from: lent[0].number), .init(1, from: lent[0].number), .init(2, from: lent[1].number), .init(10, from: lent[2].number),
        ]
        for stream in Stream.allCases where streams.contains(stream) {
            let pair = try UnixSocket.pair().split()
            ends[stream] = SharedDescriptor(Descriptor(owning: pair.ours))
            lent.append(SharedDescriptor(Descriptor(owning: pair.theirs)))
            inherited.append(.init(stream.rawValue, from: pair.theirs))
            arguments += [stream.flag, "\(stream.rawValue)"]
        }
        var number: CInt = 11
        for disk in disks {
            var words = ["id=\(disk.id)", "fd=\(number)"]
            inherited.append(.init(number, from: disk.base.number))
            number += 1
            if let delta = disk.delta {
                words.append("delta=\(number)")
                inherited.append(.init(number, from: delta.number))
                number += 1
            }
            if disk.isReadOnly { words.append("read-only") }
            arguments += ["--disk", words.joined(separator: ",")]
        }
        for card in cards {
            let mtu = card.mtu.map { ",mtu=\($0)" } ?? ""
            let mark = card.mark.map { ",mark=\($0)" } ?? ""
            arguments += ["--net", "id=\(card.id),fd=\(number),mac=\(card.address)\(mtu)\(mark)"]
            inherited.append(.init(number, from: card.end.number))
            number += 1
        }
        process = try ChildProcess(
            program: program, arguments: arguments + extra, environment: [], inherited: inherited)
        withExtendedLifetime((lent, disks, cards)) {}
    }

    deinit { process.signal(SIGKILL) }

    // MARK: Talking

    func type(_ text: String, on stream: Stream = .serial) throws { try send(Array(text.utf8), on: stream) }

    func send(_ bytes: [UInt8], on stream: Stream) throws {
        guard let end = ends[stream] else { throw Failure(description: "no \(stream) here") }
        try end.with { (descriptor: borrowing Descriptor) in try descriptor.writeAll(bytes) }
    }

    /// Writes as much as a stream takes without waiting for its reader; returns how much that was.
    func flood(_ limit: Int, on stream: Stream) throws -> Int {
        guard let end = ends[stream] else { throw Failure(description: "no \(stream) here") }
        return try end.with { (descriptor: borrowing Descriptor) in
            try descriptor.setNonBlocking()
            let bytes = [UInt8](repeating: 0x61, count: 65536)
            var sent = 0
            var refusals = 0
            while sent < limit, refusals < 50 {
                if let part = try bytes.withUnsafeBytes({ try descriptor.writeSome($0) }) {
                    sent += part
                } else {
                    refusals += 1
                    usleep(10_000)
                }
            }
            try descriptor.setNonBlocking(false)
            return sent
        }
    }

    /// Types a command and returns what it answers, up to the next prompt.
    func command(_ line: String, on stream: Stream = .serial) throws -> String {
        try type(line + "\r", on: stream)
        _ = try expect(line.suffix(20) + "\r\n", on: stream)
        return String(try expect("> ", on: stream).dropLast(2)).replacing("\r\n", with: "\n")
    }

    /// Waits until a stream has said something; returns all up to its end, and goes on behind it.
    @discardableResult
    func expect(_ text: some StringProtocol, on stream: Stream = .serial, within seconds: Int = patience) throws -> String {
        let wanted = Array(text.utf8)
        let deadline = ContinuousClock.now + .seconds(seconds)
        while true {
            let all = received[stream] ?? []
            let from = consumed[stream] ?? 0
            if let found = Data(all[from...]).range(of: Data(wanted)) {
                consumed[stream] = from + found.upperBound
                return String(decoding: all[from..<from + found.upperBound], as: UTF8.self)
            }
            guard try drain(until: deadline) else {
                throw Failure(description: "waited for \(String(text).debugDescription) on \(stream): \(story)")
            }
        }
    }

    /// The next `count` bytes of a stream, whatever they are.
    func bytes(_ count: Int, on stream: Stream, within seconds: Int = patience) throws -> [UInt8] {
        let deadline = ContinuousClock.now + .seconds(seconds)
        let from = consumed[stream] ?? 0
        while (received[stream]?.count ?? 0) - from < count {
            guard try drain(until: deadline) else {
                throw Failure(description: "only \((received[stream]?.count ?? 0) - from) of \(count) bytes on \(stream): \(story)")
            }
        }
        consumed[stream] = from + count
        return Array(received[stream, default: []][from..<from + count])
    }

    /// Gives the machine's end of a stream nobody any more.
    func hangUp(_ stream: Stream) { ends[stream] = nil }

    /// Takes in what any stream says; false when the time is over or nothing more can come.
    private func drain(until deadline: ContinuousClock.Instant) throws -> Bool {
        let open = ends.filter { !unread.contains($0.key) }.sorted { $0.key.rawValue < $1.key.rawValue }
        guard !open.isEmpty else { return false }
        var entries = open.map { pollfd(fd: $0.value.number, events: Int16(POLLIN), revents: 0) }
        let left = (deadline - .now) / .milliseconds(1)
        guard left > 0, poll(&entries, nfds_t(entries.count), CInt(clamping: Int(left))) > 0 else { return false }
        for (entry, (stream, end)) in zip(entries, open) where entry.revents != 0 {
            let part = (try? end.with { (descriptor: borrowing Descriptor) in try descriptor.read(upTo: 262_144) }) ?? []
            if part.isEmpty { ends[stream] = nil } else { received[stream, default: []] += part }
        }
        return true
    }

    // MARK: The end

    /// Waits for the process to end and takes in its last words.
    func end(within seconds: Int = patience) throws -> ChildProcess.Ending {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while try !ends.isEmpty && drain(until: deadline) {}
        guard let ending = try process.wait(limitMilliseconds: seconds * 1000) else {
            throw Failure(description: "did not end: \(story)")
        }
        return ending
    }

    /// What one stream said so far.
    func text(of stream: Stream) -> String { String(decoding: received[stream] ?? [], as: UTF8.self) }

    /// The control stream's events so far, whole lines.
    var events: [String] { text(of: .control).split(separator: "\n").map(String.init) }

    /// How often an event of a kind came, such as `"event":"reset"`.
    func count(of part: String) -> Int { events.count { $0.replacing(" ", with: "").contains(part) } }

    /// What the program wrote to its standard error.
    var errors: String {
        (try? complaints.with { (descriptor: borrowing Descriptor) in
            var buffer = [UInt8](repeating: 0, count: 65536)
            let count = try buffer.withUnsafeMutableBytes { try descriptor.read(into: $0, at: 0) }
            return String(decoding: buffer.prefix(count), as: UTF8.self)
        }) ?? ""
    }

    /// All that is known, for a failure's message.
    private var story: String {
        let ended = process.reap().map { "ended \($0)" } ?? "running"
        let streams = Stream.allCases.map { "\($0): \(text(of: $0).suffix(800).debugDescription)" }.joined(separator: "\n")
        return "\(ended)\n\(streams)\nstderr: \(errors)"
    }

    // MARK: Its weight

    /// Processor time used so far, in seconds.
    var processorTime: Double {
        let text = (try? String(contentsOfFile: "/proc/\(process.pid)/stat", encoding: .utf8)) ?? ""
        let fields = text.split(separator: ")").last?.split(separator: " ") ?? []
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else { return 0 }
        return (user + system) / Double(sysconf(CInt(_SC_CLK_TCK)))
    }

    /// Memory of its own in KiB, guest memory not counted: resident less shared mappings.
    var anonymousMemory: Int {
        let text = (try? String(contentsOfFile: "/proc/\(process.pid)/status", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("RssAnon:") }
        return line.flatMap { Int($0.split(separator: " ")[1]) } ?? 0
    }
}
