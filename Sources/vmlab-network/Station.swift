import Glibc
import Host
import LabModel
import LabNetwork
import PortStream

/// The program: the streams of a lab's bridge, and one thread that moves bytes between them and the switches.
///
/// Each turn takes at most one gulp from each stream that has something, forwards it, and writes once to each stream that has
/// something to get. Nothing here waits for a reader.
final class Station {
    private let loop: EventLoop
    private let timer: TimerDescriptor
    private var bridge: Bridge
    private var ports: [Stream]
    private var uplinks: [Int: Stream]
    private var control: ControlStream
    private var captures: [(network: NetworkIndex, files: RingFiles)] = []
    /// Bytes of the longest file that is written: half a ring.
    private let largestFile: UInt64
    /// What the timer is set to.
    private var deadline: UInt64?
    private var isEnding = false

    /// One stream that is read in gulps.
    private struct Stream {
        let descriptor: Int32
        var reader: RecordReader
        /// The loop watches it.
        var isWatched = false
    }

    /// Frames of passt(1) have no header before them.
    private static let uplinkCounts = NetworkHeader.ethernetCount...PortRecord.frameLimit

    init(_ command: BridgeCommand) throws(OSError) {
        loop = try EventLoop()
        timer = try TimerDescriptor()
        bridge = Bridge(command.settings)
        ports = command.portStreams.map { Stream(descriptor: $0, reader: RecordReader(counts: PortRecord.counts)) }
        uplinks = command.uplinkStreams.mapValues { Stream(descriptor: $0, reader: RecordReader(counts: Self.uplinkCounts)) }
        control = ControlStream(command.control)
        largestFile = command.captures.map { UInt64(clamping: $0.byteLimit) / 2 }.max() ?? 0
        for index in command.settings.networks.indices {
            let network = NetworkIndex(index)
            bridge.serve(network, by: GatewayServices(command.settings, network: network))
        }
        for capture in command.captures { record(capture, command.settings) }
    }

    private func record(_ capture: BridgeCommand.CaptureSettings, _ settings: BridgeSettings) {
        let files = RingFiles(capture.files)
        let ring = CaptureRing(
            lab: settings.lab, network: settings[capture.network].name, interfaces: CaptureInterface.all(of: capture.network, settings),
            byteLimit: UInt64(clamping: capture.byteLimit), snapLength: capture.snapLength, run: moment().wall, firstFile: files.older)
        bridge.record(capture.network, by: ring)
        captures.append((capture.network, files))
    }

    private func drainCaptures(isTurnOver: Bool) {
        for index in captures.indices {
            bridge.drainCapture(of: captures[index].network, into: &captures[index].files, isTurnOver: isTurnOver)
        }
    }

    func run() throws(OSError) {
        try loop.watch(timer.number, .read) { [unowned self] _ in
            timer.take()
            deadline = nil
        }
        try loop.watch(control.descriptor, .read) { [unowned self] readiness in converse(readiness) }
        drainCaptures(isTurnOver: true)
        if try Sandbox.enter(largestFile: largestFile) == .unsupported {
            control.send(BridgeEvent.unconfined(detail: "this kernel cannot filter system calls").json)
        }
        control.send(BridgeEvent.started.json)
        while !isEnding {
            setTimer()
            try loop.turn(limitMilliseconds: -1)
            finishTurn()
        }
    }

    // MARK: Turns

    private func moment() -> Moment {
        var time = timespec()
        // Safe because the structure outlives the call.
        unsafe _ = clock_gettime(CLOCK_REALTIME, &time)
        return Moment(
            now: EventLoop.now(), wall: UInt64(clamping: time.tv_sec) &* 1_000_000_000 &+ UInt64(clamping: time.tv_nsec))
    }

    private func setTimer() {
        let next = bridge.nextDeadline
        guard next != deadline else { return }
        deadline = next
        timer.set(next)
    }

