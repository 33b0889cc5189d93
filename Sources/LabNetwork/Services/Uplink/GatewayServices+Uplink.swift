internal import LabModel

/// What leaves the lab through a port's uplink, and what comes back.
extension GatewayServices {
    /// A packet for somebody else that was sent to the gateway's card.
    mutating func leave(_ packet: IPPacket, _ frame: EthernetFrame, _ port: PortIndex, _ now: UInt64) -> ServiceVerdict {
        guard packet.destination.isUnicast, packet.source.isUnicast else { return .consumed }
        var why = ICMPMessage.Unreachable.network
        if isOnLink(packet.destination) {
            why = .host
        } else if case .v4(let destination) = packet.destination, settings[port].hasUplink {
            switch policy.judge(destination) {
            case .ownLab: break
            case .denied: why = .prohibited
            // The uplink speaks for the port's own machine; for others it would mistake them for that.
            case .allowed where packet.source != .v4(settings[port].address): why = .prohibited
            case .allowed where isUplinkUp(port): return .divertToUplink
            case .allowed: break
            }
        }
        report(why, about: packet, frame, port, now)
        return .consumed
    }

    /// A frame from a port's uplink, for that port alone: what becomes of it goes to `output`.
    package mutating func receiveFromUplink(_ frame: [UInt8], for port: PortIndex, now: UInt64) {
        guard let incoming = EthernetFrame(frame), let packet = IPPacket(incoming.payload, type: incoming.type),
            packet.destination.isUnicast
        else { return }
        if packet.source == gateway.ip, let datagram = Datagram(packet), let asker = relay.asker(of: datagram, at: port, now: now) {
            switch asker {
            case .datagram(let peer, let peerPort, let local):
                output.frames.append(
                    (.port(port), local.datagram(to: peer, from: DNSResponder.port, to: peerPort, Array(datagram.content))))
            case .stream(let identity):
                for frame in streams.send(Array(datagram.content), on: identity, at: port, now: now) {
                    output.frames.append((.port(port), frame))
                }
            }
            return
        }
        notePublished(packet, port, now)
        // Whatever the process out there believes its card and the guest's to be.
        output.frames.append((.port(port), settings[port].mac.octets + network.mac.octets + frame.dropFirst(12)))
    }

    // MARK: - Published ports

    /// Only what begins a conversation makes one known; answers about names are none.
    private mutating func notePublished(_ packet: IPPacket, _ port: PortIndex, _ now: UInt64) {
        guard packet.source == gateway.ip, packet.destination == .v4(settings[port].address) else { return }
        let ends: (outside: UInt16, machine: UInt16)
        if let segment = TCPSegment(packet), segment.flags.contains(.synchronize) {
            ends = (segment.sourcePort, segment.destinationPort)
        } else if let datagram = Datagram(packet), datagram.sourcePort != DNSResponder.port {
            ends = (datagram.sourcePort, datagram.destinationPort)
        } else {
            return
        }
        published.note(.init(port: port, transport: packet.transport, outside: ends.outside, machine: ends.machine), now: now)
    }

    /// What a machine sends to the gateway's address belongs to somebody outside.
    mutating func isAnswer(_ packet: IPPacket, to outside: UInt16, from machine: UInt16, _ port: PortIndex, _ now: UInt64) -> Bool {
        guard packet.destination == gateway.ip, packet.source == .v4(settings[port].address), isUplinkUp(port) else { return false }
        return published.isKnown(.init(port: port, transport: packet.transport, outside: outside, machine: machine), now: now)
    }

    // MARK: - Names

    func uplink(of port: PortIndex) -> DNSResponder.Uplink {
        settings[port].hasUplink ? isUplinkUp(port) ? .up : .down : .none
    }

    mutating func receiveQuestion(
        _ datagram: Datagram, from peer: Endpoint, to local: Endpoint, _ port: PortIndex, _ now: UInt64
    ) -> ServiceVerdict {
        guard isOfLab(peer.ip), datagram.sourcePort != 0, mayAskForName(port, now) else { return .consumed }
        switch names.answer(datagram.content, askedOn: index, uplink: uplink(of: port), over: .datagram) {
        case .nothing: break
        case .answer(let answer): say(local.datagram(to: peer, from: DNSResponder.port, to: datagram.sourcePort, answer), port, now)
        case .elsewhere:
            if peer.ip == .v4(settings[port].address) { return .divertToUplink }
            ask(datagram.content, for: .datagram(peer: peer, port: datagram.sourcePort, local: local), port, now)
        }
        return .consumed
    }

    mutating func ask(_ question: ArraySlice<UInt8>, for asker: NameRelay.Asker, _ port: PortIndex, _ now: UInt64) {
        let machine = Endpoint(mac: settings[port].mac, ip: .v4(settings[port].address))
        if let frame = relay.ask(question, for: asker, at: port, as: machine, gateway: gateway, now: now) {
            output.uplink.append((port, frame))
        }
    }

    // MARK: - Who is who

    /// Names are told to nobody outside.
    func isOfLab(_ address: IPAddress) -> Bool {
        switch address {
        case .v4(let address): settings.networks.contains { $0.subnet.contains(address) }
        case .v6(let address): address.high == IPv6Address.linkLocalPrefix || settings.networks.contains { $0.prefix6 == address.high }
        }
    }

    private func isOnLink(_ address: IPAddress) -> Bool {
        switch address {
        case .v4(let address): network.subnet.contains(address)
        case .v6(let address): network.prefix6 == address.high
        }
    }
}
