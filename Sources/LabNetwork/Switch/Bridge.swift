internal import LabModel
internal import PortStream

/// All switches of a lab: frames in from each port, frames out to others, by rules that are the same each time.
///
/// It neither reads nor writes. Whoever owns the streams hands over what came by a port (`receive`), lets everything be written that
/// is to go out (`flush`), and calls `advance` when it is time. A gulp is forwarded where it lies, so `flush` comes before its buffer
/// changes.
package struct Bridge: Sendable {
    package let settings: BridgeSettings
    var ports: [PortState]
    var networks: [NetworkState]
    /// Ports with something to be written, each once.
    var touched: [Int] = []
    var touchedUplinks: [Int] = []
    /// What is to be told; emptied by whoever tells it.
    package var events: [BridgeEvent] = []

    package init(_ settings: BridgeSettings) {
        self.settings = settings
        let share = max(1, min(Limits.addressesPerPort, Limits.addresses / max(1, settings.ports.count)))
        var locals = [Int](repeating: 0, count: settings.networks.count)
        ports = []
        for port in settings.ports {
            ports.append(PortState(port, local: locals[port.network.number], of: settings))
            locals[port.network.number] += 1
        }
        networks = settings.networks.indices.map { index in
            let network = settings.networks[index]
            return NetworkState(
                facts: NetworkFacts(
                    gatewayMAC: network.mac.value,
                    recordLimit: PortRecord.prefixCount + NetworkHeader.byteCount + NetworkHeader.ethernetCount + network.mtu),
                ports: settings.ports(of: NetworkIndex(index)).map(\.number),
                neighbors: Neighbors(settings, network: NetworkIndex(index)),
                table: AddressTable(portCount: locals[index], share: share))
        }
    }

    package mutating func serve(_ network: NetworkIndex, by services: GatewayServices) { networks[network.number].services = services }
    package mutating func record(_ network: NetworkIndex, by capture: CaptureRing) { networks[network.number].capture = capture }

    /// Writes what a network's capture holds back.
    /// - Parameter isTurnOver: false: only if much waits.
    package mutating func drainCapture(of network: NetworkIndex, into files: inout some CaptureFiles, isTurnOver: Bool) {
        guard let capture = networks[network.number].capture, isTurnOver ? capture.hasPending : capture.wantsDrain else { return }
        networks[network.number].capture?.drain(into: &files)
    }

    // MARK: Streams

    /// One stream that records are written to.
    package enum Stream: Hashable, Sendable {
        case port(PortIndex)
        case uplink(PortIndex)
    }

    /// Takes up a port's stream.
    /// - Parameter mark: 16 bytes that are sent before anything else; nil: the stream is in step.
    package mutating func raise(_ port: PortIndex, mark: [UInt8]?, now: UInt64) {
        lower(port, now: now)
        ports[port.number].isUp = true
        if let mark { say(mark, to: port) }
        networks[ports[port.number].network].services?.setPort(port, isUp: true, now: now)
        takeOutput(of: ports[port.number].network, Span(), Moment(now: now, wall: 0))
    }

    /// Sends a port's mark: at first, and once more when it has come from the other side.
    package mutating func say(_ mark: [UInt8], to port: PortIndex) {
        let bytes = PortRecord.markPrefix + mark
        ports[port.number].queue.append(mark: bytes.span)
        touch(port.number)
    }

    /// Lets a port's stream be: nothing is written to it, and everything that waited for it is gone.
    package mutating func lower(_ port: PortIndex, now: UInt64) {
        let number = port.number
        guard ports[number].isUp else { return }
        ports[number].isUp = false
        ports[number].queue.removeAll()
        ports[number].up.removeAll()
        ports[number].common.removeAll()
        ports[number].down.removeAll()
        ports[number].judgeShapes()
        networks[ports[number].network].table.flush(ports[number].local)
        networks[ports[number].network].services?.setPort(port, isUp: false, now: now)
        takeOutput(of: ports[number].network, Span(), Moment(now: now, wall: 0))
    }

    package func isUp(_ port: PortIndex) -> Bool { ports[port.number].isUp }

    /// Lets what waits be written.
    /// - Parameters:
    ///   - gulp: the bytes that were forwarded last; empty if none were.
    ///   - write: writes two pieces, one after the other, and says how many bytes it wrote; less than all: `resume` is called when it
    ///     may try again.
    package mutating func flush(_ gulp: Span<UInt8>, _ write: (Stream, Span<UInt8>, Span<UInt8>) -> Int) {
        for number in touched {
            ports[number].isTouched = false
            Self.write(&ports[number].queue, gulp) { write(.port(PortIndex(number)), $0, $1) }
        }
        touched.removeAll(keepingCapacity: true)
        for number in touchedUplinks {
            guard ports[number].uplink != nil else { continue }
            ports[number].uplink?.isTouched = false
            Self.write(&ports[number].uplink!.queue, gulp) { write(.uplink(PortIndex(number)), $0, $1) }
        }
        touchedUplinks.removeAll(keepingCapacity: true)
    }

    private static func write(_ queue: inout RecordQueue, _ gulp: Span<UInt8>, _ write: (Span<UInt8>, Span<UInt8>) -> Int) {
        let count = queue.count
        guard count > 0 else { return }
        if !queue.isBlocked {
            let done = write(queue.backlog, gulp.extracting(queue.run))
            queue.wrote(done)
            queue.isBlocked = done < count
        }
        queue.settle(gulp)
    }

    /// The stream takes more: the next `flush` tries.
    package mutating func resume(_ stream: Stream) {
        switch stream {
        case .port(let port):
            ports[port.number].queue.isBlocked = false
            if !ports[port.number].queue.isEmpty { touch(port.number) }
        case .uplink(let port):
            ports[port.number].uplink?.queue.isBlocked = false
            touchUplink(port.number)
        }
    }

    func isBlocked(_ stream: Stream) -> Bool {
        switch stream {
        case .port(let port): ports[port.number].queue.isBlocked
        case .uplink(let port): ports[port.number].uplink?.queue.isBlocked ?? false
        }
    }

    mutating func touch(_ number: Int) {
        guard !ports[number].isTouched else { return }
        ports[number].isTouched = true
        touched.append(number)
    }

    mutating func touchUplink(_ number: Int) {
        guard let uplink = ports[number].uplink, !uplink.isTouched else { return }
        ports[number].uplink?.isTouched = true
        touchedUplinks.append(number)
    }

    // MARK: What is told

    /// How much may wait to be told: a burst beyond it is not news any more.
    private static let eventLimit = 4096

    mutating func tell(_ event: BridgeEvent) {
        if events.count < Self.eventLimit { events.append(event) }
    }

    /// The figures of all ports and networks, as one line.
    package var counters: String {
        BridgeEvent.object(
            "counters",
            .init("ports", .object(ports.map { .init($0.name.description, $0.counters.json) })),
            .init(
                "networks",
                .object(
                    settings.networks.indices.map { index in
                        .init(settings.networks[index].name, .object([.init("addresses", .number(Int64(networks[index].table.count)))]))
                    }))
        ).line
    }

    package func counters(of port: PortIndex) -> Counters { ports[port.number].counters }
}
