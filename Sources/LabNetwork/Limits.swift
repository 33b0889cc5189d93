/// What a lab's networks can make grow, and how far.
package enum Limits {
    /// Addresses that a lab's switches remember together.
    package static let addresses = 1024
    /// Addresses that one port may have learnt: a guest that makes up senders forgets its own, nobody else's.
    package static let addressesPerPort = 64
    /// An address that was not heard of for so long is forgotten, in nanoseconds; IEEE 802.1D's default.
    package static let addressAge: UInt64 = 300_000_000_000

    /// Bytes taken from one port and turn: it is also what one write to another port can be.
    package static let gulp = 256 << 10
    /// Bytes that wait for a port whose reader does not keep up; what comes after them is dropped.
    package static let queueBytes = 1 << 20

    /// Frames a second that one port may send to everybody, to groups and to unknown addresses; as many in one burst.
    package static let stormRate: UInt64 = 4096

    /// Frames that one large segment is cut into here: segments of 64 bytes. What it would be cut into beyond is lost, or one guest
    /// could keep the switch busy for all others.
    package static let pieces = 1024
    /// Of those, frames for the gateway itself: its window holds no more of the smallest.
    package static let piecesForGateway = 64

    /// Bytes on their way on one shaped wire: a second of 128 Mbit/s.
    package static let bytesInFlight = 16 << 20
    /// How long a frame may wait for a wire's rate, in nanoseconds, unless `rateBytes` take longer.
    package static let rateWait: UInt64 = 100_000_000
    /// Bytes that may always wait for a wire's rate: two of the largest frames.
    package static let rateBytes: UInt64 = 128 << 10

    /// Ports of a lab: as many as can each have one address.
    package static let ports = 1024
    package static let networks = 256
    /// The longest control line.
    package static let controlLine = 4096
    /// Bytes of events that wait for a keeper that does not read.
    package static let eventBytes = 1 << 20
}
