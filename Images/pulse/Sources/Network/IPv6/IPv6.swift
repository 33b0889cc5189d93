/// IPv6 (RFC 8200) without extension headers, for what ICMPv6 (RFC 4443) needs: being found and answering echoes.
///
///     0 version, class, flow   4 payload length (2), next header, hops left   8 source (16)   24 target (16)
///     ICMPv6: type, code, checksum (2) | ...
extension Interface {
    static let longHeaderSize = 40
    private static let icmp6: UInt8 = 58
    private static let echo: UInt8 = 128
    private static let echoReply: UInt8 = 129

    /// What came, for those who answer.
    struct LongArrival {
        let source: IPv6Address
        let target: IPv6Address
        let hardware: MACAddress
        let hops: UInt8
    }

    func receiveIPv6(_ packet: Packet, from sender: MACAddress, _ isChecked: Bool) {
        let length = Int(packet.word(4))
        guard packet.byte(0) >> 4 == 6, Self.longHeaderSize + length <= packet.count else {
            counters.malformed &+= 1
            return
        }
        let target = packet.address6(24)
        guard let host = host6, packet.byte(6) == Self.icmp6, host.listens(to: target) else {
            counters.ignored &+= 1
            return
        }
        let arrival = LongArrival(source: packet.address6(8), target: target, hardware: sender, hops: packet.byte(7))
        let message = packet.from(Self.longHeaderSize, length: length)
        guard message.count >= 8, isChecked || sum(message, from: arrival.source, to: target).value == 0 else {
            counters.malformed &+= 1
            return
        }
        switch message.byte(0) {
        case Self.echo: answer(message, arrival, host)
        case let type where NeighbourMessage.types.contains(type): receiveNeighbour(message, arrival, host)
        default: counters.ignored &+= 1
        }
    }

    private func answer(_ echo: Packet, _ arrival: LongArrival, _ host: Host6) {
        guard arrival.source != .none, !arrival.source.isGroup else { return }
        let source = arrival.target.isGroup ? host.source(towards: arrival.source) : arrival.target
        sendICMP6(from: source, to: arrival.source, at: arrival.hardware, type: Self.echoReply, count: echo.count) { packet in
            packet.put(echo.from(4), at: 4)
        }
    }

    private func sum(_ message: Packet, from source: IPv6Address, to target: IPv6Address) -> InternetChecksum {
        var sum = InternetChecksum()
        sum.add(source)
        sum.add(target)
        sum.add(UInt32(truncatingIfNeeded: message.count))
        sum.add(UInt16(Self.icmp6))
        sum.add(message)
        return sum
    }

    /// Sends a message of `count` bytes whose part behind the first four `fill` writes.
    func sendICMP6(
        from source: IPv6Address, to target: IPv6Address, at hardware: MACAddress, type: UInt8, count: Int, _ fill: (Packet) -> Void
    ) {
        send(to: hardware, type: EtherType.ipv6, count: Self.longHeaderSize + count) { packet in
            packet.put(0x6000_0000 as UInt32, at: 0)
            packet.put(UInt16(truncatingIfNeeded: count), at: 4)
            packet.put(UInt16(Self.icmp6) << 8 | 255, at: 6)
            packet.put(source, at: 8)
            packet.put(target, at: 24)
            let message = packet.from(Self.longHeaderSize)
            message.put(UInt32(type) << 24, at: 0)
            fill(message)
            message.put(sum(message, from: source, to: target).value, at: 2)
        }
    }
}
