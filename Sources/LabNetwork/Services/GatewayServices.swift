internal import LabModel

/// The host at one network's gateway address: it answers for itself, gives addresses, knows names, and decides what may leave.
///
/// The switch offers every untagged frame that came in by a port and is sent to the gateway's Ethernet address, to everybody
/// or to a group: as a plain frame with complete checksums (large segments are cut before, each piece is offered by itself).
package struct GatewayServices: Sendable {
    /// What is to be sent and told; whoever calls in here empties it after each call.
    package var output = ServiceOutput()

    let settings: BridgeSettings
    let index: NetworkIndex
    let network: NetworkSettings
    let gateway: Endpoint
    var names: DNSResponder
    let policy: UplinkPolicy
    var dhcp: DHCPServer
    var streams = NameStreams()
    var relay = NameRelay()
    var published = PublishedFlows()
    var prober: Prober
    private var ports: [PortIndex: Port] = [:]
    private var exhaustedEvents = RateLimit(perSecond: 1, burst: 1)
    private var nextAdvertisement: UInt64?

    private struct Port: Sendable {
        var isUp = false
        var isUplinkUp = false
        /// A guest that asks without end costs no more than this: well above a flood of pings by hand.
        var answers = RateLimit(perSecond: 20_000, burst: 4_000)
        /// Reports of what went nowhere, as Linux has it.
        var reports = RateLimit(perSecond: 1_000, burst: 50)
        /// Finding an address may mean a look at all of them.
        var leases = RateLimit(perSecond: 2_000, burst: 1_000)
        var questions = RateLimit(perSecond: 10_000, burst: 4_000)
        var leaseEvents = RateLimit(perSecond: 10, burst: 100)
    }

    /// - Parameter index: which of the lab's networks it serves; names of all of them are served on each.
    package init(_ settings: BridgeSettings, network index: NetworkIndex) {
        self.settings = settings
        self.index = index
        network = settings[index]
        gateway = Endpoint(mac: network.mac, ip: .v4(network.gateway))
        names = DNSResponder(settings)
        policy = UplinkPolicy(settings, network: index)
        dhcp = DHCPServer(settings, network: index)
        prober = Prober(gateway: gateway)
        for port in settings.ports(of: index) { ports[port] = Port() }
    }

    /// - Parameters:
    ///   - frame: from the Ethernet header on, at least 14 bytes.
    ///   - now: nanoseconds of a monotonic clock.
    package mutating func receive(_ frame: [UInt8], from port: PortIndex, now: UInt64) -> ServiceVerdict {
        guard let frame = EthernetFrame(frame), ports[port] != nil else { return .consumed }
        let isToUs = frame.destination == network.mac
        let isOurs: ServiceVerdict?
        switch frame.type {
        case EthernetFrame.arp: isOurs = receiveARP(frame, port, now)
        case EthernetFrame.ipv4: isOurs = receiveIP(frame, port, now)
        case EthernetFrame.ipv6:
            noteAddress(frame, port)
            isOurs = receiveIP(frame, port, now)
        default: isOurs = nil
        }
        return isOurs ?? (isToUs ? .consumed : .notOurs)
    }

    /// A machine that asks whether its address is another's already (RFC 4862, 5.4), or sends from it, has it.
    private mutating func noteAddress(_ frame: EthernetFrame, _ port: PortIndex) {
        guard let packet = IPPacket(frame.payload, type: frame.type), case .v6(let source) = packet.source else { return }
        let own = IPv6Address(prefix: network.prefix6, settings[port].mac)
        if source == own { return names.note(own) }
        guard packet.source.isUnspecified, packet.transport == IPPacket.Transport.icmp6, let message = ICMPMessage(packet),
            message.type == ICMPMessage.V6.neighborSolicitation
        else { return }
        // Four unused bytes, then the address that is asked for.
        if message.content.dropFirst(4).prefix(16).elementsEqual(own.octets) { names.note(own) }
    }

    // MARK: - Ports

    /// What was waiting for a port that goes down is given up.
    package mutating func setPort(_ port: PortIndex, isUp: Bool, now: UInt64) {
        guard ports[port] != nil else { return }
        ports[port]?.isUp = isUp
        if isUp {
            nextAdvertisement = nextAdvertisement ?? now &+ RouterAdvertisement.interval
        } else {
            // Another guest may come up there.
            streams.drop(port)
            relay.drop(port)
            dhcp.forget(port)
        }
    }

    package mutating func setUplink(_ port: PortIndex, isUp: Bool, now: UInt64) {
        ports[port]?.isUplinkUp = isUp
        if !isUp {
            relay.drop(port)
            published.drop(port)
        }
    }

    func isUplinkUp(_ port: PortIndex) -> Bool { ports[port]?.isUplinkUp ?? false }

    // MARK: - Probes

    /// Asks a machine again and again whether it is ready, and says so once, as an event; an identity that exists is replaced.
    package mutating func startProbe(_ identity: String, _ probe: ServiceProbe, of port: PortIndex, now: UInt64) {
        let machine = Endpoint(mac: settings[port].mac, ip: .v4(settings[port].address))
        guard ports[port] != nil, prober.start(identity, probe, of: port, machine, now: now) else {
            output.events.append(.refused(word: "probe", detail: "\(identity): too many at once"))
            return
        }
        tick(now: now)
    }

    package mutating func stopProbe(_ identity: String) { prober.stop(identity) }

    mutating func add(_ outcomes: [Prober.Outcome], _ port: PortIndex) {
        for outcome in outcomes {
            switch outcome {
            case .event(let event): output.events.append(event)
            case .frame(let frame): output.frames.append((.port(port), frame))
            }
        }
    }

    // MARK: - Time

    /// The next moment at which `tick` is wanted; nil: not until something comes in.
    package var nextDeadline: UInt64? { [prober.nextDeadline, streams.nextDeadline, nextAdvertisement].compactMap(\.self).min() }

    /// Called at `nextDeadline` or later.
    package mutating func tick(now: UInt64) {
        let ports = ports
        for due in prober.tick(now: now, isUp: { ports[$0]?.isUp ?? false }) { output.frames.append((.port(due.port), due.frame)) }
        for due in streams.tick(now: now) { output.frames.append((.port(due.port), due.frame)) }
        if let due = nextAdvertisement, due <= now {
            nextAdvertisement = now &+ RouterAdvertisement.interval
            for port in settings.ports(of: index) where ports[port]?.isUp ?? false { advertise(to: nil, port) }
        }
    }

    // MARK: - What is said

    /// Says something on the port by which it was asked for, unless too much is asked there.
    mutating func say(_ frame: [UInt8], _ port: PortIndex, _ now: UInt64) {
        if ports[port]?.answers.take(now: now) ?? false { output.frames.append((.port(port), frame)) }
    }

    mutating func mayAskForLease(_ port: PortIndex, _ now: UInt64) -> Bool { ports[port]?.leases.take(now: now) ?? false }
    mutating func mayAskForName(_ port: PortIndex, _ now: UInt64) -> Bool { ports[port]?.questions.take(now: now) ?? false }

    mutating func report(_ why: ICMPMessage.Unreachable, about packet: IPPacket, _ frame: EthernetFrame, _ port: PortIndex, _ now: UInt64) {
        guard frame.destination == network.mac, ports[port]?.reports.take(now: now) ?? false else { return }
        let sender = Endpoint(mac: frame.source, ip: packet.source)
        if let report = local(for: packet.destination).unreachable(why, about: packet, to: sender) {
            output.frames.append((.port(port), report))
        }
    }

    /// As whom we answer what was sent to an address: as that one if it is ours.
    func local(for destination: IPAddress) -> Endpoint {
        switch destination {
        case .v4: gateway
        case .v6(let address):
            Endpoint(mac: network.mac, ip: .v6(NeighborDiscovery.owns(address, network) ? address : network.linkLocal6))
        }
    }

    mutating func add(_ event: DHCPServer.Event?, _ port: PortIndex, _ now: UInt64) {
        switch event {
        case .leased(let mac, let address):
            if ports[port]?.leaseEvents.take(now: now) ?? false {
                output.events.append(.lease(settings[port].name, mac: mac, address: address))
            }
        case .exhausted:
            if exhaustedEvents.take(now: now) { output.events.append(.poolExhausted(network: network.name)) }
        case nil: break
        }
    }
}
