package import LabModel

/// An address of either version.
package enum IPAddress: Hashable, Sendable {
    case v4(IPv4Address)
    case v6(IPv6Address)

    package var octets: [UInt8] {
        switch self {
        case .v4(let address): address.octets
        case .v6(let address): address.octets
        }
    }

    /// Nobody yet: `0.0.0.0`, `::`.
    package var isUnspecified: Bool {
        switch self {
        case .v4(let address): address.value == 0
        case .v6(let address): address.high == 0 && address.low == 0
        }
    }

    /// One receiver, as far as can be seen without a subnet's mask.
    package var isUnicast: Bool {
        switch self {
        case .v4(let address): address.value >> 28 < 14 && address.value >> 24 != 0
        case .v6(let address): address.high >> 56 != 0xFF && !isUnspecified
        }
    }
}

extension IPAddress: CustomStringConvertible {
    package var description: String {
        switch self {
        case .v4(let address): address.description
        case .v6(let address): address.description
        }
    }
}

extension IPv6Address {
    /// Everybody on the link.
    package static let allNodes = IPv6Address(high: 0xFF02 << 48, low: 1)
    /// The upper half of every link-local address.
    package static let linkLocalPrefix: UInt64 = 0xFE80 << 48

    /// The group in which the owner of an address listens for questions about it (RFC 4291, 2.7.1).
    package var solicitedNode: IPv6Address { IPv6Address(high: 0xFF02 << 48, low: 0x1_FF00_0000 | low & 0xFF_FFFF) }

    /// The Ethernet group that carries an IPv6 group (RFC 2464, 7).
    package var groupMAC: MACAddress { MACAddress(0x3333_0000_0000 | low & 0xFFFF_FFFF) }
}
