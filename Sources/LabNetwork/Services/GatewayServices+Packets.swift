internal import LabModel

/// What comes in, sorted: each function answers with a verdict, or nil for what is nothing to the gateway.
extension GatewayServices {
    mutating func receiveARP(_ frame: EthernetFrame, _ port: PortIndex, _ now: UInt64) -> ServiceVerdict? {
        guard let packet = ARPPacket(frame.payload) else { return nil }
        // Nobody else is the gateway: a claim goes no further.
        if packet.sender == network.gateway { return .consumed }
        guard packet.target == network.gateway else { return nil }
        if packet.operation == .request, !packet.senderMAC.isMulticast, !frame.source.isMulticast {
            say(.arpReply(from: network, to: packet), port, now)
        }
        return .consumed
    }

    mutating func receiveIP(_ frame: EthernetFrame, _ port: PortIndex, _ now: UInt64) -> ServiceVerdict? {
        guard !frame.source.isMulticast, let packet = IPPacket(frame.payload, type: frame.type) else { return nil }
        let isToUs = frame.destination == network.mac
        switch (packet.source, packet.destination) {
        case (.v4(let source), .v4(let destination)):
            if source == network.gateway { return .consumed }
            if packet.transport == IPPacket.Transport.udp,
                destination == network.gateway || destination == network.subnet.broadcast || destination.value == .max,
                let datagram = Datagram(packet), datagram.destinationPort == DHCPServer.serverPort
            {
                receiveDHCP(datagram, frame, port, now)
                return .consumed
            }
            guard isToUs else { return nil }
            if destination == network.gateway {
                return receiveOwn(packet, frame, port, now)
            }
        case (.v6(let source), .v6(let destination)):
            if NeighborDiscovery.owns(source, network) { return .consumed }
            if packet.transport == IPPacket.Transport.icmp6, let verdict = receiveDiscovery(packet, frame, port, now) { return verdict }
            guard isToUs else { return nil }
            if NeighborDiscovery.owns(destination, network) {
                return receiveOwn(packet, frame, port, now)
            }
        default:
            return nil
        }
        return leave(packet, frame, port, now)
    }

    // MARK: - To the gateway itself

    private mutating func receiveOwn(_ packet: IPPacket, _ frame: EthernetFrame, _ port: PortIndex, _ now: UInt64) -> ServiceVerdict {
        // A fragment is nothing that we speak; neither is what no frame of this network holds.
        guard packet.source.isUnicast, !packet.isFragment, packet.whole.count <= network.mtu else { return .consumed }
        let peer = Endpoint(mac: frame.source, ip: packet.source)
        let local = local(for: packet.destination)
        switch packet.transport {
        case IPPacket.Transport.icmp, IPPacket.Transport.icmp6:
            guard let message = ICMPMessage(packet) else { break }
            switch (packet.source, message.type) {
            case (.v4, ICMPMessage.V4.echo):
                say(local.icmp(to: peer, type: ICMPMessage.V4.echoReply, content: message.content), port, now)
            case (.v6, ICMPMessage.V6.echo):
                say(local.icmp(to: peer, type: ICMPMessage.V6.echoReply, content: message.content), port, now)
            case (.v4, ICMPMessage.V4.echoReply):
                add(prober.receivePing(message.content, from: packet.source, port), port)
            default: break
            }
        case IPPacket.Transport.tcp:
            guard let segment = TCPSegment(packet) else { break }
            let isBeginning = segment.flags.contains(.synchronize) && !segment.flags.contains(.acknowledge)
            if !isBeginning, isAnswer(packet, to: segment.destinationPort, from: segment.sourcePort, port, now) { return .divertToUplink }
            receive(segment, from: peer, to: local, port, now)
        case IPPacket.Transport.udp:
            guard let datagram = Datagram(packet) else { break }
            if datagram.destinationPort == DNSResponder.port { return receiveQuestion(datagram, from: peer, to: local, port, now) }
            if isAnswer(packet, to: datagram.destinationPort, from: datagram.sourcePort, port, now) { return .divertToUplink }
            report(.port, about: packet, frame, port, now)
        default:
            report(.transport, about: packet, frame, port, now)
        }
        return .consumed
    }