    /// What is due, what is to be told, what is to be recorded: once for all streams of a turn.
    private func finishTurn() {
        if let next = bridge.nextDeadline {
            let moment = moment()
            if next <= moment.now {
                bridge.advance(moment)
                flush(Span())
            }
        }
        drainCaptures(isTurnOver: true)
        tell()
    }

    private func tell() {
        for event in bridge.events { control.send(event.json) }
        bridge.events.removeAll(keepingCapacity: true)
        watchControl()
    }

    // MARK: Streams

    private func watch(_ port: PortIndex) {
        let number = port.number
        guard !ports[number].isWatched else { return }
        let descriptor = ports[number].descriptor
        do {
            try loop.watch(descriptor, .read) { [unowned self] readiness in serve(port, readiness) }
            ports[number].isWatched = true
            Borrowed(descriptor).growSendBuffer(to: Limits.gulp)
        } catch {
            breakPort(port, "\(error)")
        }
    }

    private func leavePort(_ port: PortIndex) {
        let number = port.number
        if ports[number].isWatched { loop.remove(ports[number].descriptor) }
        ports[number].isWatched = false
        bridge.lower(port, now: EventLoop.now())
    }

    private func breakPort(_ port: PortIndex, _ detail: String) {
        guard bridge.isUp(port) else { return }
        leavePort(port)
        control.send(BridgeEvent.portBroken(bridge.settings[port].name, detail: detail).json)
    }

    private func serve(_ port: PortIndex, _ readiness: EventLoop.Readiness) {
        let number = port.number
        guard bridge.isUp(port) else { return }
        if readiness.contains(.write) {
            bridge.resume(.port(port))
            try? loop.change(ports[number].descriptor, to: .read)
            flush(Span())
        }
        guard readiness.contains(.read) || readiness.contains(.hangup) else { return }
        let descriptor = Borrowed(ports[number].descriptor)
        do {
            let count = try ports[number].reader.fill { span, start throws(OSError) in try descriptor.readSome(into: &span, from: start) }
            guard let count else { return }
            if count == 0 { return breakPort(port, "the other end is closed") }
        } catch {
            return breakPort(port, "\(error)")
        }
        var cursor = ports[number].reader.start()
        if let mark = ports[number].reader.takeFoundMark() { bridge.say(mark, to: port) }
        bridge.receive(ports[number].reader.bytes, &cursor, from: port, moment())
        flush(ports[number].reader.bytes)
        ports[number].reader.finish(cursor)
        if let fault = ports[number].reader.fault { breakPort(port, fault) }
        drainCaptures(isTurnOver: false)
    }

    /// Writes to every stream that has something to get.
    private func flush(_ gulp: Span<UInt8>) {
        var broken: [(Bridge.Stream, OSError)] = []
        bridge.flush(gulp) { stream, first, second in
            let descriptor: Int32
            switch stream {
            case .port(let port): descriptor = ports[port.number].descriptor
            case .uplink(let port): descriptor = uplinks[port.number]?.descriptor ?? -1
            }
            do throws(OSError) {
                let done = try Borrowed(descriptor).writeSome(first, second)
                if done < first.count + second.count { try loop.change(descriptor, to: [.read, .write]) }
                return done
            } catch {
                broken.append((stream, error))
                return first.count + second.count
            }
        }
        for (stream, error) in broken {
            switch stream {
            case .port(let port): breakPort(port, "\(error)")
            case .uplink(let port): breakUplink(port, "\(error)")
            }
        }
    }

    // MARK: Uplinks

    private func raiseUplink(_ port: PortIndex) {
        let number = port.number
        guard let uplink = uplinks[number] else { return }
        uplinks[number]?.reader.begin(mark: nil)
        bridge.raiseUplink(port, now: EventLoop.now())
        guard !uplink.isWatched else { return }
        do {
            try loop.watch(uplink.descriptor, .read) { [unowned self] readiness in serveUplink(port, readiness) }
            uplinks[number]?.isWatched = true
        } catch {
            breakUplink(port, "\(error)")
        }
    }

