import Foundation
import Glibc
import Host

/// How long `vmlab-machine` takes from exec to its first KVM_RUN, and what it holds in memory beside the guest's.
enum StartupBenchmark {
    private static let rounds = 20
    private static let guestMemory = 64

    static func run() throws {
        guard access("/dev/kvm", R_OK | W_OK) == 0 else {
            print("\nstartup: skipped, there is no usable /dev/kvm here")
            return
        }
        var inside: [Double] = []
        var outside: [Double] = []
        var resident: [Double] = []
        for _ in 0..<rounds {
            let sample = try once()
            inside.append(sample.inside)
            outside.append(sample.outside)
            resident.append(sample.resident)
        }
        printTable(
            "vmlab-machine, started \(rounds) times with pulse (medians)", ["", "measured", "aim"],
            [
                ["main to first KVM_RUN", String(format: "%.2f ms", inside.median), ""],
                ["spawn to first KVM_RUN, as the parent sees it", String(format: "%.2f ms", outside.median), "<= 10 ms"],
                ["resident beside guest RAM", String(format: "%.2f MiB", resident.median), "<= 5 MiB"],
            ])
    }

    private struct Sample {
        /// Milliseconds.
        var inside: Double
        var outside: Double
        /// MiB.
        var resident: Double
    }

    private static func once() throws -> Sample {
        let kernel = try Descriptor.open(try pulse(), O_RDONLY)
        let control = try UnixSocket.pair()
        let serial = try UnixSocket.pair()
        let start = EventLoop.now()
        let machine = try ChildProcess(
            program: try Programs.sibling("vmlab-machine"),
            arguments: [
                "vmlab-machine", "--name", "bench", "--memory", "\(guestMemory)MiB", "--cpus", "1", "--kernel", "10", "--control", "3",
                "--serial", "4",
            ],
            environment: [],
            inherited: [
                .init(2, from: 2), .init(3, from: control.theirs.number), .init(4, from: serial.theirs.number),
                .init(10, from: kernel.number),
            ])
        defer {
            machine.signal(SIGKILL)
            _ = try? machine.wait(limitMilliseconds: 5000)
        }
        let line = String(decoding: try control.ours.read(upTo: 512), as: UTF8.self)
        let outside = Double(EventLoop.now() - start) / 1e6
        guard let match = line.firstMatch(of: #/"started","startup_us":(\d+)/#), let microseconds = Double(match.1) else {
            throw BenchmarkError("vmlab-machine said \(line)")
        }
        // Idle in its shell, all devices set up and used.
        var said = ""
        while !said.contains("pulse: ready") {
            let part = try serial.ours.read(upTo: 4096)
            if part.isEmpty { throw BenchmarkError("pulse said only \(said)") }
            said += String(decoding: part, as: UTF8.self)
        }
        return Sample(inside: microseconds / 1000, outside: outside, resident: try residentBesideGuest(machine.pid))
    }

    /// Resident memory less the mapping that has the guest's size, in MiB.
    private static func residentBesideGuest(_ pid: Int32) throws -> Double {
        let maps = try String(contentsOfFile: "/proc/\(pid)/smaps", encoding: .utf8)
        var total = 0.0
        var isGuest = false
        for line in maps.split(separator: "\n") {
            let words = line.split(separator: " ", omittingEmptySubsequences: true)
            if line.hasPrefix("Size:"), words.count > 1 { isGuest = (Int(words[1]) ?? 0) >= guestMemory * 1024 }
            if line.hasPrefix("Rss:"), words.count > 1, !isGuest { total += Double(words[1]) ?? 0 }
        }
        return total / 1024
    }

    static func pulse() throws -> String {
        let folder = URL(filePath: try Programs.current()).deletingLastPathComponent()
        for candidate in [folder.appending(path: "../../../Images/pulse/pulse.elf").path, "Images/pulse/pulse.elf"]
        where access(candidate, R_OK) == 0 {
            return candidate
        }
        throw BenchmarkError("Images/pulse/pulse.elf is not built: run it from the project's root, after make build")
    }
}