    private mutating func receive(_ segment: TCPSegment, from peer: Endpoint, to local: Endpoint, _ port: PortIndex, _ now: UInt64) {
        if let outcomes = prober.receive(segment, from: peer.ip, port) { return add(outcomes, port) }
        guard segment.destinationPort == DNSResponder.port, isOfLab(peer.ip) else {
            if let refusal = segment.refusal { say(refusal.frame(from: local, to: peer), port, now) }
            return
        }
        var abroad: [(question: [UInt8], stream: UInt64)] = []
        let frames = streams.receive(segment, from: peer, to: local, at: port, now: now) {
            [names, index, uplink = uplink(of: port)] question, stream in
            switch names.answer(question, askedOn: index, uplink: uplink, over: .stream) {
            case .answer(let answer): return answer
            case .nothing: return []
            case .elsewhere:
                abroad.append((Array(question), stream))
                return nil
            }
        }
        for frame in frames { say(frame, port, now) }
        for item in abroad { ask(item.question[...], for: .stream(item.stream), port, now) }
    }

    // MARK: - Addresses

    private mutating func receiveDHCP(_ datagram: Datagram, _ frame: EthernetFrame, _ port: PortIndex, _ now: UInt64) {
        guard mayAskForLease(port, now), let message = DHCPMessage(datagram.content) else { return }
        let outcome = dhcp.receive(message, from: port, sender: frame.source, now: now)
        add(outcome.event, port, now)
        guard let answer = outcome.answer else { return }
        let receiver = Endpoint(mac: answer.mac, ip: .v4(answer.address))
        say(gateway.datagram(to: receiver, from: DHCPServer.serverPort, to: answer.port, answer.content), port, now)
    }

    private mutating func receiveDiscovery(
        _ packet: IPPacket, _ frame: EthernetFrame, _ port: PortIndex, _ now: UInt64
    ) -> ServiceVerdict? {
        guard let message = ICMPMessage(packet), let request = NeighborDiscovery.request(message, of: packet, to: network) else {
            return nil
        }
        switch request {
        case .claim:
            return .consumed
        case .router(let asker):
            let peer = packet.source.isUnspecified ? nil : Endpoint(mac: asker ?? frame.source, ip: packet.source)
            advertise(to: peer, port, limitedAt: now)
            // Other routers are asked as well.
            return nil
        case .address(let target, let asker):
            let isAnonymous = packet.source.isUnspecified
            let everybody = Endpoint(mac: IPv6Address.allNodes.groupMAC, ip: .v6(.allNodes))
            let peer = isAnonymous ? everybody : Endpoint(mac: asker ?? frame.source, ip: packet.source)
            let content = NeighborDiscovery.advertisement(of: target, by: network.mac, solicited: !isAnonymous)
            let sender = Endpoint(mac: network.mac, ip: .v6(target))
            say(
                sender.icmp(
                    to: peer, type: ICMPMessage.V6.neighborAdvertisement, hopLimit: NeighborDiscovery.hopLimit, content: content), port, now
            )
            return .consumed
        }
    }

    /// - Parameters:
    ///   - peer: nil for everybody on the port.
    ///   - now: given where a guest asked for it.
    mutating func advertise(to peer: Endpoint?, _ port: PortIndex, limitedAt now: UInt64? = nil) {
        guard network.mtu >= RouterAdvertisement.leastMTU else { return }
        let sender = Endpoint(mac: network.mac, ip: .v6(network.linkLocal6))
        let peer = peer ?? Endpoint(mac: IPv6Address.allNodes.groupMAC, ip: .v6(.allNodes))
        let frame = sender.icmp(
            to: peer, type: ICMPMessage.V6.routerAdvertisement, hopLimit: NeighborDiscovery.hopLimit,
            content: RouterAdvertisement.content(network))
        if let now { say(frame, port, now) } else { output.frames.append((.port(port), frame)) }
    }
}

extension [UInt8] {
    fileprivate static func arpReply(from network: NetworkSettings, to request: ARPPacket) -> [UInt8] {
        ARPPacket.reply(from: network.mac, network.gateway, to: request.senderMAC, request.sender)
    }
}
