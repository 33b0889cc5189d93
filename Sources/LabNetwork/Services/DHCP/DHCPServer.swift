package import LabModel

/// Gives the machines of one network the addresses that the lab has for them, and strangers one of the rest (RFC 2131).
///
/// It speaks with authority: nobody else gives addresses here, so it refuses at once what cannot be, and grants a stranger the
/// address that it remembers from before this process was started, if that is free.
package struct DHCPServer: Sendable {
    package enum Event: Hashable, Sendable {
        case leased(MACAddress, IPv4Address)
        case exhausted(MACAddress)
    }

    /// What a message leads to: at most one answer, at most one event.
    package struct Outcome: Sendable {
        package var answer: Answer?
        package var event: Event?
    }

    package struct Answer: Sendable {
        package var content: [UInt8]
        package var address: IPv4Address
        package var mac: MACAddress
        package var port: UInt16
    }

    package static let serverPort: UInt16 = 67
    package static let clientPort: UInt16 = 68

    /// Seconds that a machine of the lab has its address for: it is its own in any case.
    private static let machineTime: UInt32 = 86_400
    /// Seconds that a stranger has one for, and what it may ask for instead.
    private static let strangerTime: UInt32 = 3_600
    private static let strangerTimes: ClosedRange<UInt32> = 60...86_400
    /// Seconds that an offer is held for.
    private static let offerTime: UInt32 = 60

    private let settings: BridgeSettings
    private let network: NetworkSettings
    /// The machines of the lab by their cards on this network.
    private var portOfCard: [MACAddress: PortIndex] = [:]
    private var pool: LeasePool
    /// Machines that have been acknowledged their address, so that a renewal is no news.
    private var told: Set<PortIndex> = []

    package init(_ settings: BridgeSettings, network: NetworkIndex) {
        self.settings = settings
        self.network = settings[network]
        var taken: Set<IPv4Address> = [self.network.gateway]
        if let router = self.network.router { taken.insert(router) }
        for port in settings.ports(of: network) {
            portOfCard[settings[port].mac] = port
            taken.insert(settings[port].address)
        }
        pool = LeasePool(self.network.subnet, without: taken)
    }

    /// The machine at that port starts anew: its next lease is news again.
    package mutating func forget(_ port: PortIndex) { told.remove(port) }

    /// - Parameters:
    ///   - sender: of the frame.
    ///   - now: nanoseconds of a clock that never goes back.
    package mutating func receive(_ message: DHCPMessage, from port: PortIndex, sender: MACAddress, now: UInt64) -> Outcome {
        // A relay is answered if it stands on this network: its clients get addresses of this network.
        if message.relay.value != 0 {
            guard network.isMachine(message.relay) else { return Outcome() }
        }
        if let owner = portOfCard[message.hardware] {
            // Whoever takes another machine's name on its own wire gets nothing.
            guard owner == port, message.relay.value == 0 else { return Outcome() }
            return receive(message, ofMachineAt: port, sender: sender)
        }
        return receive(message, ofStrangerAt: port, sender: sender, now: now)
    }

    // MARK: - A machine of the lab

    private mutating func receive(_ message: DHCPMessage, ofMachineAt port: PortIndex, sender: MACAddress) -> Outcome {
        let own = settings[port].address
        switch message.kind {
        case .discover:
            return Outcome(answer: grant(message, .offer, own, Self.machineTime, settings[port], sender))
        case .request:
            if let server = message.server, server != network.gateway { return Outcome() }
            guard let address = asked(message) else { return Outcome() }
            guard address == own else { return Outcome(answer: refusal(message, sender)) }
            return Outcome(
                answer: grant(message, .acknowledge, address, Self.machineTime, settings[port], sender),
                event: told.insert(port).inserted ? .leased(message.hardware, address) : nil)
        case .inform:
            return Outcome(answer: information(message, settings[port], isOwn: true, sender))
        case .release, .decline:
            told.remove(port)
            return Outcome()
        case .offer, .acknowledge, .refuse:
            return Outcome()
        }
    }

    // MARK: - A stranger

    private mutating func receive(_ message: DHCPMessage, ofStrangerAt port: PortIndex, sender: MACAddress, now: UInt64) -> Outcome {
        let client = LeasePool.Client(port: port, name: message.clientIdentifier ?? message.hardware.octets)
        func end(_ seconds: UInt32) -> UInt64 { now &+ UInt64(seconds) &* 1_000_000_000 }
        switch message.kind {
        case .discover:
            guard let address = pool.hold(client, wish: message.requestedAddress, until: end(Self.offerTime), now: now) else {
                return Outcome(event: .exhausted(message.hardware))
            }
            return Outcome(answer: grant(message, .offer, address, time(message), settings[port], isOwn: false, sender))
        case .request:
            if let server = message.server, server != network.gateway { return Outcome() }
            guard let address = asked(message) else { return Outcome() }
            let isNews = message.clientAddress.value == 0
            let time = time(message)
            guard pool.take(address, client, until: end(time), now: now) else { return Outcome(answer: refusal(message, sender)) }
            return Outcome(
                answer: grant(message, .acknowledge, address, time, settings[port], isOwn: false, sender),
                event: isNews ? .leased(message.hardware, address) : nil)
        case .inform:
            return Outcome(answer: information(message, settings[port], isOwn: false, sender))
        case .release:
            pool.release(message.clientAddress, client, now: now)
        case .decline:
            if let address = message.requestedAddress { pool.decline(address, client, now: now) }
        case .offer, .acknowledge, .refuse:
            break
        }
        return Outcome()
    }

    // MARK: - Answers

    /// What a request is about: the offer it takes, the address it remembers, or the one it has.
    private func asked(_ message: DHCPMessage) -> IPv4Address? {
        message.requestedAddress ?? (message.clientAddress.value != 0 ? message.clientAddress : nil)
    }

    private func time(_ message: DHCPMessage) -> UInt32 {
        guard let wish = message.address(DHCPOption.leaseTime)?.value else { return Self.strangerTime }
        return min(max(wish, Self.strangerTimes.lowerBound), Self.strangerTimes.upperBound)
    }

    private func grant(
        _ message: DHCPMessage, _ kind: DHCPMessage.Kind, _ address: IPv4Address, _ seconds: UInt32, _ port: PortSettings,
        isOwn: Bool = true, _ sender: MACAddress
    ) -> Answer {
        var reply = DHCPReply(to: message, kind, address: address, server: network.gateway, mtu: network.mtu)
        reply.add(DHCPOption.leaseTime, seconds: seconds)
        describeNetwork(in: &reply, message, port, isOwn: isOwn)
        // What every client takes for granted (RFC 2131, 4.4.5): last, in case that there is no room.
        reply.add(DHCPOption.renewal, seconds: seconds / 2)
        reply.add(DHCPOption.rebinding, seconds: seconds / 8 &* 7)
        return addressed(reply, message, to: address, sender)
    }

    private func information(_ message: DHCPMessage, _ port: PortSettings, isOwn: Bool, _ sender: MACAddress) -> Answer? {
        guard network.isMachine(message.clientAddress) else { return nil }
        var reply = DHCPReply(to: message, .acknowledge, address: IPv4Address(0), server: network.gateway, mtu: network.mtu)
        describeNetwork(in: &reply, message, port, isOwn: isOwn)
        return addressed(reply, message, to: message.clientAddress, sender)
    }

    private func refusal(_ message: DHCPMessage, _ sender: MACAddress) -> Answer {
        var reply = DHCPReply(to: message, .refuse, address: IPv4Address(0), server: network.gateway, mtu: network.mtu)
        if let identifier = message.clientIdentifier { reply.add(DHCPOption.clientIdentifier, identifier) }
        return addressed(reply, message, to: nil, sender)
    }

    /// What a client asked for by name, or everything if it asked for nothing; the mask and its own identifier (RFC 6842) always.
    private func describeNetwork(in reply: inout DHCPReply, _ message: DHCPMessage, _ port: PortSettings, isOwn: Bool) {
        if let identifier = message.clientIdentifier { reply.add(DHCPOption.clientIdentifier, identifier) }
        reply.add(DHCPOption.subnetMask, IPv4Address(network.subnet.mask).octets)
        let wanted = message.options[DHCPOption.wanted]
        func add(_ code: UInt8, _ value: [UInt8]) {
            if wanted?.contains(code) ?? true { reply.add(code, value) }
        }
        if let router = network.router(for: port) { add(DHCPOption.router, router.octets) }
        add(DHCPOption.nameServer, network.gateway.octets)
        sayWhatToStart(in: &reply, message, port)
        add(DHCPOption.broadcast, network.subnet.broadcast.octets)
        if isOwn { add(DHCPOption.hostName, Array(port.name.machine.utf8)) }
        add(DHCPOption.domain, Array(network.domain.utf8))
        add(DHCPOption.mtu, [UInt8(truncatingIfNeeded: network.mtu >> 8), UInt8(truncatingIfNeeded: network.mtu)])
        // Only for those who ask by name.
        if wanted != nil {
            // `no-pxedhcp`: it need not wait two seconds for a second server that says what to boot, there is none.
            add(DHCPOption.ipxe, [176, 1, 1])
            // The same as the domain, and some clients put both down.
            add(DHCPOption.search, DNSName(network.domain)?.wire ?? [])
        }
    }

    /// What to boot, where the lab says so: in the fixed fields for everybody, in options for those who ask for these.
    private func sayWhatToStart(in reply: inout DHCPReply, _ message: DHCPMessage, _ port: PortSettings) {
        let boots = port.boots.isEmpty ? network.boots : port.boots
        guard let boot = boots.first(for: message.userClasses) else { return }
        if message.wantsHTTP {
            guard boot.isHTTP else { return }
            reply.add(DHCPOption.vendorClass, DHCPOption.httpClient)
        }
        let wanted = message.options[DHCPOption.wanted]
        let hasRoom = reply.start(boot.file, from: boot.server)
        if !hasRoom || wanted?.contains(DHCPOption.bootFile) ?? true { reply.add(DHCPOption.bootFile, boot.file) }
        if let server = boot.server, wanted?.contains(DHCPOption.bootServer) ?? true {
            reply.add(DHCPOption.bootServer, Array(server.description.utf8))
        }
    }

    /// RFC 2131, 4.1: to the relay, to the address the client has, to everybody if it says so, else to the address it is given.
    private func addressed(_ reply: DHCPReply, _ message: DHCPMessage, to given: IPv4Address?, _ sender: MACAddress) -> Answer {
        let content = reply.finished()
        let everybody = IPv4Address(.max)
        if message.relay.value != 0 {
            return Answer(content: content, address: message.relay, mac: sender, port: Self.serverPort)
        }
        guard let given else {
            return Answer(content: content, address: everybody, mac: .broadcast, port: Self.clientPort)
        }
        if message.clientAddress.value != 0 {
            return Answer(content: content, address: message.clientAddress, mac: message.hardware, port: Self.clientPort)
        }
        if message.wantsBroadcast {
            return Answer(content: content, address: everybody, mac: .broadcast, port: Self.clientPort)
        }
        return Answer(content: content, address: given, mac: message.hardware, port: Self.clientPort)
    }
}
