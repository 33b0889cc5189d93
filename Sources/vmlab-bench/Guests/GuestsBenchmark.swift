import Foundation
import Host

/// Guest to guest, with Debian's own driver at both ends: all in one carrier, on its KVM, against QEMU's machines.
enum GuestsBenchmark {
    private static let copied = 1 << 30
    private static let bridgeModules = ["llc", "stp", "bridge", "tun"]
    private static let memory = "1GiB"

    /// What one pair of guests did.
    struct Result {
        /// Milliseconds there and back.
        var roundTrip: Double
        /// Bits a second.
        var throughput: Double
        /// Processor seconds a GiB, of everything.
        var cost: Double
        /// Exits to user space for each frame of the measuring guest.
        var exitsOfPings: Double
        var exitsOfStream: Double
    }

    static func run() throws {
        let folder = try TemporaryFolder()
        let system = try GuestSystem(folder, byteCount: copied)
        let said = try inCarrier(system, GuestPair.Contender.allCases, copies: "")
        var results: [(GuestPair.Contender, Result)] = []
        for part in said.split(separator: "pair ").map(String.init) {
            guard let contender = GuestPair.Contender.allCases.first(where: { part.hasPrefix($0.rawValue + "\n") }) else { continue }
            results.append((contender, try Result(of: part)))
        }
        guard let own = results.first(where: { $0.0 == .own })?.1 else { throw BenchmarkError("no result: \(said.suffix(800))") }
        printTable(
            "Guest to guest, all on the KVM of one carrier",
            ["", "ping", "own against it", "iperf3 TCP", "own against it", "CPU a GiB", "exits a frame, ping", "TCP"],
            results.map { contender, result in
                [
                    contender.name, String(format: "%.2f ms", result.roundTrip), ratio(own.roundTrip / result.roundTrip),
                    String(format: "%.0f Mbit/s", result.throughput / 1e6), ratio(own.throughput / result.throughput), seconds(result.cost),
                    ratio(result.exitsOfPings), ratio(result.exitsOfStream),
                ]
            })
    }

    /// The same as people get it without hardware KVM.
    static func runCarried() throws {
        let folder = try TemporaryFolder()
        let system = try GuestSystem(folder, byteCount: copied)
        let lab = try CarriedLab.run(system, in: folder)
        printTable(
            "Guest to guest, two carried machines on the native switch", ["", "measured"],
            [
                ["ping", String(format: "%.2f ms", lab.roundTrip)], ["iperf3 TCP", String(format: "%.0f Mbit/s", lab.throughput / 1e6)],
            ]
                + lab.copies.map { copy in
                    [
                        "1 GiB, offloads \(copy.offloads), SHA-256 equal",
                        String(format: "%.0f s, %.0f Mbit/s", copy.seconds, Double(copied) * 8 / copy.seconds / 1e6),
                    ]
                })
    }

    /// Runs pairs, one after the other, in one carrier.
    /// - Returns: what their guests said, with marks.
    private static func inCarrier(_ system: GuestSystem, _ contenders: [GuestPair.Contender], copies: String) throws -> String {
        let own = try Programs.current()
        guard let ip = Programs.find("ip", path: "/usr/sbin:/usr/bin:/sbin:/bin") else { throw BenchmarkError("iproute2 is not installed") }
        let modules = try DebianKernel.modules(bridgeModules)
        let files =
            [
                try Programs.sibling("vmlab-machine"), try Programs.sibling("vmlab-network"), system.kernel, system.initramfs, ip,
                try Busybox.program(),
            ]
            + modules + (contenders == [.own] ? [] : try Emulator.files())
        let arguments =
            ["carrier", "run", "--memory", memory] + files.flatMap { ["--with", $0] } + [
                "--", own, GuestPairRun.verb, contenders.map(\.rawValue).joined(separator: ","), system.kernel, system.initramfs, copies,
            ] + modules
        return try Measurement.of(try Programs.sibling("vmlab"), arguments).output
    }
}

extension GuestsBenchmark.Result {
    /// Reads what a measuring guest said.
    init(of text: String) throws {
        var marks: [String: (frames: Double, time: Double, busy: Double, exits: Double)] = [:]
        for match in text.matches(of: #/mark (\S+) (\d+) [\d.]+ at (\d+) busy (\d+) exits (\d+)/#) {
            marks[String(match.1)] = (
                Double(match.2) ?? 0, (Double(match.3) ?? 0) / 1e9, (Double(match.4) ?? 0) / 100, Double(match.5) ?? 0
            )
        }
        guard let average = GuestSystem.averageRoundTrip(in: text), let bits = GuestSystem.throughput(in: text),
            let pinged = marks["pinged"], let streamed = marks["streamed"], let counting = marks["count-pings"],
            let middle = marks["count-stream"], let counted = marks["counted"]
        else { throw BenchmarkError("the guests said \(text.suffix(800))") }
        roundTrip = average
        throughput = bits
        cost = (streamed.busy - pinged.busy) / (throughput * Double(GuestSystem.seconds + GuestSystem.warmUp) / 8 / Double(1 << 30))
        exitsOfPings = (middle.exits - counting.exits) / (middle.frames - counting.frames)
        exitsOfStream = (counted.exits - middle.exits) / (counted.frames - middle.frames)
    }
}
