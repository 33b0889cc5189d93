internal import LabModel

/// Asks machines again and again whether they are there: a connection that is opened and dropped, or a ping.
///
/// A question is repeated as it was, so that a machine too slow for the interval is heard all the same.
package struct Prober: Sendable {
    /// More than a lab has machines.
    static let limit = 256
    private static let interval: UInt64 = 500_000_000
    /// Ports that connections are opened from, and identifiers of pings.
    private static let ports: ClosedRange<UInt16> = 49_152...65_535

    private struct Probe: Sendable {
        let identity: String
        let kind: ServiceProbe
        let port: PortIndex
        let machine: Endpoint
        /// The port it comes from, or the ping's identifier.
        var source: UInt16
        var sequence: UInt32
        var next: UInt64
        var saidRefused = false
    }

    package enum Outcome: Sendable {
        case event(BridgeEvent)
        case frame([UInt8])
    }

    private var probes: [Probe] = []
    private var source = Self.ports.lowerBound
    private let gateway: Endpoint

    package init(gateway: Endpoint) { self.gateway = gateway }

    /// - Returns: false if there are too many.
    package mutating func start(_ identity: String, _ kind: ServiceProbe, of port: PortIndex, _ machine: Endpoint, now: UInt64) -> Bool {
        stop(identity)
        guard probes.count < Self.limit else { return false }
        let source = nextSource()
        probes.append(
            Probe(
                identity: identity, kind: kind, port: port, machine: machine, source: source,
                sequence: UInt32(truncatingIfNeeded: now >> 12), next: now))
        return true
    }

    package mutating func stop(_ identity: String) { probes.removeAll { $0.identity == identity } }

    package var nextDeadline: UInt64? { probes.map(\.next).min() }

    /// The questions that are due.
    package mutating func tick(now: UInt64, isUp: (PortIndex) -> Bool) -> [(port: PortIndex, frame: [UInt8])] {
        var due: [(port: PortIndex, frame: [UInt8])] = []
        for index in probes.indices where probes[index].next <= now {
            probes[index].next = now &+ Self.interval
            let probe = probes[index]
            guard isUp(probe.port) else { continue }
            switch probe.kind {
            case .tcp(let port):
                let segment = TCPSegment(
                    from: probe.source, to: port, sequence: probe.sequence, acknowledged: 0, flags: .synchronize, window: 1024,
                    segmentLimit: 536)
                due.append((probe.port, segment.frame(from: gateway, to: probe.machine)))
            case .ping:
                probes[index].sequence &+= 1
                var content: [UInt8] = []
                content.append(word: probe.source)
                content.append(word: UInt16(truncatingIfNeeded: probe.sequence))
                content.pad(to: 60)
                due.append((probe.port, gateway.icmp(to: probe.machine, type: ICMPMessage.V4.echo, content: content)))
            }
        }
        return due
    }

    /// - Returns: nil if it is no answer to a question.
    package mutating func receive(_ segment: TCPSegment, from address: IPAddress, _ port: PortIndex) -> [Outcome]? {
        let found = probes.firstIndex {
            guard case .tcp(let asked) = $0.kind else { return false }
            return $0.port == port && $0.machine.ip == address && $0.source == segment.destinationPort && asked == segment.sourcePort
        }
        guard let found, segment.flags.contains(.acknowledge), segment.acknowledged == probes[found].sequence &+ 1 else { return nil }
        let probe = probes[found]
        if segment.flags.contains(.reset) {
            probes[found].source = nextSource()
            if probe.saidRefused { return [] }
            probes[found].saidRefused = true
            return [.event(.probe(identity: probe.identity, answer: .refused))]
        }
        guard segment.flags.contains(.synchronize) else { return nil }
        probes.remove(at: found)
        var outcomes: [Outcome] = [.event(.probe(identity: probe.identity, answer: .ready))]
        if let refusal = segment.refusal { outcomes.append(.frame(refusal.frame(from: gateway, to: probe.machine))) }
        return outcomes
    }

    /// - Parameter content: of the answer to a ping, from its identifier on.
    package mutating func receivePing(_ content: ArraySlice<UInt8>, from address: IPAddress, _ port: PortIndex) -> [Outcome] {
        var reader = PacketReader(content)
        guard let identifier = reader.word(),
            let found = probes.firstIndex(where: {
                $0.kind == .ping && $0.port == port && $0.machine.ip == address && $0.source == identifier
            })
        else { return [] }
        return [.event(.probe(identity: probes.remove(at: found).identity, answer: .ready))]
    }

    private mutating func nextSource() -> UInt16 {
        defer { source = source == Self.ports.upperBound ? Self.ports.lowerBound : source + 1 }
        return source
    }
}
