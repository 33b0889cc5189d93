import Foundation
import Host

/// What happens inside the carrier: one system in one monitor after the other, on the carrier's KVM. One line of JSON a result.
///
///     vmlab-bench system-run ORDER
enum SystemRun {
    static let verb = "system-run"

    /// What is to be done, as JSON.
    struct Order: Codable {
        enum Task: String, Codable { case measure, places, leastMemory }

        var system: BootedSystem
        var contenders: [Contender]
        var task: Task
        /// Measured ones; what counts the exits is one more.
        var rounds = 1
    }

    /// What came of one run, or of one search.
    struct Result: Codable {
        var contender: Contender
        var took: RunningMonitor.Took?
        var exits: Int?
        /// MiB.
        var leastMemory: Int?
    }

    /// Seconds for a system to come up on an emulated processor that others share.
    private static let patience = 240.0
    /// Times as long as another run is too long.
    private static let slowest = 5.0
    /// Seconds that a run has in any case: a short one is a matter of what else the host does.
    private static let leastPatience = 20.0

    static func run(_ arguments: [String]) throws {
        guard let text = arguments.first else { throw BenchmarkError("\(verb) ORDER") }
        let order = try JSONDecoder().decode(Order.self, from: Data(text.utf8))
        if let disk = order.system.disk, let packed = disk.packed {
            _ = try Measurement.of("zstd", ["-q", "-d", "--sparse", "--rm", packed, "-o", disk.path])
        }
        // Where QEMU keeps what is written to a disk that it must not change.
        try FileManager.default.createDirectory(atPath: "/var/tmp", withIntermediateDirectories: true)
        try ExitTrace.mount()
        switch order.task {
        case .measure: try measure(order)
        case .places: try places(order)
        case .leastMemory: try leastMemory(order)
        }
    }

    private static func measure(_ order: Order) throws {
        var usable = order.contenders
        // What one has shown to be possible, nobody gets a multiple of.
        var patience = patience
        for round in 0...order.rounds {
            // Counting costs time, so it has a round of its own.
            let isCounting = round == 0
            for contender in usable {
                if isCounting { try ExitTrace.set(true) }
                let before = try ExitTrace.count()
                let took = try once(contender, order.system, seconds: patience)
                let exits = try ExitTrace.count() - before
                tell(
                    "\(order.system.name) in \(contender.name): \(took.map { seconds($0.wall) } ?? "no")\(isCounting ? ", \(exits) exits" : "")"
                )
                if let took { patience = min(patience, max(took.wall * slowest, leastPatience)) }
                if isCounting { try ExitTrace.set(false) }
                // One that cannot do it at all; a later round that fails is one less.
                if took == nil, isCounting { usable.removeAll { $0 == contender } }
                guard took != nil || isCounting else { continue }
                say(Result(contender: contender, took: isCounting ? nil : took, exits: isCounting && took != nil ? exits : nil))
            }
        }
    }

    private static func places(_ order: Order) throws {
        for contender in order.contenders {
            try ExitTrace.countPlaces(true)
            _ = try once(contender, order.system)
            tell("\(order.system.name) in \(contender.name):")
            for line in try ExitTrace.frequentPlaces() { tell(line) }
            try ExitTrace.countPlaces(false)
        }
    }

    // MARK: The least memory

    /// MiB.
    private static let step = 4

    private static func leastMemory(_ order: Order) throws {
        for contender in order.contenders {
            guard let plenty = try once(contender, order.system) else {
                say(Result(contender: contender))
                continue
            }
            let limit = max(plenty.wall * slowest, leastPatience)
            var (tooLittle, enough) = (0, order.system.memory / step)
            while enough - tooLittle > 1 {
                let middle = (enough + tooLittle) / 2
                let came = try once(contender, order.system, memory: middle * step, seconds: limit)
                tell("\(order.system.name) in \(contender.name), \(middle * step) MiB: \(came.map { seconds($0.wall) } ?? "no")")
                if came == nil { tooLittle = middle } else { enough = middle }
            }
            say(Result(contender: contender, leastMemory: enough * step))
        }
    }

    private static func once(
        _ contender: Contender, _ system: BootedSystem, memory: Int? = nil, seconds: Double = patience
    ) throws -> RunningMonitor.Took? {
        let monitor = try RunningMonitor(contender, system, memory: memory ?? system.memory)
        let took = try monitor.untilReady(system.ready, seconds: seconds)
        if took == nil, memory == nil { tell("\(system.name) in \(contender.name) did not come up: \(monitor.said.suffix(600))") }
        return took
    }

    private static func say(_ result: Result) {
        guard let line = try? JSONEncoder().encode(result) else { return }
        FileHandle.standardOutput.write(line + Data("\n".utf8))
    }

    /// For those who watch.
    private static func tell(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }
}
