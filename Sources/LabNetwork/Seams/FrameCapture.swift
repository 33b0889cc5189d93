/// The record of a network's frames, as the switch sees it.
///
/// A frame is recorded once, where it comes in (or comes from the gateway's services), with the reason if it is dropped there;
/// a frame that is lost on its way out is recorded once more, with that reason.
package protocol FrameCapture: Sendable {
    /// - Parameters:
    ///   - header: 12 bytes (`NetworkHeader`), not judged yet; a checksum that it leaves open is completed in the copy. Empty: nothing is open.
    ///   - frame: from the Ethernet header on.
    ///   - interface: in the order in which the capture was given its interfaces.
    ///   - time: nanoseconds since 1970.
    mutating func record(
        header: Span<UInt8>, frame: Span<UInt8>, interface: Int, direction: FrameDirection, drop: DropReason?, time: UInt64)

    /// True when enough waits to be worth a write before the end of this turn of the loop.
    var wantsDrain: Bool { get }
    /// True when something waits, the beginning of the first section included: to be drained at the end of each turn.
    var hasPending: Bool { get }
    /// Writes what waits. What a file does not take is lost, and counted.
    mutating func drain(into files: inout some CaptureFiles)
}

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
    /// A sender that cannot be, or the gateway's own.
    case spoof
    case malformed
    /// One frame that is longer than the network's packets may be.
    case oversize
    case uplinkDown = "uplink-down"
}
