internal import PortStream

/// An IP packet of either version with its lengths and, for version 4, its header's sum checked.
///
/// Version 4: `{ version 4, words of header: u8; service: u8; total: u16; id: u16; flags 3 bits, offset 13 bits; ttl: u8; protocol: u8; sum: u16; from: 4; to: 4; options }`
/// Version 6: `{ version 4 bits, class, flow: u32; payload: u16; next: u8; hops: u8; from: 16; to: 16 }`, then extension headers.
package struct IPPacket: Sendable {
    package let source: IPAddress
    package let destination: IPAddress
    /// Of what the payload is, behind all extension headers.
    package let transport: UInt8
    package let hopLimit: UInt8
    package let payload: ArraySlice<UInt8>
    /// Only a piece of a packet: the payload is not what `transport` says.
    package let isFragment: Bool
    /// From the first byte of the header to the last of the payload.
    package let whole: ArraySlice<UInt8>

    package enum Transport {
        package static let icmp: UInt8 = 1
        package static let tcp: UInt8 = 6
        package static let udp: UInt8 = 17
        package static let icmp6: UInt8 = 58
    }

    /// More than any honest packet has; each costs a look.
    private static let extensionLimit = 8

    /// - Parameter type: the Ethernet frame's.
    package init?(_ bytes: ArraySlice<UInt8>, type: UInt16) {
        switch type {
        case EthernetFrame.ipv4: self.init(version4: bytes)
        case EthernetFrame.ipv6: self.init(version6: bytes)
        default: return nil
        }
    }

    private init?(version4 bytes: ArraySlice<UInt8>) {
        var reader = PacketReader(bytes)
        guard let first = reader.byte(), first >> 4 == 4 else { return nil }
        let headerCount = Int(first & 15) * 4
        guard headerCount >= 20, headerCount <= bytes.count, reader.byte() != nil, let total = reader.word() else { return nil }
        guard Int(total) >= headerCount, Int(total) <= bytes.count else { return nil }
        guard InternetChecksum.fold(InternetChecksum.sum(bytes.prefix(headerCount))) == 0xFFFF else { return nil }
        guard reader.word() != nil, let fragment = reader.word(), let hopLimit = reader.byte(), let transport = reader.byte(),
            reader.word() != nil, let source = reader.ipv4(), let destination = reader.ipv4()
        else { return nil }
        self.source = .v4(source)
        self.destination = .v4(destination)
        self.transport = transport
        self.hopLimit = hopLimit
        whole = bytes.prefix(Int(total))
        payload = whole.dropFirst(headerCount)
        isFragment = fragment & 0x3FFF != 0
    }

    private init?(version6 bytes: ArraySlice<UInt8>) {
        var reader = PacketReader(bytes)
        guard let first = reader.long(), first >> 28 == 6, let count = reader.word(), let next = reader.byte(),
            let hopLimit = reader.byte(),
            let source = reader.ipv6(), let destination = reader.ipv6(), let payload = reader.take(Int(count))
        else { return nil }
        self.source = .v6(source)
        self.destination = .v6(destination)
        self.hopLimit = hopLimit
        whole = bytes.prefix(40 + Int(count))
        guard let end = Self.skipExtensions(PacketReader(payload), next) else { return nil }
        transport = end.transport
        isFragment = end.isFragment
        self.payload = end.payload
    }

    private static func skipExtensions(
        _ start: PacketReader, _ first: UInt8
    ) -> (transport: UInt8, isFragment: Bool, payload: ArraySlice<UInt8>)? {
        var reader = start
        var next = first
        for _ in 0..<extensionLimit {
            switch next {
            case 0, 43, 60:  // Hop by hop, routing, destination: { next, count of 8 bytes after the first 8 }.
                guard let following = reader.byte(), let count = reader.byte(), reader.take(Int(count) * 8 + 6) != nil else { return nil }
                next = following
            case 44:  // A fragment; one that is whole by itself is one too: nobody sends it to us in earnest.
                guard let following = reader.byte(), reader.take(7) != nil else { return nil }
                return (following, true, reader.rest)
            default:
                return (next, false, reader.rest)
            }
        }
        return nil
    }

    /// The transport's checksum over its pseudo header and the payload is right. Version 4's ICMP has no pseudo header.
    package var hasTrueChecksum: Bool {
        let pseudo = transport == Transport.icmp ? 0 : Self.pseudoSum(source, destination, transport, payload.count)
        return InternetChecksum.fold(InternetChecksum.sum(payload, pseudo)) == 0xFFFF
    }

    static func pseudoSum(_ source: IPAddress, _ destination: IPAddress, _ transport: UInt8, _ count: Int) -> UInt32 {
        InternetChecksum.sum(
            destination.octets, InternetChecksum.sum(source.octets, UInt32(transport) &+ UInt32(truncatingIfNeeded: count)))
    }
}
