/// A DHCP message (RFC 2131, 2; options by RFC 2132).
///
///      0 operation, 1, 6, hops       4 transaction    8 seconds (2), flags (2)   12 client's address   16 your address
///     20 next server   24 relay     28 hardware (16)  44 server (64)            108 file (128)
///    236 63825363     240 options: code, length, value ...; 0 pads, 255 ends
struct LeaseMessage {
    var kind: Kind
    var address = IPv4Address.none
    var server: IPv4Address?
    var prefix: UInt32 = 24
    var gateway: IPv4Address?
    var nameServer: IPv4Address?
    var domain: [UInt8] = []
    /// Seconds.
    var duration: UInt32 = 3600
    var renewal: UInt32?
    var rebinding: UInt32?

    enum Kind: UInt8 {
        case discover = 1
        case offer = 2
        case request = 3
        case decline = 4
        case acknowledgement = 5
        case refusal = 6
        case release = 7
    }

    private enum Code {
        static let mask: UInt8 = 1
        static let router: UInt8 = 3
        static let nameServer: UInt8 = 6
        static let domain: UInt8 = 15
        static let requestedAddress: UInt8 = 50
        static let duration: UInt8 = 51
        static let overload: UInt8 = 52
        static let kind: UInt8 = 53
        static let server: UInt8 = 54
        static let wishes: UInt8 = 55
        static let renewal: UInt8 = 58
        static let rebinding: UInt8 = 59
        static let end: UInt8 = 255
    }

    /// The smallest that old relays take.
    static let size = 300
    private static let optionsOffset = 240
    private static let cookie: UInt32 = 0x6382_5363
    private static let request: UInt8 = 1
    private static let reply: UInt8 = 2
    private static let longestDomain = 253

    // MARK: In

    /// Reads an answer to our own question; `nil` if it is none.
    init?(_ packet: Packet, transaction: UInt32, hardware: MACAddress) {
        guard packet.count >= Self.optionsOffset, packet.byte(0) == Self.reply, packet.byte(1) == 1, packet.byte(2) == 6 else { return nil }
        guard packet.long(4) == transaction, packet.hardwareAddress(28) == hardware, packet.long(236) == Self.cookie else { return nil }
        kind = .discover
        address = packet.address4(16)
        var overload: UInt8 = 0
        var seen: UInt8 = 0
        read(packet.from(Self.optionsOffset), &overload, &seen)
        // The fields for file and server may hold more of them; what stands there about more such fields is not followed.
        var ignored: UInt8 = 0
        if overload & 1 != 0 { read(packet.from(108, length: 128), &ignored, &seen) }
        if overload & 2 != 0 { read(packet.from(44, length: 64), &ignored, &seen) }
        guard let kind = Kind(rawValue: seen), kind == .offer || kind == .acknowledgement || kind == .refusal else { return nil }
        self.kind = kind
    }

    private mutating func read(_ options: Packet, _ overload: inout UInt8, _ seen: inout UInt8) {
        var offset = 0
        while offset < options.count {
            let code = options.byte(offset)
            offset += 1
            if code == 0 { continue }
            if code == Code.end { return }
            let length = Int(options.byte(offset))
            offset += 1
            let value = options.from(offset, length: length)
            guard value.count == length else { return }
            offset += length
            switch code {
            case Code.mask where length == 4: prefix = UInt32((~value.long(0)).leadingZeroBitCount)
            case Code.router where length >= 4: gateway = value.address4(0)
            case Code.nameServer where length >= 4: nameServer = value.address4(0)
            case Code.domain: domain = value.bytes(0, min(length, Self.longestDomain)).filter { (0x21...0x7E).contains($0) }
            case Code.duration where length == 4: duration = value.long(0)
            case Code.overload where length == 1: overload = value.byte(0)
            case Code.kind where length == 1: seen = value.byte(0)
            case Code.server where length == 4: server = value.address4(0)
            case Code.renewal where length == 4: renewal = value.long(0)
            case Code.rebinding where length == 4: rebinding = value.long(0)
            default: continue
            }
        }
    }

    // MARK: Out

    /// What a client says beside the kind of its message.
    struct Wish {
        var transaction: UInt32
        var seconds: UInt16
        /// The address that it has.
        var current = IPv4Address.none
        /// The address that it would like.
        var requested: IPv4Address?
        var server: IPv4Address?
    }

    static func write(_ kind: Kind, _ wish: Wish, hardware: MACAddress, to packet: Packet) {
        packet.clear(0, size)
        packet.put(UInt32(request) << 24 | 0x01_0600, at: 0)
        packet.put(wish.transaction, at: 4)
        packet.put(wish.seconds, at: 8)
        packet.put(wish.current, at: 12)
        packet.put(hardware, at: 28)
        packet.put(cookie, at: 236)
        var offset = optionsOffset
        func put(_ code: UInt8, _ value: [UInt8]) {
            packet.put([code, UInt8(truncatingIfNeeded: value.count)] + value, at: offset)
            offset += 2 + value.count
        }
        func put(_ code: UInt8, _ address: IPv4Address) {
            put(code, [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: address.bits >> ($0 as UInt32)) })
        }
        put(Code.kind, [kind.rawValue])
        if let requested = wish.requested { put(Code.requestedAddress, requested) }
        if let server = wish.server { put(Code.server, server) }
        put(Code.wishes, [Code.mask, Code.router, Code.nameServer, Code.domain, Code.duration, Code.renewal, Code.rebinding])
        packet.put(Code.end, at: offset)
    }
}
