internal import LabModel
internal import PortStream

/// A frame's way: in by a port, past the checks, out by one or all of the others.
extension Bridge {
    private static let frameOffset = PortRecord.prefixCount + NetworkHeader.byteCount
    private static let segmentationOffset = PortRecord.prefixCount + 1

    /// Forwards every whole record that came by a port.
    package mutating func receive(_ gulp: Span<UInt8>, _ cursor: inout RecordCursor, from port: PortIndex, _ moment: Moment) {
        let number = port.number
        guard ports[number].isUp else { return }
        while let record = cursor.next(in: gulp) {
            ports[number].counters.incoming.add(record.count - Self.frameOffset)
            guard ports[number].isLinkUp else {
                drop(.linkDown, gulp, record, at: number, .incoming, moment)
                continue
            }
            if ports[number].isShapedIn {
                sendUp(gulp, record, from: number, moment)
            } else {
                admit(Frame(bytes: gulp, record: record, gulp: gulp, isInGulp: true, port: number), moment)
            }
        }
    }

    /// A record on its way, and where it lies.
    struct Frame: ~Escapable {
        let bytes: Span<UInt8>
        let record: Range<Int>
        /// The gulp that is being forwarded, wherever this record lies.
        let gulp: Span<UInt8>
        let isInGulp: Bool
        /// By which it came.
        let port: Int

        @_lifetime(copy bytes, copy gulp)
        @inline(__always)
        init(bytes: Span<UInt8>, record: Range<Int>, gulp: Span<UInt8>, isInGulp: Bool, port: Int) {
            self.bytes = bytes
            self.record = record
            self.gulp = gulp
            self.isInGulp = isInGulp
            self.port = port
        }
    }

    /// Where a frame belongs, and what kind of port it came by.
    struct Membership {
        /// 0: untagged on ports that carry everything.
        var vlan: UInt16 = 0
        var isFromAccessPort = false
        /// It has a tag that names no VLAN.
        var hasPriorityTag = false
    }

    /// Into the switch, once the port's own wire is behind it.
    mutating func admit(_ frame: borrowing Frame, _ moment: Moment) {
        let port = frame.port
        let number = ports[port].network
        let facts = networks[number].facts
        let record = frame.record
        let ethernet = FrameHead(frame.bytes, at: record.lowerBound + Self.frameOffset)
        var membership = Membership()
        if let reason = refusal(frame, ethernet, facts, &membership) {
            drop(reason, frame.bytes, record, at: port, .incoming, moment)
            return
        }
        let vlan = UInt64(membership.vlan) << 48
        switch networks[number].table.learn(vlan | ethernet.source, at: ports[port].local, now: moment.now) {
        case .known, .new: break
        case .moved(let from):
            if networks[number].flapNews.take(now: moment.now) {
                let old = networks[number].ports[from]
                tell(
                    .macFlap(
                        network: settings.networks[number].name, mac: MACAddress(ethernet.source), from: ports[old].name,
                        to: ports[port].name))
            }
        }
        if !ethernet.isGroup, ethernet.destination != facts.gatewayMAC,
            let local = networks[number].table.port(of: vlan | ethernet.destination, now: moment.now)
        {
            let target = networks[number].ports[local]
            note(frame, at: port, moment)
            if target != port { send(frame, to: target, membership, isForAll: false, moment) }
            return
        }
        sendToMany(frame, ethernet, membership, moment)
    }

    /// To everybody, to a group, to the gateway, or to an address that nobody knows.
    private mutating func sendToMany(
        _ frame: borrowing Frame, _ ethernet: FrameHead, _ membership: Membership, _ moment: Moment
    ) {
        let port = frame.port
        let number = ports[port].network
        let isForGateway = ethernet.destination == networks[number].facts.gatewayMAC
        if !isForGateway, !ports[port].storm.take(now: moment.now) {
            drop(.storm, frame.bytes, frame.record, at: port, .incoming, moment)
            if ports[port].stormNews.take(now: moment.now) { tell(.storm(ports[port].name)) }
            return
        }
        note(frame, at: port, moment)
        if isForGateway || ethernet.isGroup, !ethernet.isTagged, networks[number].services != nil {
            if offer(frame, moment) { return }
        }
        guard !isForGateway else { return }
        for target in networks[number].ports where target != port && ports[target].isReachable {
            send(frame, to: target, membership, isForAll: true, moment)
        }
    }

    /// Why a frame may not enter; nil if it may. Tells its VLAN as well.
    @inline(__always)
    private func refusal(
        _ frame: borrowing Frame, _ ethernet: FrameHead, _ network: NetworkFacts, _ membership: inout Membership
    ) -> DropReason? {
        if ethernet.hasImpossibleSource { return .malformed }
        if ethernet.source == network.gatewayMAC { return .spoof }
        if ethernet.isReserved { return .reserved }
        let start = frame.record.lowerBound
        if frame.record.count > network.recordLimit {
            let tags = ethernet.isTagged ? 2 * VLANTag.byteCount : 0
            if frame.record.count > network.recordLimit + tags, frame.bytes[start + Self.segmentationOffset] == 0 { return .oversize }
        }
        let own = ports[frame.port].vlan
        if own != 0 {
            membership.vlan = own
            membership.isFromAccessPort = true
        }
        if ethernet.isTagged, let reason = tagRefusal(frame, ethernet, &membership) { return reason }
        if ethernet.mayBeNeighbors {
            return networks[ports[frame.port].network].neighbors.refusal(
                frame.bytes, (start + Self.frameOffset)..<frame.record.upperBound, from: frame.port)
        }
        return nil
    }

