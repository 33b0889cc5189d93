/// The Internet Protocol (RFC 791), without fragments and options.
///
///     0 version and header words, service   2 total length   4 identification   6 flags and fragment offset
///     8 hops left, protocol                10 checksum      12 source          16 destination
extension Interface {
    static let packetHeaderSize = 20
    private static let hops: UInt8 = 64
    private static let fragmentMask: UInt16 = 0x3FFF

    enum TransportProtocol {
        static let icmp: UInt8 = 1
        static let udp: UInt8 = 17
    }

    /// What came, for those who answer.
    struct Arrival {
        let source: IPv4Address
        let target: IPv4Address
        let hardware: MACAddress
        /// It went to more than us: errors and echoes are no answer to that.
        let isForAll: Bool
        let isChecked: Bool
    }

    /// Both ends of a packet to be sent.
    struct Hop {
        var source: IPv4Address
        var target: IPv4Address
        var hardware: MACAddress
    }

    func receiveIPv4(_ packet: Packet, from sender: MACAddress, isForAll: Bool, _ isChecked: Bool) {
        let headerSize = Int(packet.byte(0) & 15) * 4
        let total = Int(packet.word(2))
        let isSound = packet.byte(0) >> 4 == 4 && headerSize >= Self.packetHeaderSize && total >= headerSize && total <= packet.count
        guard isSound, InternetChecksum.isRight(packet.from(0, length: headerSize)) else {
            counters.malformed &+= 1
            return
        }
        let target = packet.address4(16)
        let isBroadcast = target == .broadcast || target == address?.broadcast
        // Who has no address yet takes what his card takes: that is how leases come.
        guard isBroadcast || address == nil || target == address?.address, packet.word(6) & Self.fragmentMask == 0 else {
            counters.ignored &+= 1
            return
        }
        let arrival = Arrival(
            source: packet.address4(12), target: target, hardware: sender, isForAll: isForAll || isBroadcast, isChecked: isChecked)
        let payload = packet.from(headerSize, length: total - headerSize)
        switch packet.byte(9) {
        case TransportProtocol.icmp: receiveICMP(payload, arrival)
        case TransportProtocol.udp: receiveUDP(payload, arrival)
        default: counters.ignored &+= 1
        }
    }

    /// Sends a packet of `count` bytes of payload, which `fill` writes.
    @discardableResult
    func send(
        _ hop: Hop, protocol number: UInt8, count: Int, open: NetworkDevice.OpenChecksum? = nil, isLast: Bool = true,
        _ fill: (Packet) -> Void
    ) -> Bool {
        let total = Self.packetHeaderSize + count
        return send(to: hop.hardware, type: EtherType.ipv4, count: total, open: open, isLast: isLast) { packet in
            packet.put(0x4500 as UInt16, at: 0)
            packet.put(UInt16(truncatingIfNeeded: total), at: 2)
            packet.put(newIdentification(), at: 4)
            packet.put(0x4000 as UInt16, at: 6)
            packet.put(UInt16(Self.hops) << 8 | UInt16(number), at: 8)
            packet.put(0 as UInt16, at: 10)
            packet.put(hop.source, at: 12)
            packet.put(hop.target, at: 16)
            packet.put(InternetChecksum.of(packet.from(0, length: Self.packetHeaderSize)), at: 10)
            fill(packet.from(Self.packetHeaderSize))
        }
    }
}
