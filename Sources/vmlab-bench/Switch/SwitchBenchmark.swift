import Foundation
import Glibc
import Host

/// The switch alone, between two processes that do nothing but send and count: ours, `vde_switch`, and the kernel's own.
enum SwitchBenchmark {
    private static let seconds = 2.0
    private static let rounds = 3
    /// Frames of the least size, the usual largest, and one large segment of 44 packets.
    private static let sizes = [64, 1514, 64_294]

    struct Result {
        /// Frames a second that came.
        var rate: Double
        /// Processor seconds per frame: of both generators and the switch, and of the switch where it is a process.
        var allCPU: Double
        var switchCPU: Double?
    }

    static func run() throws {
        guard getuid() == 0 else {
            print("\nswitch: skipped, the kernel's bridge and network namespaces need root")
            return
        }
        for size in sizes {
            var rows: [[String]] = []
            var ours = 0.0
            var contenders: [(String, () throws -> SwitchUnderTest)] = [("vmlab-network", { try .own() })]
            let folder = try TemporaryFolder()
            // vde_switch carries no frame that is longer than Ethernet's.
            if size <= 1514 { contenders.append(("vde_switch", { try .vde(folder) })) }
            contenders.append(("kernel", { try .kernel() }))
            var samples = [[Result]](repeating: [], count: contenders.count)
            for _ in 0..<rounds {
                for (index, contender) in contenders.enumerated() { samples[index].append(try measure(try contender.1(), size)) }
            }
            for (index, contender) in contenders.enumerated() {
                let rate = samples[index].map(\.rate).median
                if index == 0 { ours = rate }
                let own = samples[index].compactMap(\.switchCPU)
                rows.append([
                    contender.0 == "kernel" ? "Linux bridge + 2 veth" : contender.0, String(format: "%.0f", rate),
                    String(format: "%.2f Gbit/s", rate * Double(size) * 8 / 1e9), own.isEmpty ? "" : nanoseconds(own.median),
                    nanoseconds(samples[index].map(\.allCPU).median), ratio(ours / rate),
                ])
            }
            printTable(
                "Switch between two processes, frames of \(size) bytes (medians of \(rounds) runs of \(Int(seconds)) s)",
                ["", "frames/s", "", "switch's CPU a frame", "all CPU a frame", "vmlab-network against it"], rows)
        }
        try flood()
    }

    private static func nanoseconds(_ seconds: Double) -> String { String(format: "%.0f ns", seconds * 1e9) }

    /// Runs both generators on a switch.
    static func measure(_ test: SwitchUnderTest, _ size: Int) throws -> Result {
        let program = try Programs.current()
        let telling = try UnixSocket.pair()
        let folder = try TemporaryFolder()
        let before = childSeconds()
        let switchBefore = runTime(test.process?.pid)
        var children: [ChildProcess] = []
        for (index, role) in ["send", "count"].enumerated() {
            let output = try Descriptor.open("\(folder.path)/\(role)", O_RDWR | O_CREAT)
            let command = test.prefix + [program, FrameGenerator.verb, role] + test.ports[index] + ["\(size)", "\(seconds)"]
            var inherited: [ChildProcess.Inherited] = [
                .init(1, from: output.number), .init(2, from: 2),
                .init(FrameGenerator.tellingDescriptor, from: role == "send" ? telling.ours.number : telling.theirs.number),
            ]
            if let port = test.inherited[index] { inherited.append(port) }
            children.append(try ChildProcess(program: command[0], arguments: command, environment: [], inherited: inherited))
        }
        for child in children { _ = try child.wait(limitMilliseconds: 60_000) }
        let switchTime = test.process == nil ? nil : runTime(test.process?.pid) - switchBefore
        let text = try String(contentsOfFile: "\(folder.path)/count", encoding: .utf8)
        let words = text.split(whereSeparator: \.isWhitespace)
        guard words.count == 3, let frames = Double(words[1]), let wall = Double(words[2]), frames > 0, wall > 0 else {
            throw BenchmarkError("\(test.name) carried nothing: \(text)")
        }
        // The switch still runs, so its time is not among the children's.
        let all = childSeconds() - before + (switchTime ?? 0)
        return Result(rate: frames / wall, allCPU: all / frames, switchCPU: switchTime.map { $0 / frames })
    }

    /// Processor seconds of a process, to the nanosecond.
    private static func runTime(_ pid: Int32?) -> Double {
        guard let pid, let text = try? String(contentsOfFile: "/proc/\(pid)/schedstat", encoding: .utf8),
            let first = text.split(separator: " ").first, let value = Double(first)
        else { return 0 }
        return value / 1e9
    }

    // MARK: Many ports at once

    /// Every port sends to the next one as fast as it can: what a frame costs must not grow with the number of ports.
    private static func flood() throws {
        var rows: [[String]] = []
        for ports in [2, 4, 8, 16] {
            var costs: [Double] = []
            for _ in 0..<rounds {
                let test = try SwitchUnderTest.own(portCount: ports)
                let before = runTime(test.process?.pid)
                let frames = try Self.flood(test, size: 1514)
                costs.append((runTime(test.process?.pid) - before) / Double(frames))
            }
            rows.append(["\(ports)", nanoseconds(costs.median)])
        }
        printTable("Every port floods the next one, 1514 bytes (medians of \(rounds))", ["ports", "switch's CPU a frame"], rows)
    }

    /// - Returns: how many frames came through.
    private static func flood(_ test: SwitchUnderTest, size: Int) throws -> Int {
        var ports = test.inherited.enumerated().map { index, end in
            FrameStream(end?.source ?? -1, TestFrame(count: size, from: index + 1, to: (index + 1) % test.inherited.count + 1))
        }
        // Everybody is heard of before it begins.
        for index in ports.indices {
            var greeting = FrameStream(test.inherited[index]?.source ?? -1, TestFrame(count: 60, from: index + 1, to: nil))
            _ = greeting.send(1)
        }
        usleep(100_000)
        for index in ports.indices { while ports[index].receive(limitMilliseconds: 20) > 0 {} }
        let batch = 64
        let end = EventLoop.now() + UInt64(seconds * 1e9 / 2)
        var frames = 0
        while EventLoop.now() < end {
            for index in ports.indices { _ = ports[index].send(batch) }
            for index in ports.indices {
                var heard = 0
                while heard < batch {
                    let count = ports[index].receive(limitMilliseconds: 20)
                    if count == 0 { break }
                    heard += count
                }
                frames += heard
            }
        }
        return frames
    }
}
