internal import LabModel

/// Who may speak for which address of a network: what a lab gives to a machine, or to the gateway, is nobody else's.
///
/// It looks at the words of ARP (RFC 826) and of neighbour discovery (RFC 4861). The latter may stand behind any number of other
/// headers, whose purpose is then to hide it (RFC 7113), and so may both behind tags of priority alone.
struct Neighbors: Sendable {
    private let gateway: IPv4Address
    private let gateway6: [IPv6Address]
    private let ports4: [IPv4Address: Int]
    private let ports6: [IPv6Address: Int]
    /// The machine that is the way out. Nobody else says that it is a router.
    private let router: Int?

    init(_ settings: BridgeSettings, network: NetworkIndex) {
        let own = settings[network]
        gateway = own.gateway
        gateway6 = [own.gateway6, own.linkLocal6]
        var ports4: [IPv4Address: Int] = [:]
        var ports6: [IPv6Address: Int] = [:]
        for port in settings.ports(of: network) {
            let facts = settings[port]
            ports4[facts.address] = port.number
            for prefix in [own.prefix6, IPv6Address.linkLocalPrefix] { ports6[IPv6Address(prefix: prefix, facts.mac)] = port.number }
        }
        self.ports4 = ports4
        self.ports6 = ports6
        router = own.router.flatMap { ports4[$0] }
    }

    private func isForeign(_ address: IPv4Address, to port: Int) -> Bool {
        address == gateway || ports4[address].map { $0 != port } ?? false
    }

    private func isForeign(_ address: IPv6Address, to port: Int) -> Bool {
        gateway6.contains(address) || ports6[address].map { $0 != port } ?? false
    }

    // MARK: Frames

    /// The longest chain of headers that is followed; more is nothing that anybody sends.
    private static let headerLimit = 16
    private static let arpCount = 28
    private static let headerCount6 = 40

    /// Why a frame may not go on; nil if it may.
    /// - Parameters:
    ///   - frame: where it stands, from its destination on; at least 14 bytes.
    ///   - port: by which it came.
    func refusal(_ bytes: Span<UInt8>, _ frame: Range<Int>, from port: Int) -> DropReason? {
        var type = bytes.word(at: frame.lowerBound + 12)
        var start = frame.lowerBound + 14
        while type == FrameHead.tagType || type == FrameHead.serviceTagType {
            // Another VLAN is another network, in which nothing is ours.
            guard start + 4 <= frame.upperBound, bytes.word(at: start) & VLANTag.idMask == 0 else { return nil }
            type = bytes.word(at: start + 2)
            start += 4
        }
        switch type {
        case FrameHead.arpType:
            guard start + Self.arpCount <= frame.upperBound else { return nil }
            return isForeign(bytes.ipv4(at: start + 14), to: port) ? .spoof : nil
        case FrameHead.ipv6Type:
            guard start + Self.headerCount6 <= frame.upperBound else { return nil }
            return discoveryRefusal(bytes, start..<frame.upperBound, port)
        default: return nil
        }
    }

    private enum Header {
        static let hopByHop: UInt8 = 0
        static let routing: UInt8 = 43
        static let fragment: UInt8 = 44
        static let authentication: UInt8 = 51
        static let icmp6: UInt8 = 58
        static let destination: UInt8 = 60
    }

    /// Finds the message behind all headers.
    private func discoveryRefusal(_ bytes: Span<UInt8>, _ packet: Range<Int>, _ port: Int) -> DropReason? {
        var next = bytes[packet.lowerBound + 6]
        var at = packet.lowerBound + Self.headerCount6
        var isFragment = false
        for _ in 0..<Self.headerLimit {
            if next == Header.icmp6 {
                // What is cut short nobody can read, unless the rest comes in another fragment.
                guard at + 4 <= packet.upperBound else { return isFragment ? .malformed : nil }
                return refusal(of: bytes, message: at..<packet.upperBound, source: bytes.ipv6(at: packet.lowerBound + 8), isFragment, port)
            }
            guard [Header.hopByHop, Header.routing, Header.fragment, Header.authentication, Header.destination].contains(next) else {
                return nil
            }
            guard at + 8 <= packet.upperBound else { return isFragment ? .malformed : nil }
            let count: Int
            switch next {
            case Header.fragment:
                // Only the first one has the headers.
                if bytes.word(at: at + 2) >> 3 != 0 { return nil }
                isFragment = true
                count = 8
            case Header.authentication: count = 4 * (Int(bytes[at + 1]) + 2)
            default: count = 8 * (Int(bytes[at + 1]) + 1)
            }
            next = bytes[at]
            at += count
        }
        return .malformed
    }

    private enum Message {
        static let routerAdvertisement = ICMPMessage.V6.routerAdvertisement
        static let neighborSolicitation = ICMPMessage.V6.neighborSolicitation
        static let neighborAdvertisement = ICMPMessage.V6.neighborAdvertisement
        static let redirect: UInt8 = 137
        static let all = ICMPMessage.V6.routerSolicitation...redirect
    }

    private func refusal(of bytes: Span<UInt8>, message: Range<Int>, source: IPv6Address, _ isFragment: Bool, _ port: Int) -> DropReason? {
        let type = bytes[message.lowerBound]
        guard Message.all.contains(type) else { return nil }
        // Hosts have to ignore such (RFC 6980, 5); not all do.
        if isFragment { return .malformed }
        if isForeign(source, to: port) { return .spoof }
        switch type {
        case Message.routerAdvertisement, Message.redirect: return port == router ? nil : .rogueRouter
        case Message.neighborAdvertisement, Message.neighborSolicitation:
            // { type: u8, code: u8, sum: u16, flags: u32, target: 16 }
            guard message.count >= 24 else { return nil }
            let target = bytes.ipv6(at: message.lowerBound + 8)
            if type == Message.neighborAdvertisement { return isForeign(target, to: port) ? .spoof : nil }
            // Who asks from no address wants it for itself; the gateway answers that in person.
            return source.isUnspecified && ports6[target].map { $0 != port } ?? false ? .spoof : nil
        default: return nil
        }
    }
}

extension IPv6Address {
    fileprivate var isUnspecified: Bool { high == 0 && low == 0 }
}

/// Numbers at places that are known to be there.
extension Span<UInt8> {
    fileprivate func word(at offset: Int) -> UInt16 { UInt16(self[offset]) << 8 | UInt16(self[offset + 1]) }

    fileprivate func ipv4(at offset: Int) -> IPv4Address {
        IPv4Address(UInt32(word(at: offset)) << 16 | UInt32(word(at: offset + 2)))
    }

    fileprivate func ipv6(at offset: Int) -> IPv6Address {
        func half(_ offset: Int) -> UInt64 { (0..<8).reduce(0) { $0 << 8 | UInt64(self[offset + $1]) } }
        return IPv6Address(high: half(offset), low: half(offset + 8))
    }
}
