package import LabModel
internal import PortStream

/// One direction of a shaped link: frames go in, and come out later, twice, damaged or never.
///
/// What happens to the frame with number n is drawn from the seed and n alone: every frame takes the same number of draws, whatever
/// the shape. A large segment that was not cut yet is one frame here.
package struct Wire: Sendable {
    package private(set) var shape: LinkShape
    private var dice: Derived
    private var flights: FlightQueue
    private var bytesInFlight = 0
    /// When the last frame that was sent has left, as far as the rate is concerned.
    private var free: UInt64 = 0

    package enum Outcome: Hashable, Sendable {
        case sent
        case lost
        /// More is waiting than the wire holds.
        case full
    }

    /// - Parameter direction: tells the wires of one port apart.
    package init(_ shape: LinkShape, seed: UInt64, lab: String, port: PortName, direction: String) {
        self.shape = shape
        dice = Derived(seed: seed, "link", lab, port.network, port.machine, direction)
        flights = FlightQueue()
    }

    /// Takes another shape. What is on its way stays there no longer than what sets out now could: a wire that was slow, and is not
    /// any more, neither keeps its frames to the old pace nor drops new ones for want of room.
    package mutating func change(to shape: LinkShape, now: UInt64) {
        self.shape = shape
        let queued = shape.bitsPerSecond > 0 ? Self.longestQueue(shape.bitsPerSecond) : 0
        let delay = min(shape.delayMicroseconds, LinkShape.longestDelay) &+ min(shape.jitterMicroseconds, LinkShape.longestDelay)
        free = min(free, now &+ queued)
        flights.hasten(to: now &+ queued &+ delay &* 1000)
    }

    /// Nanoseconds that frames may wait for the rate.
    private static func longestQueue(_ bitsPerSecond: UInt64) -> UInt64 {
        max(Limits.rateWait, Limits.rateBytes * 8 * 1_000_000_000 / bitsPerSecond)
    }

    /// Nothing is done to frames, and none is on its way.
    package var isIdle: Bool { shape.isNothing && flights.isEmpty }
    package var nextDeadline: UInt64? { flights.first }

    /// Takes a record (count, header, frame).
    package mutating func send(_ record: [UInt8], now: UInt64) -> Outcome {
        let fate = Fate(&dice, shape)
        if fate.isLost { return .lost }
        guard bytesInFlight + record.count * 2 <= Limits.bytesInFlight else { return .full }
        var due = now
        if shape.bitsPerSecond > 0 {
            let start = max(now, free)
            guard start - now <= Self.longestQueue(shape.bitsPerSecond) else { return .full }
            let bits = UInt64(max(0, record.count - Self.overhead)) * 8
            free = start &+ bits * 1_000_000_000 / shape.bitsPerSecond
            due = free
        }
        due = due &+ fate.delay
        let records = fate.corruptAt.map { Damage.apply(to: record, at: $0) } ?? [record]
        for _ in 0..<(fate.isDuplicated ? 2 : 1) {
            for record in records {
                bytesInFlight += record.count
                flights.push(record, due: due)
            }
        }
        return .sent
    }

    /// The next record that has arrived by now, and when.
    package mutating func next(now: UInt64) -> (due: UInt64, record: [UInt8])? {
        guard let flight = flights.pop(now: now) else { return nil }
        bytesInFlight -= flight.record.count
        return flight
    }

    package mutating func removeAll() {
        flights = FlightQueue()
        bytesInFlight = 0
        free = 0
    }

    private static let overhead = PortRecord.prefixCount + NetworkHeader.byteCount
}

/// What happens to one frame.
private struct Fate {
    var isLost: Bool
    var isDuplicated: Bool
    /// A number from which the bit is chosen.
    var corruptAt: UInt64?
    /// Nanoseconds.
    var delay: UInt64

    init(_ dice: inout Derived, _ shape: LinkShape) {
        func happens(_ draw: UInt64, _ ppm: UInt32) -> Bool { draw.multipliedFullWidth(by: 1_000_000).high < UInt64(ppm) }
        isLost = happens(dice.next(), shape.lossPPM)
        isDuplicated = happens(dice.next(), shape.duplicatePPM)
        let isCorrupt = happens(dice.next(), shape.corruptPPM)
        let isHurried = happens(dice.next(), shape.reorderPPM)
        let jitter = dice.next()
        let place = dice.next()
        corruptAt = isCorrupt ? place : nil
        let spread = min(shape.jitterMicroseconds, LinkShape.longestDelay) * 1000
        let offset = jitter.multipliedFullWidth(by: spread * 2 + 1).high
        let latest = min(shape.delayMicroseconds, LinkShape.longestDelay) * 1000 + offset
        delay = isHurried ? 0 : latest - min(latest, spread)
    }
}

extension LinkShape {
    /// An hour, in microseconds: longer than any wire.
    package static let longestDelay: UInt64 = 3_600_000_000
}
