package import LabModel

/// Questions about who has an IPv6 address, and about routers (RFC 4861), as far as the gateway is asked.
package enum NeighborDiscovery {
    /// What a message of it wants of us.
    package enum Request: Sendable {
        /// Somebody asks for one of our addresses; nil: it does not say who it is, for it looks whether the address is free.
        case address(IPv6Address, asker: MACAddress?)
        case router(asker: MACAddress?)
        /// Somebody says that one of our addresses is its own.
        case claim
    }

    /// A message that has crossed a router has fewer: it is not from this link.
    static let hopLimit: UInt8 = 255

    private enum Option {
        static let source: UInt8 = 1
    }

    private enum Flag {
        static let isRouter: UInt8 = 0x80
        static let solicited: UInt8 = 0x40
        static let overrides: UInt8 = 0x20
    }

    /// - Returns: nil for what is not for us, and for what the standard wants ignored.
    package static func request(_ message: ICMPMessage, of packet: IPPacket, to network: NetworkSettings) -> Request? {
        guard packet.hopLimit == hopLimit, message.code == 0 else { return nil }
        var reader = PacketReader(message.content)
        guard reader.long() != nil else { return nil }
        switch message.type {
        case ICMPMessage.V6.routerSolicitation:
            guard let asker = sourceOption(reader), !(packet.source.isUnspecified && asker.mac != nil) else { return nil }
            return .router(asker: asker.mac)
        case ICMPMessage.V6.neighborSolicitation:
            guard let target = reader.ipv6(), owns(target, network), let asker = sourceOption(reader) else { return nil }
            if packet.source.isUnspecified {
                guard asker.mac == nil, packet.destination == .v6(target.solicitedNode) else { return nil }
            }
            return .address(target, asker: asker.mac)
        case ICMPMessage.V6.neighborAdvertisement:
            guard let target = reader.ipv6(), owns(target, network) else { return nil }
            return .claim
        default:
            return nil
        }
    }

    package static func owns(_ address: IPv6Address, _ network: NetworkSettings) -> Bool {
        address == network.gateway6 || address == network.linkLocal6
    }

    /// `{ type: u8, count of 8 bytes: u8, value }...`; a count of zero makes the whole message void.
    private static func sourceOption(_ start: PacketReader) -> (mac: MACAddress?, Void)? {
        var reader = start
        var found: MACAddress?
        while !reader.rest.isEmpty {
            guard let type = reader.byte(), let count = reader.byte(), count > 0,
                var value = reader.take(Int(count) * 8 - 2).map({ PacketReader($0) })
            else { return nil }
            if type == Option.source { found = value.mac() }
        }
        return (found, ())
    }

    /// What says that the address is ours.
    static func advertisement(of target: IPv6Address, by mac: MACAddress, solicited: Bool) -> [UInt8] {
        [Flag.isRouter | Flag.overrides | (solicited ? Flag.solicited : 0), 0, 0, 0] + target.octets + [2, 1] + mac.octets
    }
}
