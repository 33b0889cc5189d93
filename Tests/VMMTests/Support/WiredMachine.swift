import Foundation
import Glibc
import Host
import Testing
import VMM

/// One `vmlab-machine` with a tiny guest in it whose streams all end here, on sockets.
final class WiredMachine {
    enum Line: CInt, CaseIterable {
        case control = 3
        case serial = 4
        /// The first network interface's port; a second one has the next number.
        case port = 5
        case secondPort = 6
    }

    let process: ChildProcess
    private var ends: [Line: SharedDescriptor] = [:]
    private var received: [Line: [UInt8]] = [:]
    /// Lines that nobody reads for now.
    var unread: Set<Line> = []

    struct Failure: Error, CustomStringConvertible { var description: String }

    /// - Parameters:
    ///   - code: the guest, at 1 MiB.
    ///   - options: such as `--net id=lan,fd=5,mac=...`.
    init(_ code: [UInt8], _ options: [String], lines: Set<Line> = [.control, .serial, .port]) throws {
        let kernel = SharedDescriptor(try Descriptor.memory(name: "kernel"))
        try kernel.with { (file: borrowing Descriptor) in
            try file.writeAll(PVHImage(code: code, memoryCount: UInt64(max(code.count, 65536))).bytes)
        }
        var lent = [SharedDescriptor(try Descriptor.open("/dev/null", O_RDWR)), kernel]
        var inherited: [ChildProcess.Inherited] = (0...2).map { .init($0, from: lent[0].number) } + [.init(10, from: kernel.number)]
        for line in Line.allCases where lines.contains(line) {
            let pair = try UnixSocket.pair().split()
            ends[line] = SharedDescriptor(Descriptor(owning: pair.ours))
            lent.append(SharedDescriptor(Descriptor(owning: pair.theirs)))
            inherited.append(.init(line.rawValue, from: pair.theirs))
        }
        process = try ChildProcess(
            program: MachineProgram.path,
            arguments: ["vmlab-machine", "--name", "wired", "--memory", "16MiB", "--kernel", "10", "--serial", "4", "--control", "3"]
                + options, environment: [], inherited: inherited)
        withExtendedLifetime(lent) {}
    }

    deinit { process.signal(SIGKILL) }

    func send(_ bytes: [UInt8], on line: Line) throws {
        guard let end = ends[line] else { throw Failure(description: "no \(line) here") }
        try end.with { (descriptor: borrowing Descriptor) in try descriptor.writeAll(bytes) }
    }

    func word(_ text: String) throws { try send(Array((text + "\n").utf8), on: .control) }

    func hangUp(_ line: Line) { ends[line] = nil }

    /// Waits until a line has said something.
    func expect(_ text: String, on line: Line) throws { try wait("\(text) on \(line)") { $0.text(of: line).contains(text) } }

    /// Waits until so many bytes have come.
    func bytes(_ count: Int, on line: Line) throws -> [UInt8] {
        try wait("\(count) bytes on \(line)") { $0.received[line, default: []].count >= count }
        return received[line] ?? []
    }

    func text(of line: Line) -> String { String(decoding: received[line] ?? [], as: UTF8.self) }

    private func wait(_ what: String, until isThere: (WiredMachine) -> Bool) throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while !isThere(self) {
            guard try drain(until: deadline) else {
                throw Failure(description: "waited for \(what); \(Line.allCases.map { "\($0): \(text(of: $0).debugDescription)" })")
            }
        }
    }

    private func drain(until deadline: ContinuousClock.Instant) throws -> Bool {
        let open = ends.filter { !unread.contains($0.key) }.sorted { $0.key.rawValue < $1.key.rawValue }
        var entries = open.map { pollfd(fd: $0.value.number, events: Int16(POLLIN), revents: 0) }
        let left = Int((deadline - .now) / .milliseconds(1))
        guard !open.isEmpty, left > 0, poll(&entries, nfds_t(entries.count), CInt(clamping: left)) > 0 else { return false }
        for (entry, (line, end)) in zip(entries, open) where entry.revents != 0 {
            let part = (try? end.with { (descriptor: borrowing Descriptor) in try descriptor.read(upTo: 262_144) }) ?? []
            if part.isEmpty { ends[line] = nil } else { received[line, default: []] += part }
        }
        return true
    }

    func end() throws -> ChildProcess.Ending {
        let deadline = ContinuousClock.now + .seconds(60)
        while try !ends.isEmpty && drain(until: deadline) {}
        guard let ending = try process.wait(limitMilliseconds: 60_000) else { throw Failure(description: "it does not end") }
        return ending
    }
}
