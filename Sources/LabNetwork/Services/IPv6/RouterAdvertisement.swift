internal import LabModel

/// What hosts form their addresses from (RFC 4861, 4.2; RFC 8106): the network's prefix, its MTU, who answers for names.
///
///     { hops: u8, flags: u8, life: u16, reachable: u32, again: u32, options: { type: u8, count of 8 bytes: u8, value }... }
package enum RouterAdvertisement {
    /// Nanoseconds between two that nobody asked for.
    package static let interval: UInt64 = 300_000_000_000
    /// Seconds. Longer than a few that are lost.
    private static let nameLife: UInt32 = 3600
    /// Seconds, the standard's own: the prefix is the network's for good.
    private static let validLife: UInt32 = 2_592_000
    private static let preferredLife: UInt32 = 604_800
    /// Less carries no IPv6 (RFC 8200, 5).
    package static let leastMTU = 1280

    private enum Option {
        static let source: UInt8 = 1
        static let prefix: UInt8 = 3
        static let mtu: UInt8 = 5
        static let nameServer: UInt8 = 25
        static let search: UInt8 = 31
    }

    package static func content(_ network: NetworkSettings) -> [UInt8] {
        var bytes: [UInt8] = [64, 0]
        // A router for no time at all: uplinks speak IPv4 only, and hosts must not send us what is not for this link.
        bytes.append(word: 0)
        bytes.append(long: 0)
        bytes.append(long: 0)

        bytes += [Option.source, 1] + network.mac.octets

        bytes += [Option.mtu, 1, 0, 0]
        bytes.append(long: UInt32(truncatingIfNeeded: network.mtu))

        // On the link, and good for making addresses.
        bytes += [Option.prefix, 4, 64, 0xC0]
        bytes.append(long: validLife)
        bytes.append(long: preferredLife)
        bytes.append(long: 0)
        bytes += IPv6Address(high: network.prefix6, low: 0).octets

        bytes += [Option.nameServer, 3, 0, 0]
        bytes.append(long: nameLife)
        bytes += network.gateway6.octets

        if var names = DNSName(network.domain)?.wire {
            names.pad(to: (names.count + 7) / 8 * 8)
            bytes += [Option.search, UInt8(truncatingIfNeeded: 1 + names.count / 8), 0, 0]
            bytes.append(long: nameLife)
            bytes += names
        }
        return bytes
    }
}
