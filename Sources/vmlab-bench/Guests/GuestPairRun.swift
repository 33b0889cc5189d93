import Foundation
import Glibc
import Host

/// What happens inside the carrier: pairs of guests, one after the other, on the carrier's KVM, and what is counted meanwhile.
///
///     vmlab-bench guest-pair WHO,WHO,... KERNEL INITRAMFS COPIES [MODULE]...
enum GuestPairRun {
    static let verb = "guest-pair"

    static func run(_ arguments: [String]) throws {
        guard arguments.count >= 4 else { throw BenchmarkError("\(verb) WHO KERNEL INITRAMFS COPIES [MODULE]...") }
        for module in arguments.dropFirst(4) { _ = try Measurement.of(try Busybox.program(), ["insmod", module]) }
        try ExitTrace.mount()
        for who in arguments[0].split(separator: ",") {
            guard let contender = GuestPair.Contender(rawValue: String(who)) else { throw BenchmarkError("no pair is called \(who)") }
            say("pair \(who)")
            try follow(try GuestPair(contender, kernel: arguments[1], initramfs: arguments[2], copies: arguments[3]))
        }
    }

    /// Passes on what the measuring guest says, each mark with the moment, the carrier's processor time and the exits so far.
    private static func follow(_ pair: GuestPair) throws {
        try ExitTrace.set(false)
        var line: [UInt8] = []
        while true {
            let bytes = try pair.console.read(upTo: 4096)
            if bytes.isEmpty { return }
            for byte in bytes where byte != 0x0D {
                guard byte == 0x0A else {
                    line.append(byte)
                    continue
                }
                var text = String(decoding: line, as: UTF8.self)
                line = []
                if let name = text.firstMatch(of: #/^mark (\S+)/#)?.1 {
                    text += " at \(EventLoop.now()) busy \(try busyTicks()) exits \(try ExitTrace.count())"
                    try ExitTrace.set(name.hasPrefix("count-"))
                }
                say(text)
            }
        }
    }

    /// At once, whoever is killed later.
    private static func say(_ text: String) { FileHandle.standardOutput.write(Data((text + "\n").utf8)) }

    /// Hundredths of a second in which the carrier's one processor was not idle.
    private static func busyTicks() throws -> Int {
        let words = try String(contentsOfFile: "/proc/stat", encoding: .utf8).split(separator: "\n")[0].split(separator: " ").dropFirst()
        // user nice system idle iowait irq softirq steal guest guest_nice; guest time is in user time already.
        return words.prefix(8).enumerated().reduce(0) { $0 + ([3, 4].contains($1.offset) ? 0 : Int($1.element) ?? 0) }
    }
}
