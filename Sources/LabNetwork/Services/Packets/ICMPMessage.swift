/// A control message of either version: `{ type: u8, code: u8, sum: u16, content }` (RFC 792, RFC 4443), its sum checked.
package struct ICMPMessage: Sendable {
    package let type: UInt8
    package let code: UInt8
    package let content: ArraySlice<UInt8>

    package init?(_ packet: IPPacket) {
        guard packet.transport == IPPacket.Transport.icmp || packet.transport == IPPacket.Transport.icmp6 else { return nil }
        var reader = PacketReader(packet.payload)
        guard !packet.isFragment, let type = reader.byte(), let code = reader.byte(), reader.word() != nil, packet.hasTrueChecksum else {
            return nil
        }
        self.type = type
        self.code = code
        content = reader.rest
    }

    package enum V4 {
        package static let echoReply: UInt8 = 0
        package static let unreachable: UInt8 = 3
        package static let echo: UInt8 = 8
        /// What asks or answers; everything else reports an error, and about errors nothing is reported.
        static let informational: Set<UInt8> = [0, 8, 9, 10, 13, 14, 15, 16, 17, 18]
    }

    package enum V6 {
        package static let unreachable: UInt8 = 1
        package static let echo: UInt8 = 128
        package static let echoReply: UInt8 = 129
        package static let routerSolicitation: UInt8 = 133
        package static let routerAdvertisement: UInt8 = 134
        package static let neighborSolicitation: UInt8 = 135
        package static let neighborAdvertisement: UInt8 = 136
    }

    /// Why something could not be delivered; the codes differ between the versions.
    package enum Unreachable: Sendable {
        case network, host, transport, port, prohibited

        var code4: UInt8 {
            switch self {
            case .network: 0
            case .host: 1
            case .transport: 2
            case .port: 3
            case .prohibited: 13
            }
        }

        /// Version 6 says of an unknown transport something else: nothing is said of it here.
        var code6: UInt8? {
            switch self {
            case .network: 0
            case .prohibited: 1
            case .host: 3
            case .port: 4
            case .transport: nil
            }
        }
    }
}

extension Endpoint {
    func icmp(to other: Endpoint, type: UInt8, code: UInt8 = 0, hopLimit: UInt8 = usualHopLimit, content: some Sequence<UInt8>) -> [UInt8] {
        let transport =
            switch ip {
            case .v4: IPPacket.Transport.icmp
            case .v6: IPPacket.Transport.icmp6
            }
        return frame(to: other, transport: transport, hopLimit: hopLimit, payload: [type, code, 0, 0] + content, checksumAt: 2)
    }

    /// Tells the sender of a packet that it went nowhere.
    /// - Returns: nil for packets about which nothing may be said (RFC 1122, 3.2.2; RFC 4443, 2.4).
    func unreachable(_ why: ICMPMessage.Unreachable, about packet: IPPacket, to sender: Endpoint) -> [UInt8]? {
        guard packet.source.isUnicast, packet.destination.isUnicast, !packet.isFragment else { return nil }
        // As much of the packet as fits what every path takes: 576 bytes, 1280 bytes.
        switch ip {
        case .v4:
            if packet.transport == IPPacket.Transport.icmp {
                guard let type = packet.payload.first, ICMPMessage.V4.informational.contains(type) else { return nil }
            }
            return icmp(
                to: sender, type: ICMPMessage.V4.unreachable, code: why.code4, content: [0, 0, 0, 0] + packet.whole.prefix(576 - 28))
        case .v6:
            if packet.transport == IPPacket.Transport.icmp6 {
                guard let type = packet.payload.first, type >= 128 else { return nil }
            }
            guard let code = why.code6 else { return nil }
            return icmp(to: sender, type: ICMPMessage.V6.unreachable, code: code, content: [0, 0, 0, 0] + packet.whole.prefix(1280 - 48))
        }
    }
}
