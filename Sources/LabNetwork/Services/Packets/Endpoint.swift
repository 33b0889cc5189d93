package import LabModel
internal import PortStream

/// Somebody on a link: the addresses that stand in a frame.
package struct Endpoint: Hashable, Sendable {
    package var mac: MACAddress
    package var ip: IPAddress

    package init(mac: MACAddress, ip: IPAddress) {
        self.mac = mac
        self.ip = ip
    }

    /// What hosts send with.
    static let usualHopLimit: UInt8 = 64

    /// A whole frame to another, of the same version: Ethernet header, IP header, the payload as it is.
    func frame(to other: Endpoint, transport: UInt8, hopLimit: UInt8 = usualHopLimit, payload: [UInt8]) -> [UInt8] {
        var bytes = other.mac.octets + mac.octets
        switch ip {
        case .v4:
            bytes.append(word: EthernetFrame.ipv4)
            var header: [UInt8] = [0x45, 0]
            header.append(word: UInt16(truncatingIfNeeded: 20 + payload.count))
            // No identification, for nobody may cut it (RFC 6864).
            header += [0, 0, 0x40, 0, hopLimit, transport, 0, 0]
            header += ip.octets + other.ip.octets
            InternetChecksum.store(~InternetChecksum.fold(InternetChecksum.sum(header)), in: &header, at: 10)
            bytes += header
        case .v6:
            bytes.append(word: EthernetFrame.ipv6)
            bytes.append(long: 6 << 28)
            bytes.append(word: UInt16(truncatingIfNeeded: payload.count))
            bytes += [transport, hopLimit]
            bytes += ip.octets + other.ip.octets
        }
        return bytes + payload
    }

    /// A frame whose payload carries a checksum at an offset, zero so far.
    func frame(to other: Endpoint, transport: UInt8, hopLimit: UInt8 = usualHopLimit, payload: [UInt8], checksumAt offset: Int) -> [UInt8] {
        let pseudo = transport == IPPacket.Transport.icmp ? 0 : IPPacket.pseudoSum(ip, other.ip, transport, payload.count)
        var payload = payload
        let sum = ~InternetChecksum.fold(InternetChecksum.sum(payload, pseudo))
        InternetChecksum.store(sum == 0 && transport == IPPacket.Transport.udp ? 0xFFFF : sum, in: &payload, at: offset)
        return frame(to: other, transport: transport, hopLimit: hopLimit, payload: payload)
    }

    func datagram(to other: Endpoint, from port: UInt16, to otherPort: UInt16, _ content: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(word: port)
        bytes.append(word: otherPort)
        bytes.append(word: UInt16(truncatingIfNeeded: 8 + content.count))
        bytes += [0, 0]
        return frame(to: other, transport: IPPacket.Transport.udp, payload: bytes + content, checksumAt: 6)
    }
}

/// A UDP datagram, `{ from: u16, to: u16, count: u16, sum: u16 }`, its length and sum checked.
package struct Datagram: Sendable {
    package let sourcePort: UInt16
    package let destinationPort: UInt16
    package let content: ArraySlice<UInt8>

    package init?(_ packet: IPPacket) {
        var reader = PacketReader(packet.payload)
        guard packet.transport == IPPacket.Transport.udp, !packet.isFragment, let source = reader.word(), let destination = reader.word(),
            let count = reader.word(), let sum = reader.word(), count >= 8, let content = reader.take(Int(count) - 8)
        else { return nil }
        if sum == 0 {
            // No sum at all: version 4 only.
            guard case .v4 = packet.source else { return nil }
        } else {
            let pseudo = IPPacket.pseudoSum(packet.source, packet.destination, packet.transport, Int(count))
            guard InternetChecksum.fold(InternetChecksum.sum(packet.payload.prefix(Int(count)), pseudo)) == 0xFFFF else { return nil }
        }
        sourcePort = source
        destinationPort = destination
        self.content = content
    }
}
