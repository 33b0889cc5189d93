package import LabModel

/// An Ethernet frame's header, `{ to: 6, from: 6, type: u16 }`, and what follows it.
package struct EthernetFrame: Sendable {
    package let destination: MACAddress
    package let source: MACAddress
    package let type: UInt16
    package let payload: ArraySlice<UInt8>

    package static let ipv4: UInt16 = 0x0800
    package static let arp: UInt16 = 0x0806
    package static let ipv6: UInt16 = 0x86DD

    package init?(_ bytes: [UInt8]) {
        var reader = PacketReader(bytes)
        guard let destination = reader.mac(), let source = reader.mac(), let type = reader.word() else { return nil }
        self.destination = destination
        self.source = source
        self.type = type
        payload = reader.rest
    }
}
