package import LabModel

/// Who has an address, and the answer (RFC 826).
///
///     { hardware: u16 = 1, protocol: u16 = 0x0800, 6: u8, 4: u8, operation: u16, sender: 6 + 4, target: 6 + 4 }
package struct ARPPacket: Sendable {
    package enum Operation: UInt16, Sendable { case request = 1, reply }

    package var operation: Operation
    package var senderMAC: MACAddress
    package var sender: IPv4Address
    package var target: IPv4Address

    package init?(_ bytes: ArraySlice<UInt8>) {
        var reader = PacketReader(bytes)
        guard reader.word() == 1, reader.word() == EthernetFrame.ipv4, reader.byte() == 6, reader.byte() == 4,
            let operation = reader.word().flatMap({ Operation(rawValue: $0) }), let senderMAC = reader.mac(), let sender = reader.ipv4(),
            reader.mac() != nil, let target = reader.ipv4()
        else { return nil }
        self.operation = operation
        self.senderMAC = senderMAC
        self.sender = sender
        self.target = target
    }

    /// The frame in which the owner of an address says so to who asked.
    static func reply(from owner: MACAddress, _ address: IPv4Address, to asker: MACAddress, _ askerAddress: IPv4Address) -> [UInt8] {
        var bytes = asker.octets + owner.octets
        for word in [EthernetFrame.arp, 1, EthernetFrame.ipv4, 0x0604, Operation.reply.rawValue] { bytes.append(word: word) }
        return bytes + owner.octets + address.octets + asker.octets + askerAddress.octets
    }
}