    private func tagRefusal(_ frame: borrowing Frame, _ ethernet: FrameHead, _ membership: inout Membership) -> DropReason? {
        guard ethernet.type == FrameHead.tagType else { return membership.isFromAccessPort ? .vlan : nil }
        let at = frame.record.lowerBound + Self.frameOffset + 14
        guard frame.record.count >= Self.frameOffset + 18 else { return .malformed }
        let id = (UInt16(frame.bytes[at]) << 8 | UInt16(frame.bytes[at + 1])) & VLANTag.idMask
        if id == VLANTag.idMask { return .vlan }
        if membership.isFromAccessPort {
            guard id == 0 else { return .vlan }
            membership.hasPriorityTag = true
        } else {
            membership.vlan = id
        }
        return nil
    }

    /// Out by one port.
    @inline(__always)
    private mutating func send(
        _ frame: borrowing Frame, to target: Int, _ membership: Membership, isForAll: Bool, _ moment: Moment
    ) {
        guard ports[target].isReachable, ports[target].group == ports[frame.port].group else {
            let reason: DropReason = !ports[target].isUp ? .portDown : !ports[target].isLinkUp ? .linkDown : .partition
            if !isForAll { drop(reason, frame.bytes, frame.record, at: target, .outgoing, moment) }
            return
        }
        if membership.vlan != 0 || ports[target].vlan != 0 {
            switch change(membership, to: ports[target].vlan) {
            case nil: return
            case .some(.none): break
            case .some(let change):
                guard let record = VLANTag.apply(change, to: frame.bytes, frame.record) else {
                    drop(.malformed, frame.bytes, frame.record, at: target, .outgoing, moment)
                    return
                }
                sendOut(
                    Frame(bytes: record.span, record: 0..<record.count, gulp: frame.gulp, isInGulp: false, port: frame.port), to: target,
                    moment)
                return
            }
        }
        sendOut(frame, to: target, moment)
    }

    /// What becomes of a frame's tag at a port; nil if the port is not of its VLAN.
    private func change(_ membership: Membership, to vlan: UInt16) -> VLANTag.Change? {
        if vlan != 0 {
            guard vlan == membership.vlan else { return nil }
            return membership.isFromAccessPort ? VLANTag.Change.none : .remove
        }
        guard membership.isFromAccessPort else { return VLANTag.Change.none }
        return membership.hasPriorityTag ? .set(membership.vlan) : .insert(membership.vlan)
    }

    @inline(__always)
    private mutating func sendOut(_ frame: borrowing Frame, to target: Int, _ moment: Moment) {
        if ports[target].isShapedOut {
            sendDown(frame, to: target, moment)
        } else {
            deliver(frame, to: target, moment)
        }
    }

    /// Into the port's stream, the last step.
    @inline(__always)
    mutating func deliver(_ frame: borrowing Frame, to target: Int, _ moment: Moment) {
        let isTaken =
            frame.isInGulp
            ? ports[target].queue.add(frame.record, of: frame.gulp)
            : ports[target].queue.append(frame.bytes.extracting(frame.record), after: frame.gulp)
        guard isTaken else {
            drop(.queueFull, frame.bytes, frame.record, at: target, .outgoing, moment)
            return
        }
        ports[target].counters.outgoing.add(frame.record.count - Self.frameOffset)
        touch(target)
    }

    // MARK: What is counted and recorded

    mutating func drop(
        _ reason: DropReason, _ bytes: Span<UInt8>, _ record: Range<Int>, at port: Int, _ direction: FrameDirection, _ moment: Moment
    ) {
        ports[port].counters.drop(reason)
        capture(bytes, record, ports[port].network, ports[port].local, direction, reason, moment)
    }

    /// Records a frame that entered.
    @inline(__always)
    private mutating func note(_ frame: borrowing Frame, at port: Int, _ moment: Moment) {
        guard networks[ports[port].network].capture != nil else { return }
        capture(frame.bytes, frame.record, ports[port].network, ports[port].local, .incoming, nil, moment)
    }

    mutating func capture(
        _ bytes: Span<UInt8>, _ record: Range<Int>, _ network: Int, _ interface: Int, _ direction: FrameDirection, _ reason: DropReason?,
        _ moment: Moment
    ) {
        guard networks[network].capture != nil, record.count >= Self.frameOffset else { return }
        let header = (record.lowerBound + PortRecord.prefixCount)..<(record.lowerBound + Self.frameOffset)
        let frame = (record.lowerBound + Self.frameOffset)..<record.upperBound
        networks[network].capture?.record(
            header: bytes.extracting(header), frame: bytes.extracting(frame), interface: interface, direction: direction, drop: reason,
            time: moment.wall)
    }
}
