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
