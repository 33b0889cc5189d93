/// An IPv6 address.
package struct IPv6Address: Hashable, Sendable {
    package var high: UInt64
    package var low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// The address that a network card forms by itself under a prefix of 64 bits (RFC 4291, appendix A).
    /// - Parameter prefix: the upper 64 bits; `0xFE80 << 48` for the link's own.
    package init(prefix: UInt64, _ mac: MACAddress) {
        let upper = mac.value >> 24 ^ 0x020000
        self.init(high: prefix, low: upper << 40 | 0xFF_FE00_0000 | mac.value & 0xFF_FFFF)
    }

    /// As RFC 4291 section 2.2 writes it, without a dotted tail; nil for anything else.
    package init?(_ text: some StringProtocol) {
        var halves: [[UInt16]] = []
        // At most one `::`, which stands for the groups that are missing.
        let whole = Substring(text)
        let gap = whole.firstRange(of: "::")
        let parts = gap.map { [whole[..<$0.lowerBound], whole[$0.upperBound...]] } ?? [whole]
        for part in parts {
            let words = part.isEmpty && parts.count == 2 ? [] : part.split(separator: ":", omittingEmptySubsequences: false)
            var groups: [UInt16] = []
            for word in words {
                guard (1...4).contains(word.utf8.count), word.utf8.first != 0x2B, let group = UInt16(word, radix: 16) else { return nil }
                groups.append(group)
            }
            halves.append(groups)
        }
        let written = halves.reduce(0) { $0 + $1.count }
        guard halves.count == 2 ? written < 8 : written == 8 else { return nil }
        let all = (halves.first ?? []) + [UInt16](repeating: 0, count: 8 - written) + (halves.dropFirst().first ?? [])
        self.init(high: all[..<4].reduce(0) { $0 << 16 | UInt64($1) }, low: all[4...].reduce(0) { $0 << 16 | UInt64($1) })
    }

    package var octets: [UInt8] {
        (0..<16).map { UInt8(truncatingIfNeeded: ($0 < 8 ? high : low) >> UInt64(56 - 8 * ($0 % 8))) }
    }
}

extension IPv6Address: CustomStringConvertible {
    /// As RFC 5952 wants it: lower case, no leading zeros, the first longest run of zero groups as `::`.
    package var description: String {
        let groups = (0..<8).map { UInt16(truncatingIfNeeded: ($0 < 4 ? high : low) >> UInt64(48 - 16 * ($0 % 4))) }
        var best: Range<Int> = 0..<0
        var start = 0
        while start < 8 {
            var end = start
            while end < 8, groups[end] == 0 { end += 1 }
            if end - start > max(best.count, 1) { best = start..<end }
            start = max(end, start + 1)
        }
        func text(_ groups: some Sequence<UInt16>) -> String { groups.map { String($0, radix: 16) }.joined(separator: ":") }
        if best.isEmpty { return text(groups) }
        return text(groups[..<best.lowerBound]) + "::" + text(groups[best.upperBound...])
    }
}
