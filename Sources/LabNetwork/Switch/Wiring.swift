internal import PortStream

/// Frames on shaped wires, and everything else that happens by itself once its time has come.
extension Bridge {
    /// From the machine, towards the switch.
    mutating func sendUp(_ gulp: Span<UInt8>, _ record: Range<Int>, from port: Int, _ moment: Moment) {
        judge(ports[port].up.send(gulp.copy(record), now: moment.now), gulp, record, at: port, .incoming, moment)
        drainUp(port, gulp, moment)
    }

    /// From the switch, towards the machine: over the network's wire, then over the port's own.
    mutating func sendDown(_ frame: borrowing Frame, to port: Int, _ moment: Moment) {
        let outcome = ports[port].common.send(frame.bytes.copy(frame.record), now: moment.now)
        judge(outcome, frame.bytes, frame.record, at: port, .outgoing, moment)
        drainDown(port, frame.gulp, moment)
    }

    private mutating func judge(
        _ outcome: Wire.Outcome, _ bytes: Span<UInt8>, _ record: Range<Int>, at port: Int, _ direction: FrameDirection, _ moment: Moment
    ) {
        switch outcome {
        case .sent: break
        case .lost: drop(.loss, bytes, record, at: port, direction, moment)
        case .full: drop(.linkFull, bytes, record, at: port, direction, moment)
        }
    }

    private mutating func drainUp(_ port: Int, _ gulp: Span<UInt8>, _ moment: Moment) {
        while let (_, record) = ports[port].up.next(now: moment.now) {
            admit(Frame(bytes: record.span, record: 0..<record.count, gulp: gulp, isInGulp: false, port: port), moment)
        }
        ports[port].judgeShapes()
    }

    private mutating func drainDown(_ port: Int, _ gulp: Span<UInt8>, _ moment: Moment) {
        while let (due, record) = ports[port].common.next(now: moment.now) {
            // It set out on the second wire when it left the first, even if that was noticed later.
            judge(ports[port].down.send(record, now: due), record.span, 0..<record.count, at: port, .outgoing, moment)
        }
        while let (_, record) = ports[port].down.next(now: moment.now) {
            deliver(Frame(bytes: record.span, record: 0..<record.count, gulp: gulp, isInGulp: false, port: port), to: port, moment)
        }
        ports[port].judgeShapes()
    }

    // MARK: Time

    /// Does what is due.
    package mutating func advance(_ moment: Moment) {
        for port in ports.indices where ports[port].isShapedIn || ports[port].isShapedOut {
            if ports[port].isShapedIn { drainUp(port, Span(), moment) }
            if ports[port].isShapedOut { drainDown(port, Span(), moment) }
        }
        for network in networks.indices {
            guard let deadline = networks[network].services?.nextDeadline, deadline <= moment.now else { continue }
            networks[network].services?.tick(now: moment.now)
            takeOutput(of: network, Span(), moment)
        }
    }

    /// When `advance` is wanted next; nil: not until something comes in.
    package var nextDeadline: UInt64? {
        var next: UInt64?
        func consider(_ deadline: UInt64?) {
            if let deadline { next = min(next ?? deadline, deadline) }
        }
        for index in ports.indices {
            if ports[index].isShapedIn { consider(ports[index].up.nextDeadline) }
            if ports[index].isShapedOut {
                consider(ports[index].common.nextDeadline)
                consider(ports[index].down.nextDeadline)
            }
        }
        for index in networks.indices { consider(networks[index].services?.nextDeadline) }
        return next
    }
}

extension Span<UInt8> {
    /// A part as an array.
    func copy(_ range: Range<Int>) -> [UInt8] {
        // Safe because the buffer is the span's own, and is copied here.
        unsafe extracting(range).withUnsafeBufferPointer { unsafe Array($0) }
    }
}
