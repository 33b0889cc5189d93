/// Neighbours and routers (RFC 4861), addresses without a server (RFC 4862).
///
///     133 router solicitation      4 reserved | options
///     134 router advertisement     4 hops, flags, lifetime (2)   8 reachable, retransmission (4 each) | options
///     135 neighbour solicitation   8 target (16) | options
///     136 neighbour advertisement  4 flags       8 target (16) | options
///     option                       type, length in units of 8 bytes | ...
///     option 3, prefix             2 bits, flags   4 valid, preferred (4 each)   16 prefix (16)
enum NeighbourMessage {
    static let routerSolicitation: UInt8 = 133
    static let routerAdvertisement: UInt8 = 134
    static let solicitation: UInt8 = 135
    static let advertisement: UInt8 = 136
    static let types: ClosedRange<UInt8> = routerSolicitation...advertisement

    static let sourceOption: UInt16 = 0x0101
    static let targetOption: UInt16 = 0x0201
    static let prefixOption: UInt8 = 3
    static let autonomous: UInt8 = 0x40
    static let solicitedOverride: UInt32 = 0x6000_0000
    static let override: UInt32 = 0x2000_0000
    /// Nobody off the link can send that.
    static let hops: UInt8 = 255
}

/// What an interface is in IPv6: its own address on the link, and those that routers' prefixes give it.
struct Host6 {
    let linkLocal: IPv6Address
    private(set) var addresses: [(address: IPv6Address, end: UInt64)] = []
    /// Questions for routers still to be asked, and when the next one is due.
    private(set) var questionsLeft = 3
    private(set) var nextQuestion: UInt64

    private static let mostAddresses = 4
    /// Microseconds.
    private static let questionInterval: UInt64 = 4_000_000
    private static let second: UInt64 = 1_000_000

    init(_ hardware: MACAddress, now: UInt64) {
        linkLocal = .formed(prefix: IPv6Address.linkLocalPrefix, hardware)
        nextQuestion = now
    }

    var deadline: UInt64? { questionsLeft > 0 ? nextQuestion : nil }

    func has(_ address: IPv6Address) -> Bool { address == linkLocal || addresses.contains { $0.address == address } }

    func listens(to target: IPv6Address) -> Bool {
        if target == .allNodes || has(target) { return true }
        return target == linkLocal.solicited || addresses.contains { $0.address.solicited == target }
    }

    func source(towards target: IPv6Address) -> IPv6Address {
        target.high == linkLocal.high ? linkLocal : addresses.first?.address ?? linkLocal
    }

    mutating func noteQuestion(now: UInt64) {
        questionsLeft -= 1
        nextQuestion = now &+ Self.questionInterval
    }

    mutating func askAgain(now: UInt64) {
        questionsLeft = 3
        nextQuestion = now
    }

    /// A router spoke: nothing more to ask.
    mutating func noteRouter() { questionsLeft = 0 }

    /// Lets go of addresses whose time is over.
    mutating func expire(now: UInt64) {
        if addresses.contains(where: { $0.end <= now }) { addresses.removeAll { $0.end <= now } }
    }

    /// Takes an address for `seconds`, or lets it go where that is 0.
    mutating func take(_ address: IPv6Address, seconds: UInt32, now: UInt64) {
        expire(now: now)
        let end = now &+ UInt64(seconds) &* Self.second
        if let index = addresses.firstIndex(where: { $0.address == address }) {
            addresses[index].end = end
            if seconds == 0 { addresses.remove(at: index) }
        } else if seconds > 0, addresses.count < Self.mostAddresses {
            addresses.append((address, end))
        }
    }
}

extension Interface {
    func receiveNeighbour(_ message: Packet, _ arrival: LongArrival, _ host: Host6) {
        guard arrival.hops == NeighbourMessage.hops, message.byte(1) == 0 else {
            counters.malformed &+= 1
            return
        }
        switch message.byte(0) {
        case NeighbourMessage.solicitation: answerNeighbour(message.address6(8), arrival, host)
        case NeighbourMessage.routerAdvertisement where arrival.source.high == IPv6Address.linkLocalPrefix: receiveRouter(message)
        default: break
        }
    }

    /// Somebody looks for one of our addresses. Who has none himself yet wants it for his own, and all are told.
    private func answerNeighbour(_ target: IPv6Address, _ arrival: LongArrival, _ host: Host6) {
        guard host.has(target) else { return }
        let isAnonymous = arrival.source == .none
        let asker = isAnonymous ? IPv6Address.allNodes : arrival.source
        let place = isAnonymous ? asker.groupHardware : arrival.hardware
        sendICMP6(from: target, to: asker, at: place, type: NeighbourMessage.advertisement, count: 32) { message in
            message.put(isAnonymous ? NeighbourMessage.override : NeighbourMessage.solicitedOverride, at: 4)
            message.put(target, at: 8)
            message.put(NeighbourMessage.targetOption, at: 24)
            message.put(hardware, at: 26)
        }
    }

    private func receiveRouter(_ message: Packet) {
        host6?.noteRouter()
        var options = message.from(16)
        while options.count >= 8 {
            let length = Int(options.byte(1)) * 8
            guard length > 0, length <= options.count else { return }
            let isPrefix = options.byte(0) == NeighbourMessage.prefixOption && length == 32 && options.byte(2) == 64
            if isPrefix, options.byte(3) & NeighbourMessage.autonomous != 0 {
                takePrefix(options.address6(16).high, seconds: options.long(4))
            }
            options = options.from(length)
        }
    }

    private func takePrefix(_ prefix: UInt64, seconds: UInt32) {
        guard prefix != IPv6Address.linkLocalPrefix, prefix >> 56 != 0xFF else { return }
        let address = IPv6Address.formed(prefix: prefix, hardware)
        host6?.take(address, seconds: seconds, now: network.timer.now)
    }

    /// Asks for routers, if that is due.
    func serve6(now: UInt64) {
        host6?.expire(now: now)
        guard isLinkUp, let host = host6, let due = host.deadline, now >= due else { return }
        host6?.noteQuestion(now: now)
        let routers = IPv6Address.allRouters
        sendICMP6(
            from: host.linkLocal, to: routers, at: routers.groupHardware, type: NeighbourMessage.routerSolicitation, count: 16
        ) { message in
            message.put(0 as UInt32, at: 4)
            message.put(NeighbourMessage.sourceOption, at: 8)
            message.put(hardware, at: 10)
        }
    }
}
