import Foundation
import Glibc

/// What the kernel's own trace points count of KVM's exits: the same judge for all monitors.
enum ExitTrace {
    private static let folder = "/sys/kernel/tracing"
    /// Each event of this trace point is one return of KVM_RUN.
    private static let exits = folder + "/events/kvm/kvm_userspace_exit"

    /// Makes the trace points usable: for a carrier, whose only program this is.
    static func mount() throws {
        guard unsafe Glibc.mount("tracefs", folder, "tracefs", 0, nil) == 0 else { throw BenchmarkError("no tracefs in here") }
    }

    static func set(_ isOn: Bool) throws {
        try write(isOn ? "1" : "0", to: exits + "/enable")
    }

    /// Of all that was traced so far.
    static func count() throws -> Int {
        let text = try String(contentsOfFile: folder + "/per_cpu/cpu0/stats", encoding: .utf8)
        // Those that the ring has overwritten count as well.
        return text.matches(of: #/(?:^|\n)(?:entries|overrun): (\d+)/#).reduce(0) { $0 + (Int($1.1) ?? 0) }
    }

    /// Trace points with the fields that tell where a guest was: ports and addresses, those that the kernel itself answers among them.
    private static let places = ["kvm/kvm_userspace_exit": "reason", "kvm/kvm_pio": "port.hex,rw", "kvm/kvm_mmio": "gpa.hex,type"]

    /// Begins to count places anew, or ends it.
    static func countPlaces(_ isOn: Bool) throws {
        for (event, keys) in places {
            try write("\(isOn ? "" : "!")hist:keys=\(keys):sort=hitcount.descending", to: "\(folder)/events/\(event)/trigger")
        }
    }

    /// The most frequent places, a line each.
    static func frequentPlaces(_ limit: Int = 60) throws -> [String] {
        try places.keys.sorted().flatMap { event in
            let text = try String(contentsOfFile: "\(folder)/events/\(event)/hist", encoding: .utf8)
            return ["  " + event] + text.split(separator: "\n").filter { $0.hasPrefix("{") }.prefix(limit).map { "    " + $0 }
        }
    }

    private static func write(_ text: String, to path: String) throws {
        try Data(text.utf8).write(to: URL(filePath: path))
    }
}
