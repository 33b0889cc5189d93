/// An IPv4 address.
package struct IPv4Address: Hashable, Comparable, Sendable {
    /// The first octet is the highest byte.
    package var value: UInt32

    package init(_ value: UInt32) { self.value = value }

    /// Four decimal numbers with dots; nil for anything else, leading zeros included.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var value: UInt32 = 0
        for part in parts {
            guard let octet = UInt8(part), String(octet) == part else { return nil }
            value = value << 8 | UInt32(octet)
        }
        self.value = value
    }

    package var octets: [UInt8] {
        [UInt8(value >> 24), UInt8(value >> 16 & 0xFF), UInt8(value >> 8 & 0xFF), UInt8(value & 0xFF)]
    }

    package static func < (left: IPv4Address, right: IPv4Address) -> Bool { left.value < right.value }
}

extension IPv4Address: CustomStringConvertible {
    package var description: String { octets.map(String.init).joined(separator: ".") }
}

/// A range of IPv4 addresses by its prefix: `10.20.0.0/24`.
package struct IPv4Subnet: Hashable, Sendable {
    /// The network's own address: all bits after the prefix are zero.
    package var base: IPv4Address
    /// 0 to 32.
    package var prefixLength: Int

    /// - Returns: nil if the length is out of range or a bit after the prefix is set.
    package init?(base: IPv4Address, prefixLength: Int) {
        guard (0...32).contains(prefixLength) else { return nil }
        self.base = base
        self.prefixLength = prefixLength
        guard base.value & ~mask == 0 else { return nil }
    }

    /// `A.B.C.D/N`, nil for anything else.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let base = IPv4Address(parts[0]), let length = Int(parts[1]), String(length) == parts[1] else { return nil }
        self.init(base: base, prefixLength: length)
    }

    package var mask: UInt32 { prefixLength == 0 ? 0 : UInt32.max << UInt32(32 - prefixLength) }
    /// The last address: everybody on the network.
    package var broadcast: IPv4Address { IPv4Address(base.value | ~mask) }

    package func contains(_ address: IPv4Address) -> Bool { address.value & mask == base.value }
    package func overlaps(_ other: IPv4Subnet) -> Bool { contains(other.base) || other.contains(base) }

    /// Addresses that machines may have: all but the first (the network) and the last (everybody).
    package var hostCount: Int { prefixLength >= 31 ? 0 : (1 << (32 - prefixLength)) - 2 }

    /// The host with that number, 1 for the first; nil past the last.
    package func host(_ number: Int) -> IPv4Address? {
        guard number >= 1, number <= hostCount else { return nil }
        return IPv4Address(base.value + UInt32(number))
    }

    /// The bridge's own address: the first host.
    package var gateway: IPv4Address { IPv4Address(base.value | 1) }
}

extension IPv4Subnet: CustomStringConvertible {
    package var description: String { "\(base)/\(prefixLength)" }
}

extension IPv4Address: Codable {
    package init(from decoder: any Decoder) throws {
        value = try decoder.singleValueContainer().decode(UInt32.self)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(value)
    }
}

extension IPv4Subnet: Codable {}
