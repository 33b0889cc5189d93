import CPU

/// All interfaces, and who waits for an answer through them.
final class Network {
    let timer: Timer
    private(set) var interfaces: [Interface] = []
    /// The echoes under way.
    var ping: Ping?
    /// The name being asked for.
    var query: NameQuery?
    /// What happened, for the console.
    private var news: [Text] = []
    private var randomness: Randomness

    private static let mostNews = 64

    init(timer: Timer) {
        self.timer = timer
        randomness = Randomness(seed: read_tsc())
    }

    /// Adds a card, in the order of the bus, or takes up again one that was begun anew.
    func add(_ device: NetworkDevice, setting: Options.Network) {
        for interface in interfaces where interface.device.transport.function == device.transport.function {
            return interface.use(device)
        }
        let interface = Interface(number: interfaces.count, device: device, network: self)
        randomness = Randomness(seed: randomness.next() ^ device.address.bits)
        interfaces.append(interface)
        if case .off = setting { return }
        interface.host6 = Host6(device.address, now: timer.now)
        switch setting {
        case .off: break
        case .lease: interface.lease = LeaseClient(now: timer.now)
        case .fixed(let address, let gateway, let nameServer):
            interface.address = address
            interface.gateway = gateway
            interface.nameServer = nameServer
            interface.announce()
        }
    }

    // MARK: Turns

    /// Handles what came and what is due; whether that was anything.
    func serve() -> Bool {
        var wasBusy = false
        for interface in interfaces {
            if interface.receive() { wasBusy = true }
            if interface.noticeLink() {
                let state: StaticString = interface.isLinkUp ? "up" : "down"
                tell("pulse: net\(interface.number) link \(state)")
                if interface.isLinkUp { begin(interface) }
                wasBusy = true
            }
            interface.lease?.serve(interface, now: timer.now)
            interface.serve6(now: timer.now)
        }
        return wasBusy || !news.isEmpty
    }

    /// A cable was plugged in: neighbours may be others now, and so may be who leases.
    private func begin(_ interface: Interface) {
        interface.neighbours.forgetAll()
        interface.announce()
        interface.lease?.verify(interface, now: timer.now)
        interface.host6?.askAgain(now: timer.now)
    }

    /// When something is due next.
    var deadline: UInt64? {
        var earliest: UInt64?
        for interface in interfaces {
            for due in [interface.lease?.deadline, interface.isLinkUp ? interface.host6?.deadline : nil] {
                if let due { earliest = min(earliest ?? due, due) }
            }
        }
        return earliest
    }

    /// Whether every interface that could have an address has one.
    var isReady: Bool {
        interfaces.allSatisfy { $0.lease == nil || $0.address != nil || !$0.isLinkUp }
    }

    func tell(_ text: Text) {
        if news.count < Self.mostNews { news.append(text) }
    }

    func takeNews() -> [Text] {
        if news.isEmpty { return [] }
        defer { news = [] }
        return news
    }

    // MARK: Ways

    /// Which interface a packet leaves by, and whom it goes to first.
    func route(to target: IPv4Address) -> (interface: Interface, next: IPv4Address)? {
        for interface in interfaces {
            if let address = interface.address, address.holds(target) || target == .broadcast { return (interface, target) }
        }
        for interface in interfaces {
            if interface.address != nil, let gateway = interface.gateway { return (interface, gateway) }
        }
        return nil
    }

    /// Both ends of a packet to `target`; `nil` while its neighbour is being asked for.
    func hop(to target: IPv4Address) throws(Fault) -> (interface: Interface, hop: Interface.Hop)? {
        guard let (interface, next) = route(to: target), let own = interface.address?.address else { throw .noRoute }
        guard let hardware = interface.resolve(next) else { return nil }
        return (interface, Interface.Hop(source: own, target: target, hardware: hardware))
    }

    /// Numbers that two machines started at once do not share.
    func random() -> UInt64 { randomness.next() }
}