    private func leaveUplink(_ port: PortIndex) {
        if let uplink = uplinks[port.number], uplink.isWatched { loop.remove(uplink.descriptor) }
        uplinks[port.number]?.isWatched = false
        bridge.lowerUplink(port, now: EventLoop.now())
    }

    private func breakUplink(_ port: PortIndex, _ detail: String) {
        guard bridge.isUplinkUp(port) else { return }
        leaveUplink(port)
        control.send(BridgeEvent.uplinkBroken(bridge.settings[port].name, detail: detail).json)
    }

    private func serveUplink(_ port: PortIndex, _ readiness: EventLoop.Readiness) {
        guard bridge.isUplinkUp(port), var stream = uplinks.removeValue(forKey: port.number) else { return }
        var trouble: String?
        if readiness.contains(.write) {
            bridge.resume(.uplink(port))
            try? loop.change(stream.descriptor, to: .read)
        }
        if readiness.contains(.read) || readiness.contains(.hangup) {
            let descriptor = Borrowed(stream.descriptor)
            do {
                let count = try stream.reader.fill { span, start throws(OSError) in try descriptor.readSome(into: &span, from: start) }
                if count == 0 { trouble = "the other end is closed" }
                var cursor = stream.reader.start()
                bridge.receiveFromUplink(stream.reader.bytes, &cursor, of: port, moment())
                stream.reader.finish(cursor)
                trouble = trouble ?? stream.reader.fault
            } catch {
                trouble = "\(error)"
            }
        }
        uplinks[port.number] = stream
        flush(Span())
        if let trouble { breakUplink(port, trouble) }
    }

    // MARK: Control

    private func watchControl() {
        try? loop.change(control.descriptor, to: control.isBehind ? [.read, .write] : .read)
    }

    private func converse(_ readiness: EventLoop.Readiness) {
        if readiness.contains(.write) { control.flush() }
        if readiness.contains(.read) || readiness.contains(.hangup) {
            for line in control.read() { obey(line) }
        }
        if control.isEnded { isEnding = true }
        tell()
    }

    private func obey(_ line: String) {
        let verb = ControlWord.verb(line)
        do throws(SettingsError) {
            switch try ControlWord(line) {
            case .portUp(let name, let mark):
                let port = try bridge.port(name)
                ports[port.number].reader.begin(mark: mark)
                bridge.raise(port, mark: mark, now: EventLoop.now())
                watch(port)
                flush(Span())
            case .portDown(let name):
                leavePort(try bridge.port(name))
                control.send(BridgeEvent.portDown(name).json)
            case .uplinkUp(let name):
                raiseUplink(try uplink(name))
                flush(Span())
            case .uplinkDown(let name):
                leaveUplink(try uplink(name))
                control.send(BridgeEvent.uplinkDown(name).json)
            case .link(let name, let order):
                try bridge.order(name, order, now: EventLoop.now())
                control.send(BridgeEvent.done(word: verb).json)
            case .partition(let network, let groups):
                try bridge.divide(network, into: groups)
                control.send(BridgeEvent.done(word: verb).json)
            case .heal(let network):
                try bridge.heal(network)
                control.send(BridgeEvent.done(word: verb).json)
            case .probe(let identity, let name, let probe):
                try bridge.startProbe(identity, name, probe, moment())
                flush(Span())
            case .stopProbe(let identity): bridge.stopProbe(identity)
            case .counters: control.send(bridge.counters)
            case .stop: isEnding = true
            }
        } catch {
            control.send(BridgeEvent.refused(word: verb, detail: error.description).json)
        }
    }

    private func uplink(_ name: PortName) throws(SettingsError) -> PortIndex {
        let port = try bridge.port(name)
        guard uplinks[port.number] != nil else { throw SettingsError("\(name) has no uplink") }
        return port
    }
}
