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
