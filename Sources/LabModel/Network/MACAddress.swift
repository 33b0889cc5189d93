/// An Ethernet address (IEEE 802).
package struct MACAddress: Hashable, Sendable, Codable {
    /// The low 48 bits; the first octet on the wire is the highest of them.
    package var value: UInt64

    package init(_ value: UInt64) { self.value = value & 0xFFFF_FFFF_FFFF }

    /// Six octets; nil for any other number of them.
    package init?(_ octets: some Collection<UInt8>) {
        guard octets.count == 6 else { return nil }
        value = octets.reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// `02:00:5e:10:00:01`, in either case; nil for anything else.
    package init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        let octets = parts.compactMap { $0.utf8.count == 2 && $0.allSatisfy(\.isHexDigit) ? UInt8($0, radix: 16) : nil }
        guard parts.count == 6, octets.count == 6 else { return nil }
        self.init(octets)
    }

    package static let broadcast = MACAddress(0xFFFF_FFFF_FFFF)

    package var octets: [UInt8] { (0..<6).map { UInt8(truncatingIfNeeded: value >> UInt64(40 - 8 * $0)) } }
    /// For groups, everybody included; never a sender.
    package var isMulticast: Bool { value >> 40 & 1 != 0 }
}

extension MACAddress: CustomStringConvertible {
    package var description: String {
        octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
    }
}
