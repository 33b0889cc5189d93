import Foundation
import Host

/// `vmlab-bench [OPTION]... [BENCHMARK]...`: the numbers in the README, measured side by side in one run.
///
/// Times on shared machines are noisy: what counts are the ratios, and CPU seconds.
@main struct Benchmarks {
    private static let all: [(name: String, summary: String, run: @Sendable (Options) throws -> Void)] = [
        (
            "startup", "vmlab-machine from its start to the first KVM_RUN, and the memory it takes besides the guest's",
            plain(StartupBenchmark.run)
        ),
        ("boot", "Debian's kernel to the first line of init, in a carrier, against QEMU", plain(BootBenchmark.run)),
        ("systems", "each kind of system until it is up: exits to user space and CPU seconds, against QEMU", SystemsBenchmark.run),
        ("memory", "the least memory with which each of them comes up, against QEMU", SystemsBenchmark.runMemory),
        (
            "echo", "an echo from guest to guest and the exits for it, on this host's KVM, against QEMU on a Linux bridge",
            plain(EchoBenchmark.run)
        ),
        ("ext4", "a tar of Debian's files to an ext4 image, against mke2fs", plain(Ext4Benchmark.run)),
        ("switch", "frames through the switch, against vde_switch and a Linux bridge", plain(SwitchBenchmark.run)),
        ("guests", "guest to guest in one carrier: ping, TCP and exits a frame, against QEMU", plain(GuestsBenchmark.run)),
        ("carried", "guest to guest, each in its own carrier: ping, TCP and digests of what arrives", plain(GuestsBenchmark.runCarried)),
    ]

    static func main() throws {
        CleanUp.whenInterrupted()
        let arguments = Array(CommandLine.arguments.dropFirst())
        // Parts of benchmarks, in processes of their own.
        let parts = [
            Ext4Benchmark.writerVerb: Ext4Benchmark.write, FrameGenerator.verb: FrameGenerator.run, GuestPairRun.verb: GuestPairRun.run,
            SystemRun.verb: SystemRun.run,
        ]
        do {
            if let part = parts[arguments.first ?? ""] { return try part(Array(arguments.dropFirst())) }
        } catch {
            fail("\(error)", 1)
        }
        let options: Options
        do {
            options = try Options(arguments)
        } catch {
            fail("\(error)", 64)
        }
        if options.wantsHelp { return print(help) }
        let unknown = options.benchmarks.first { name in !all.contains { $0.name == name } }
        if let unknown { fail("no benchmark \(unknown); there are \(all.map(\.name).joined(separator: ", "))", 64) }
        let wanted = options.benchmarks.isEmpty ? all.map(\.name) : options.benchmarks
        for name in wanted {
            for benchmark in all where benchmark.name == name {
                do {
                    try benchmark.run(options)
                } catch {
                    fail("\(name): \(error)", 1)
                }
            }
        }
    }

    /// One that no option changes.
    private static func plain(_ run: @escaping @Sendable () throws -> Void) -> @Sendable (Options) throws -> Void { { _ in try run() } }

    private static func fail(_ text: String, _ status: CInt) -> Never {
        FileHandle.standardError.write(Data("vmlab-bench: \(text)\n".utf8))
        exit(status)
    }

    private static var help: String {
        let width = (all.map(\.name.count).max() ?? 0) + 2
        let list = all.map { "  " + $0.name.padding(toLength: width, withPad: " ", startingAt: 0) + $0.summary }
        return """
            vmlab-bench startup boot

            Measures, side by side with others where there are others, what the README says in numbers. Without names: all of them, for an hour.

            \(list.joined(separator: "\n"))

              --only SYSTEM,...  for systems and memory: these only (\(BootedSystem.all.map(\.name).joined(separator: ", ")))
              --places           for systems: not how often, but where they leave the guest: ports and addresses
              --help
            """
    }
}

/// Why a benchmark cannot say a number.
struct BenchmarkError: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}
