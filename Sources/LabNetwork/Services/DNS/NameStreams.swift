/// The TCP connections on which one network's machines ask for names: a few for each port, so that nobody's flood closes another's.
struct NameStreams: Sendable {
    /// A resolver has one or two.
    static let perPort = 16

    private var streams: [PortIndex: [NameStream]] = [:]
    private var count: UInt64 = 0

    typealias Output = [[UInt8]]

    /// - Parameter answer: of each whole question; it is told the connection's identity.
    mutating func receive(
        _ segment: TCPSegment, from peer: Endpoint, to local: Endpoint, at port: PortIndex, now: UInt64,
        answer: (ArraySlice<UInt8>, UInt64) -> [UInt8]?
    ) -> Output {
        var own = streams[port] ?? []
        defer { streams[port] = own.isEmpty ? nil : own }
        if let index = own.firstIndex(where: { $0.peer == peer && $0.local == local && $0.peerPort == segment.sourcePort }) {
            let identity = own[index].identity
            let segments = own[index].receive(segment, now: now) { answer($0, identity) }
            if own[index].isOver { own.remove(at: index) }
            return segments.map { $0.frame(from: local, to: peer) }
        }
        guard segment.flags == .synchronize, segment.sourcePort != 0 else {
            return segment.refusal.map { [$0.frame(from: local, to: peer)] } ?? []
        }
        if own.count >= Self.perPort {
            // The one that has been silent longest goes, those that never came to speak first.
            let candidates = own.indices.filter { own[$0].isOpening }
            let oldest = (candidates.isEmpty ? Array(own.indices) : candidates).min { own[$0].lastHeard < own[$1].lastHeard }
            if let oldest { own.remove(at: oldest) }
        }
        count &+= 1
        // Only the port's own guest can speak on the port, so that nothing has to be hard to guess.
        let start = UInt32(truncatingIfNeeded: now >> 12 &+ count &* 64_000)
        let stream = NameStream(identity: count, peer: peer, local: local, opening: segment, start: start, now: now)
        own.append(stream)
        return [stream.greeting.frame(from: local, to: peer)]
    }

    /// An answer that was waited for.
    mutating func send(_ answer: [UInt8], on identity: UInt64, at port: PortIndex, now: UInt64) -> Output {
        guard let index = streams[port]?.firstIndex(where: { $0.identity == identity }), var stream = streams[port]?[index] else {
            return []
        }
        let segments = stream.send(answer, now: now)
        streams[port]?[index] = stream
        return segments.map { $0.frame(from: stream.local, to: stream.peer) }
    }

    mutating func drop(_ port: PortIndex) { streams[port] = nil }

    var nextDeadline: UInt64? { streams.values.joined().map(\.nextDeadline).min() }

    mutating func tick(now: UInt64) -> [(port: PortIndex, frame: [UInt8])] {
        var due: [(port: PortIndex, frame: [UInt8])] = []
        for port in streams.keys.sorted(by: { $0.number < $1.number }) {
            var own = streams[port] ?? []
            for index in own.indices where own[index].nextDeadline <= now {
                let (local, peer) = (own[index].local, own[index].peer)
                due += own[index].tick(now: now).map { (port, $0.frame(from: local, to: peer)) }
            }
            own.removeAll(where: \.isOver)
            streams[port] = own.isEmpty ? nil : own
        }
        return due
    }
}
