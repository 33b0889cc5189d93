import Foundation
import Host

/// `vmlab-bench [startup] [boot] [echo] [ext4] [switch] [guests] [carried]`: the numbers in the README, measured side by side in one run.
///
/// Times on shared machines are noisy: what counts are the ratios, and CPU seconds.
@main struct Benchmarks {
    static func main() throws {
        CleanUp.whenInterrupted()
        let all: [(name: String, run: () throws -> Void)] = [
            ("startup", StartupBenchmark.run), ("boot", BootBenchmark.run), ("echo", EchoBenchmark.run), ("ext4", Ext4Benchmark.run),
            ("switch", SwitchBenchmark.run), ("guests", GuestsBenchmark.run), ("carried", GuestsBenchmark.runCarried),
        ]
        var wanted = Array(CommandLine.arguments.dropFirst())
        if wanted.first == Ext4Benchmark.writerVerb { return try Ext4Benchmark.write(Array(wanted.dropFirst())) }
        // Parts of benchmarks, in processes of their own.
        let parts = [FrameGenerator.verb: FrameGenerator.run, GuestPairRun.verb: GuestPairRun.run]
        if let part = parts[wanted.first ?? ""] {
            do {
                return try part(Array(wanted.dropFirst()))
            } catch {
                FileHandle.standardError.write(Data("vmlab-bench: \(error)\n".utf8))
                exit(1)
            }
        }
        if wanted.isEmpty { wanted = all.map(\.name) }
        for name in wanted {
            guard let benchmark = all.first(where: { $0.name == name }) else {
                FileHandle.standardError.write(
                    Data("vmlab-bench: no benchmark \(name); there are \(all.map(\.name).joined(separator: ", "))\n".utf8))
                exit(64)
            }
            do {
                try benchmark.run()
            } catch {
                FileHandle.standardError.write(Data("vmlab-bench: \(name): \(error)\n".utf8))
                exit(1)
            }
        }
    }
}

/// Why a benchmark cannot say a number.
struct BenchmarkError: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}
