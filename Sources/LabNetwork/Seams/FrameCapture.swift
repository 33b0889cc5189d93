/// The record of a network's frames, as the switch sees it: takes frames, hands out what is to be written to which file.
///
/// A frame is recorded once, where it comes in (or comes from the gateway's services), with the reason if it is dropped there;
/// a frame that is lost on its way out is recorded once more, with that reason.
package protocol FrameCapture: Sendable {
    /// - Parameters:
    ///   - interfaces: names of the ports in the order of `interface` below; the last is the gateway's.
    ///   - byteLimit: bytes for both files together.
    ///   - snapLength: bytes kept of each frame.
    init(network: String, interfaces: [String], byteLimit: Int, snapLength: Int)

    /// - Parameters:
    ///   - header: 12 bytes (`NetworkHeader`), not judged yet; a checksum that it leaves open is completed in the copy.
    ///   - frame: from the Ethernet header on.
    ///   - time: nanoseconds since 1970.
    mutating func record(
        header: Span<UInt8>, frame: Span<UInt8>, interface: Int, direction: FrameDirection, drop: DropReason?, time: UInt64)

    /// What is to be written next, in order; nil when nothing waits. Only whole blocks.
    mutating func next() -> CaptureWrite?

    /// A write failed or was cut short (the file was cut back to what it had): what this file lacks is said in its next block, if the format can.
    mutating func failed(_ write: CaptureWrite)
}

package struct CaptureWrite: Sendable {
    /// Which of the two files.
    package var file: Int
    /// The file is emptied first: these bytes begin a new section.
    package var begins: Bool
    package var bytes: [UInt8]

    package init(file: Int, begins: Bool, bytes: [UInt8]) {
        self.file = file
        self.begins = begins
        self.bytes = bytes
    }
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
    case uplinkDown = "uplink-down"
}
