internal import LabModel

/// Conversations that the outside began in the gateway's name.
///
/// Who comes in by a published port from the host's own loopback has no address that a machine could answer, so the uplink lends it the
/// gateway's. What the machine answers there is the uplink's, and nothing else that it sends to the gateway is.
struct PublishedFlows: Sendable {
    struct Flow: Hashable, Sendable {
        var port: PortIndex
        /// UDP or TCP.
        var transport: UInt8
        /// At the gateway's address.
        var outside: UInt16
        /// At the machine's.
        var machine: UInt16
    }

    /// A few times what one host's programs have open to a lab; the one that was silent longest goes first.
    private static let limit = 4096
    /// A connection may be silent for so long (RFC 5382, 5), a pair of UDP ports for less (RFC 4787, 4.3); nanoseconds.
    private static let life: (connection: UInt64, datagram: UInt64) = (7440 * 1_000_000_000, 300 * 1_000_000_000)

    /// When each was heard of last.
    private var seen: [Flow: UInt64] = [:]

    /// The outside began it, or goes on.
    mutating func note(_ flow: Flow, now: UInt64) {
        if seen[flow] == nil, seen.count >= Self.limit, let oldest = seen.min(by: { $0.value < $1.value }) { seen[oldest.key] = nil }
        seen[flow] = now
    }

    /// Whether the machine answers there.
    mutating func isKnown(_ flow: Flow, now: UInt64) -> Bool {
        guard let last = seen[flow] else { return false }
        let life = flow.transport == IPPacket.Transport.tcp ? Self.life.connection : Self.life.datagram
        guard now &- last < life || now < last else {
            seen[flow] = nil
            return false
        }
        seen[flow] = now
        return true
    }

    mutating func drop(_ port: PortIndex) { seen = seen.filter { $0.key.port != port } }
}
