internal import LabModel

extension LinkShape {
    /// As a lab file writes it, in at most two lines: what every frame has, `40ms ±5ms, 20Mbit`, and what some frames suffer, `loss 0.5%`.
    var lines: [String] {
        var words: [String] = []
        if delayMicroseconds > 0 || jitterMicroseconds > 0 {
            let jitter = jitterMicroseconds > 0 ? " ±" + Self.time(jitterMicroseconds) : ""
            words.append(Self.time(delayMicroseconds) + jitter)
        }
        if bitsPerSecond > 0 { words.append(Self.rate(bitsPerSecond)) }
        var some: [String] = []
        for (name, parts) in [("loss", lossPPM), ("reorder", reorderPPM), ("duplicate", duplicatePPM), ("corrupt", corruptPPM)]
        where parts > 0 { some.append("\(name) \(Self.percent(parts))") }
        return [words, some].map { $0.joined(separator: ", ") }.filter { !$0.isEmpty }
    }

    private static func time(_ microseconds: UInt64) -> String {
        if microseconds % 1_000_000 == 0, microseconds > 0 { return "\(microseconds / 1_000_000)s" }
        return microseconds % 1000 == 0 ? "\(microseconds / 1000)ms" : "\(microseconds)us"
    }

    private static func rate(_ bits: UInt64) -> String {
        for (unit, size) in [("Gbit", UInt64(1_000_000_000)), ("Mbit", 1_000_000), ("kbit", 1000)] where bits % size == 0 {
            return "\(bits / size)\(unit)"
        }
        return "\(bits)bit"
    }

    /// Parts in a million, exactly.
    private static func percent(_ parts: UInt32) -> String {
        let digits = String(parts % 10_000 + 10_000).dropFirst()
        let rest = String(digits.reversed().drop { $0 == "0" }.reversed())
        return "\(parts / 10_000)" + (rest.isEmpty ? "" : ".\(rest)") + "%"
    }
}
