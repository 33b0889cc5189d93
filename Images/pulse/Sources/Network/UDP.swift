/// Datagrams (RFC 768), and the echo at port 7 (RFC 862).
///
///     source port (2), target port (2), length (2), checksum (2) | data
extension Interface {
    static let datagramHeaderSize = 8

    enum Port {
        static let echo: UInt16 = 7
        static let discard: UInt16 = 9
        static let names: UInt16 = 53
        static let leaseServer: UInt16 = 67
        static let leaseClient: UInt16 = 68
    }

    func receiveUDP(_ packet: Packet, _ arrival: Arrival) {
        let length = Int(packet.word(4))
        guard length >= Self.datagramHeaderSize, length <= packet.count, isRight(packet.from(0, length: length), arrival) else {
            counters.malformed &+= 1
            return
        }
        let data = packet.from(Self.datagramHeaderSize, length: length - Self.datagramHeaderSize)
        let source = packet.word(0)
        switch packet.word(2) {
        case Port.leaseClient where source == Port.leaseServer: lease?.receive(data, on: self)
        case _ where address == nil: counters.ignored &+= 1
        case Port.echo: echo(data, to: source, arrival)
        case Port.discard: break
        case let port:
            if let query = network.query, query.port == port, source == Port.names {
                query.receive(data, from: arrival.source)
            } else {
                counters.ignored &+= 1
                refuse(packet, arrival)
            }
        }
    }

    /// A checksum of zero is none.
    private func isRight(_ datagram: Packet, _ arrival: Arrival) -> Bool {
        if arrival.isChecked || datagram.word(6) == 0 { return true }
        var sum = pseudoHeader(arrival.source, arrival.target, count: datagram.count)
        sum.add(datagram)
        return sum.value == 0
    }

    private func pseudoHeader(_ source: IPv4Address, _ target: IPv4Address, count: Int) -> InternetChecksum {
        var sum = InternetChecksum()
        sum.add(source)
        sum.add(target)
        sum.add(UInt16(TransportProtocol.udp))
        sum.add(UInt16(truncatingIfNeeded: count))
        return sum
    }

    /// Never to another echo: the two would talk for ever.
    private func echo(_ data: Packet, to port: UInt16, _ arrival: Arrival) {
        guard let own = address?.address, !arrival.isForAll, port != Port.echo, !arrival.source.isGroup else { return }
        let hop = Hop(source: own, target: arrival.source, hardware: arrival.hardware)
        send(hop, from: Port.echo, to: port, count: data.count) { $0.put(data, at: 0) }
    }

    /// Sends a datagram of `count` bytes of data, which `fill` writes. Whoever negotiated it leaves the sum over data to the device.
    @discardableResult
    func send(
        _ hop: Hop, from source: UInt16, to target: UInt16, count: Int, isLast: Bool = true, _ fill: (Packet) -> Void
    ) -> Bool {
        let length = Self.datagramHeaderSize + count
        let leavesOpen = device.transport.has(NetworkDevice.Feature.checksum)
        let start = Self.headerSize + Self.packetHeaderSize
        let open = leavesOpen ? NetworkDevice.OpenChecksum(start: start, offset: 6) : nil
        return send(hop, protocol: TransportProtocol.udp, count: length, open: open, isLast: isLast) { packet in
            packet.put(source, at: 0)
            packet.put(target, at: 2)
            packet.put(UInt16(truncatingIfNeeded: length), at: 4)
            packet.put(0 as UInt16, at: 6)
            fill(packet.from(Self.datagramHeaderSize))
            var sum = pseudoHeader(hop.source, hop.target, count: length)
            if !leavesOpen { sum.add(packet) }
            let value = leavesOpen ? sum.folded : sum.value
            packet.put(value == 0 ? 0xFFFF : value, at: 6)
        }
    }
}
