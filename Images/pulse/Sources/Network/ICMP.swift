/// Echoes and errors (RFC 792).
///
///     type, code, checksum (2), identifier (2), sequence (2) | data, or the packet that an error is about
extension Interface {
    static let echoHeaderSize = 8

    private enum Message {
        static let echoReply: UInt8 = 0
        static let unreachable: UInt8 = 3
        static let echo: UInt8 = 8
        static let timeExceeded: UInt8 = 11
    }

    private static let portUnreachable: UInt8 = 3

    func receiveICMP(_ packet: Packet, _ arrival: Arrival) {
        guard packet.count >= Self.echoHeaderSize, arrival.isChecked || InternetChecksum.isRight(packet) else {
            counters.malformed &+= 1
            return
        }
        switch packet.byte(0) {
        case Message.echo: answer(packet, arrival)
        case Message.echoReply:
            network.ping?.receive(identifier: packet.word(4), sequence: packet.word(6), from: arrival.source, now: network.timer.now)
        case Message.unreachable, Message.timeExceeded: receiveError(packet, arrival)
        default: counters.ignored &+= 1
        }
    }

    private func answer(_ echo: Packet, _ arrival: Arrival) {
        guard let own = address?.address, !arrival.isForAll, !arrival.source.isGroup, arrival.source != .none else { return }
        let hop = Hop(source: own, target: arrival.source, hardware: arrival.hardware)
        send(hop, protocol: TransportProtocol.icmp, count: echo.count) { packet in
            packet.put(echo, at: 0)
            finish(packet, type: Message.echoReply, code: 0)
        }
    }

    /// An error about one of our echoes is its answer, too.
    private func receiveError(_ packet: Packet, _ arrival: Arrival) {
        let about = packet.from(Self.echoHeaderSize)
        let inner = about.from(Int(about.byte(0) & 15) * 4)
        guard about.byte(0) >> 4 == 4, about.byte(9) == TransportProtocol.icmp, inner.byte(0) == Message.echo else { return }
        network.ping?.receiveError(
            type: packet.byte(0), code: packet.byte(1), identifier: inner.word(4), sequence: inner.word(6), from: arrival.source)
    }

    /// Sends an echo with `count` bytes of data; false if that was not possible now.
    func sendEcho(_ hop: Hop, identifier: UInt16, sequence: UInt16, count: Int) -> Bool {
        send(hop, protocol: TransportProtocol.icmp, count: Self.echoHeaderSize + count) { packet in
            packet.put(identifier, at: 4)
            packet.put(sequence, at: 6)
            packet.from(Self.echoHeaderSize).number()
            finish(packet, type: Message.echo, code: 0)
        }
    }

    /// Nobody listens at that port: says so with the packet's header and its first eight bytes.
    func refuse(_ datagram: Packet, _ arrival: Arrival) {
        guard let own = address?.address, !arrival.isForAll, arrival.target == own, !arrival.source.isGroup else { return }
        let about = Packet(address: datagram.address &- UInt64(Self.packetHeaderSize), count: Self.packetHeaderSize + 8)
        let hop = Hop(source: own, target: arrival.source, hardware: arrival.hardware)
        send(hop, protocol: TransportProtocol.icmp, count: Self.echoHeaderSize + about.count) { packet in
            packet.put(0 as UInt32, at: 4)
            packet.put(about, at: Self.echoHeaderSize)
            finish(packet, type: Message.unreachable, code: Self.portUnreachable)
        }
    }

    private func finish(_ packet: Packet, type: UInt8, code: UInt8) {
        packet.put(UInt16(type) << 8 | UInt16(code), at: 0)
        packet.put(0 as UInt16, at: 2)
        packet.put(InternetChecksum.of(packet), at: 2)
    }
}
