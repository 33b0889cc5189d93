internal import PortStream

/// Between the switch and the host at the gateway's address, and the ports' uplinks.
extension Bridge {
    private static let frameOffset = PortRecord.prefixCount + NetworkHeader.byteCount

    /// Offers a frame to the network's services, cut and completed.
    /// - Returns: true if nobody else gets it.
    mutating func offer(_ frame: borrowing Frame, _ moment: Moment) -> Bool {
        let port = frame.port
        let network = ports[port].network
        let start = frame.record.lowerBound
        let header = frame.bytes.copy((start + PortRecord.prefixCount)..<(start + Self.frameOffset))
        let whole = frame.bytes.copy((start + Self.frameOffset)..<frame.record.upperBound)
        var isTaken = false
        var left = Limits.pieces
        let gulp = frame.gulp
        let isTrue = PlainRecord.forEachFrame(header: header, frame: whole) { plain in
            left -= 1
            let verdict = networks[network].services?.receive(plain, from: PortIndex(port), now: moment.now) ?? .notOurs
            switch verdict {
            // Nor is the rest, which goes to the same place.
            case .notOurs: return false
            case .consumed:
                isTaken = true
                left = min(left, Limits.piecesForGateway)
            case .divertToUplink:
                isTaken = true
                if !sendToUplink(plain, of: port, gulp, moment) { return false }
            }
            return left > 0
        }
        if !isTrue { ports[port].counters.drop(.malformed) }
        takeOutput(of: network, gulp, moment)
        return isTaken
    }

    /// Sends what the services have said since they were last asked.
    /// - Parameter isFromUplink: they said it because of a frame from outside.
    mutating func takeOutput(of network: Int, _ gulp: Span<UInt8>, _ moment: Moment, isFromUplink: Bool = false) {
        guard let output = networks[network].services?.output, !output.isEmpty else { return }
        networks[network].services?.output = ServiceOutput()
        for (destination, plain) in output.frames {
            guard plain.count >= NetworkHeader.ethernetCount, plain.count <= PortRecord.frameLimit else { continue }
            let record = PlainRecord.make(plain)
            let interface = networks[network].ports.count + (isFromUplink ? 1 : 0)
            capture(record.span, 0..<record.count, network, interface, .incoming, nil, moment)
            switch destination {
            case .port(let port): sendPlain(record, to: port.number, gulp, moment)
            case .everyPort: for port in networks[network].ports { sendPlain(record, to: port, gulp, moment) }
            }
        }
        for (port, plain) in output.uplink { sendToUplink(plain, of: port.number, gulp, moment) }
        for event in output.events { tell(event) }
    }

    private mutating func sendPlain(_ record: [UInt8], to port: Int, _ gulp: Span<UInt8>, _ moment: Moment) {
        guard ports[port].isReachable else { return }
        deliver(Frame(bytes: record.span, record: 0..<record.count, gulp: gulp, isInGulp: false, port: port), to: port, moment)
    }

    // MARK: Uplinks

    package mutating func raiseUplink(_ port: PortIndex, now: UInt64) {
        guard ports[port.number].uplink != nil else { return }
        ports[port.number].uplink?.queue.removeAll()
        ports[port.number].uplink?.isUp = true
        tellServices(port, isUp: true, now: now)
    }

    package mutating func lowerUplink(_ port: PortIndex, now: UInt64) {
        guard ports[port.number].uplink?.isUp == true else { return }
        ports[port.number].uplink?.queue.removeAll()
        ports[port.number].uplink?.isUp = false
        tellServices(port, isUp: false, now: now)
    }

    package func isUplinkUp(_ port: PortIndex) -> Bool { ports[port.number].uplink?.isUp ?? false }

    private mutating func tellServices(_ port: PortIndex, isUp: Bool, now: UInt64) {
        let network = ports[port.number].network
        networks[network].services?.setUplink(port, isUp: isUp, now: now)
        takeOutput(of: network, Span(), Moment(now: now, wall: 0))
    }

    /// Takes every whole frame that came from a port's uplink.
    package mutating func receiveFromUplink(_ gulp: Span<UInt8>, _ cursor: inout RecordCursor, of port: PortIndex, _ moment: Moment) {
        let network = ports[port.number].network
        while let record = cursor.next(in: gulp) {
            ports[port.number].counters.fromUplink.add(record.count - PortRecord.prefixCount)
            let plain = gulp.copy((record.lowerBound + PortRecord.prefixCount)..<record.upperBound)
            networks[network].services?.receiveFromUplink(plain, for: port, now: moment.now)
            takeOutput(of: network, Span(), moment, isFromUplink: true)
        }
    }

    /// passt's stream has no header: a count and a frame.
    /// - Returns: false if the frame was dropped.
    @discardableResult
    private mutating func sendToUplink(_ plain: [UInt8], of port: Int, _ gulp: Span<UInt8>, _ moment: Moment) -> Bool {
        guard ports[port].uplink?.isUp == true, plain.count <= PortRecord.frameLimit else {
            ports[port].counters.drop(.uplinkDown)
            return false
        }
        var record: [UInt8] = []
        record.reserveCapacity(plain.count + PortRecord.prefixCount)
        for shift in [24, 16, 8, 0] { record.append(UInt8(truncatingIfNeeded: plain.count >> shift)) }
        record += plain
        guard ports[port].uplink?.queue.append(record.span, after: gulp) == true else {
            ports[port].counters.drop(.queueFull)
            return false
        }
        ports[port].counters.toUplink.add(plain.count)
        touchUplink(port)
        return true
    }
}
