/// Address resolution (RFC 826).
///
///     1 (2), 0x0800 (2), 6, 4, operation (2), sender's hardware (6) and address (4), target's hardware (6) and address (4)
extension Interface {
    private static let packetSize = 28

    private enum Operation {
        static let request: UInt16 = 1
        static let reply: UInt16 = 2
    }

    func receiveARP(_ packet: Packet) {
        guard packet.count >= Self.packetSize, packet.long(0) == 0x0001_0800, packet.word(4) == 0x0604 else {
            counters.malformed &+= 1
            return
        }
        let sender = packet.hardwareAddress(8)
        let senderAddress = packet.address4(14)
        guard let own = address?.address, sender != hardware, !sender.isGroup else { return }
        let isForUs = packet.address4(24) == own
        if senderAddress != .none, senderAddress != own {
            neighbours.learn(senderAddress, at: sender, now: network.timer.now, isForUs: isForUs)
        }
        if isForUs, packet.word(6) == Operation.request {
            sendARP(Operation.reply, source: own, to: sender, about: senderAddress, at: sender)
        }
    }

    /// Where somebody on this link is; `nil` while that is being asked.
    func resolve(_ target: IPv4Address) -> MACAddress? {
        if target == .broadcast || target == address?.broadcast { return .broadcast }
        // RFC 1112, 6.4: the group's low 23 bits.
        if target.isGroup { return MACAddress(bits: 0x0100_5E00_0000 | UInt64(target.bits & 0x7F_FFFF)) }
        let found = neighbours.find(target, now: network.timer.now)
        if found.mustAsk, let own = address?.address {
            sendARP(Operation.request, source: own, to: .broadcast, about: target, at: MACAddress(bits: 0))
        }
        return found.hardware
    }

    /// Tells the whole link who we are.
    func announce() {
        guard let own = address?.address else { return }
        sendARP(Operation.request, source: own, to: .broadcast, about: own, at: MACAddress(bits: 0))
    }

    private func sendARP(
        _ operation: UInt16, source: IPv4Address, to target: MACAddress, about address: IPv4Address, at other: MACAddress
    ) {
        send(to: target, type: EtherType.arp, count: Self.packetSize) { packet in
            packet.put(0x0001_0800 as UInt32, at: 0)
            packet.put(0x0604 as UInt16, at: 4)
            packet.put(operation, at: 6)
            packet.put(hardware, at: 8)
            packet.put(source, at: 14)
            packet.put(other, at: 18)
            packet.put(address, at: 24)
        }
    }
}
