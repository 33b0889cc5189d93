import Foundation
import Host

/// Each kind of system until it says that it is up, in our monitor and in QEMU's machines, in one carrier: exits to user space, processor
/// seconds, and the least memory it can do with.
///
/// Exits are counted in a round of their own. Of the others the quickest counts: what a host does besides makes a run longer, never shorter.
enum SystemsBenchmark {
    private static let rounds = 3
    /// Besides the guest's: QEMU, and a disk that is unpacked there with what is written to it.
    private static let memory = 300
    private static let memoryWithDisk = 1300

    static func run(_ options: Options) throws {
        let task: SystemRun.Order.Task = options.showsPlaces ? .places : .measure
        var rows: [[String]] = []
        for wanted in try options.systems() {
            let (system, results) = try inCarrier(wanted, task)
            rows.append([system.name] + row(Contender.allCases.map { contender in results.filter { $0.contender == contender } }))
        }
        guard !options.showsPlaces else { return }
        printTable(
            "Each system until it says that it is up, on the KVM of a carrier (the best of \(rounds)); ratios are ours to QEMU's",
            ["", "exits", "to pc", "to microvm", "CPU", "to pc", "to microvm", "wall", "to pc", "to microvm"], rows)
    }

    static func runMemory(_ options: Options) throws {
        var rows: [[String]] = []
        for wanted in try options.systems() {
            let (system, results) = try inCarrier(wanted, .leastMemory)
            rows.append(
                [system.name]
                    + [Contender.own, .pc].map { contender in
                        results.first { $0.contender == contender }?.leastMemory.map { "\($0) MiB" } ?? "-"
                    })
        }
        printTable("The least memory with which each system comes up, in steps of 4 MiB", [""] + [Contender.own, .pc].map(\.name), rows)
    }

    /// Ours, then the ratios of ours to the others, for each of the three things.
    private static func row(_ results: [[SystemRun.Result]]) -> [String] {
        let exits = results.map { $0.compactMap(\.exits).first.map(Double.init) }
        let cpu = results.map { $0.compactMap(\.took?.cpu).min() }
        let wall = results.map { $0.compactMap(\.took?.wall).min() }
        return [(exits, { String(Int($0)) }), (cpu, seconds), (wall, seconds)].flatMap {
            (values: [Double?], text: (Double) -> String) -> [String] in
            let own = values.first ?? nil
            return [own.map(text) ?? "-"]
                + values.dropFirst().map { other in
                    guard let own, let other, other > 0 else { return "-" }
                    return ratio(own / other)
                }
        }
    }

    /// Gives one carrier to one system. Where a monitor is too much for the carrier's emulated processor, each has one of its own, and that one
    /// has no result.
    private static func inCarrier(
        _ wanted: BootedSystem.Wanted, _ task: SystemRun.Order.Task
    ) throws -> (BootedSystem, [SystemRun.Result]) {
        let folder = try TemporaryFolder()
        let system = try BootedSystem(wanted, in: folder)
        // A search takes many runs: the board that is most like ours is enough to compare with.
        let contenders = [.own] + system.peers.filter { task != .leastMemory || $0 == .pc }
        defer { tell("vmlab-bench: \(system.name) done") }
        do {
            return (system, try inCarrier(system, contenders, task))
        } catch {
            tell("vmlab-bench: \(system.name): the carrier failed; each monitor again in a carrier of its own: \(error)")
            return (system, contenders.flatMap { (try? inCarrier(system, [$0], task)) ?? [] })
        }
    }

    private static func inCarrier(
        _ system: BootedSystem, _ contenders: [Contender], _ task: SystemRun.Order.Task
    ) throws -> [SystemRun.Result] {
        let order = SystemRun.Order(system: system, contenders: contenders, task: task, rounds: rounds)
        var files = try [Programs.sibling("vmlab-machine")] + Emulator.files() + system.files
        if system.disk?.packed != nil {
            guard let zstd = Programs.find("zstd", path: "/usr/bin:/bin") else { throw BenchmarkError("zstd is not installed") }
            files.append(zstd)
        }
        let memory = system.memory + (system.disk?.packed == nil ? memory : memoryWithDisk)
        let arguments =
            ["carrier", "run", "--memory", "\(memory)MiB"] + files.flatMap { ["--with", $0] }
            + ["--", try Programs.current(), SystemRun.verb, String(decoding: try JSONEncoder().encode(order), as: UTF8.self)]
        let said = try Measurement.of(try Programs.sibling("vmlab"), arguments).output
        return said.split(separator: "\n").compactMap { try? JSONDecoder().decode(SystemRun.Result.self, from: Data($0.utf8)) }
    }

    private static func tell(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }
}
