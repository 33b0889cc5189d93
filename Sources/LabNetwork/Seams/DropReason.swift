/// From where a port stands: a frame that its machine sent comes in.
package enum FrameDirection: UInt8, Hashable, Sendable {
    case incoming = 1
    case outgoing = 2
}

/// Why a frame went no further.
package enum DropReason: String, Hashable, Sendable, CaseIterable {
    /// The port's reader does not keep up, and its queue is full.
    case queueFull = "queue-full"
    case portDown = "port-down"
    case linkDown = "link-down"
    case partition
    /// Lost by the declared link.
    case loss
    /// More is on its way on the declared link than it holds.
    case linkFull = "link-full"
    case storm
    /// A bridge's own groups (01-80-C2-00-00-0x) are never forwarded.
    case reserved
    case vlan
    /// The gateway's Ethernet address, or words for an address that is the gateway's or another machine's.
    case spoof
    case malformed
    /// One frame that is longer than the network's packets may be.
    case oversize
    case uplinkDown = "uplink-down"
    /// An IPv6 router's words, from a machine that is not the network's declared gateway.
    case rogueRouter = "rogue-router"
}
