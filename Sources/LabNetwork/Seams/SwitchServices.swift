/// The host at a network's gateway address, as the switch sees it: one value per network.
///
/// The switch offers every untagged frame that came in by a port and is sent to the gateway's Ethernet address, to everybody
/// or to a group: as a plain frame with complete checksums (large segments are cut before, each piece is offered by itself).
/// What the services want to say they leave in `output`; it is emptied after each call.
package protocol SwitchServices: Sendable {
    /// - Parameter network: which of the lab's networks it serves; names of all of them are served on each.
    init(_ settings: BridgeSettings, network: NetworkIndex)

    /// - Parameters:
    ///   - frame: from the Ethernet header on, at least 14 bytes.
    ///   - now: nanoseconds of a monotonic clock.
    mutating func receive(_ frame: [UInt8], from port: PortIndex, now: UInt64) -> ServiceVerdict

    /// A frame from a port's uplink, for that port alone: what becomes of it goes to `output`.
    mutating func receiveFromUplink(_ frame: [UInt8], for port: PortIndex, now: UInt64)

    /// A port or its uplink went up or down: what was waiting for it may be given up.
    mutating func setPort(_ port: PortIndex, isUp: Bool, now: UInt64)
    mutating func setUplink(_ port: PortIndex, isUp: Bool, now: UInt64)

    /// Asks a machine again and again whether it is ready, and says so once, as an event; an identity that exists is replaced.
    mutating func startProbe(_ identity: String, _ probe: ServiceProbe, of port: PortIndex, now: UInt64)
    mutating func stopProbe(_ identity: String)

    /// Called at `nextDeadline` or later.
    mutating func tick(now: UInt64)
    /// The next moment at which `tick` is wanted; nil: not until something comes in.
    var nextDeadline: UInt64? { get }

    /// What is to be sent and told since it was last taken.
    var output: ServiceOutput { get set }
}

/// What the switch does with a frame that the services have seen.
package enum ServiceVerdict: Hashable, Sendable {
    /// As if they had not: learnt and forwarded as usual (which for the gateway's own address is nowhere).
    case notOurs
    /// Nobody else gets it.
    case consumed
    /// It goes to the uplink of the port by which it came, and to nobody else.
    case divertToUplink
}

/// What is asked of a machine.
package enum ServiceProbe: Hashable, Sendable {
    case tcp(port: UInt16)
    case ping
}

/// What the services leave for the switch.
package struct ServiceOutput: Sendable {
    package enum Destination: Hashable, Sendable {
        case port(PortIndex)
        /// All ports of the network that are up.
        case everyPort
    }

    /// Plain frames with complete checksums; the link shapes do not touch them.
    package var frames: [(destination: Destination, frame: [UInt8])] = []
    /// Plain frames for a port's uplink.
    package var uplink: [(port: PortIndex, frame: [UInt8])] = []
    package var events: [BridgeEvent] = []

    package init() {}

    package var isEmpty: Bool { frames.isEmpty && uplink.isEmpty && events.isEmpty }
}
