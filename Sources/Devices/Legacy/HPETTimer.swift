/// One timer of an HPET: what it is told, and when its next event is. All numbers are the main counter's and wrap as it does.
struct HPETTimer {
    enum Bit {
        static let level: UInt64 = 1 << 1
        static let enabled: UInt64 = 1 << 2
        static let periodic: UInt64 = 1 << 3
        static let setsValue: UInt64 = 1 << 6
        static let short: UInt64 = 1 << 8
        static let route: UInt64 = 0x1F << 9
        /// Capabilities: periodic, 64 bits.
        static let fixed: UInt64 = 1 << 4 | 1 << 5
        static let stored = level | enabled | periodic | short
    }

    /// Pins of the IOAPIC that no other device of the board is wired to.
    static let routes: UInt64 = 0x00FF_0000
    /// An event so far away (a good two thousand years) does not come.
    private static let horizon: UInt64 = 1 << 63
    /// So many ticks (a sixth of a second) may pass while a guest writes a comparator; what is further behind is meant for the counter's next round.
    private static let lateness: UInt64 = 1 << 24

    private var settings: UInt64 = 0
    private(set) var comparator: UInt64 = .max
    private(set) var period: UInt64 = 0
    /// The next write of the comparator sets the moment of the next event, not only the time between two.
    private var setsValue = false
    /// When the counter stands here or has just passed, the event happens.
    private(set) var due: UInt64?

    var isLevel: Bool { settings & Bit.level != 0 }
    var isEnabled: Bool { settings & Bit.enabled != 0 }
    var isPeriodic: Bool { settings & Bit.periodic != 0 }
    private var isShort: Bool { settings & Bit.short != 0 }
    private var mask: UInt64 { isShort ? 0xFFFF_FFFF : .max }

    /// The line of the interrupt controllers that it was told to use.
    var line: Int? {
        let route = (settings & Bit.route) >> 9
        return Self.routes >> route & 1 == 0 ? nil : Int(truncatingIfNeeded: route)
    }

    var configuration: UInt64 { settings | Bit.fixed | Self.routes << 32 }

    mutating func configure(_ value: UInt64, counter: UInt64) {
        let old = settings
        let route = (value & Bit.route) >> 9
        // A line that cannot be used is not taken over, which tells the driver so.
        settings = value & Bit.stored | (Self.routes >> route & 1 == 0 ? old : value) & Bit.route
        setsValue = value & Bit.setsValue != 0 && isPeriodic
        guard (old ^ settings) & (Bit.periodic | Bit.short) != 0 else { return }
        comparator &= mask
        period &= mask
        place(counter: counter)
    }

    /// - Parameter merge: puts what was written into what was there.
    mutating func compare(_ merge: (UInt64) -> UInt64, counter: UInt64) {
        if isPeriodic { period = merge(period) & mask }
        guard !isPeriodic || setsValue else { return }
        setsValue = false
        comparator = merge(comparator) & mask
        place(counter: counter)
        // A moment that has passed while the guest was writing it is now: who waits for it would otherwise wait for the counter to come round.
        if (counter &- comparator) & mask <= Self.lateness { due = counter }
    }

    /// Finds the next event anew, after the counter or the meaning of the comparator has changed.
    mutating func place(counter: UInt64) {
        let distance = (comparator &- counter) & mask
        due = distance < Self.horizon ? counter &+ distance : nil
    }

    /// - Returns: whether there was an event since the last look; several are one.
    mutating func advance(to counter: UInt64) -> Bool {
        guard let moment = due, case let late = counter &- moment, late < Self.horizon else { return false }
        if isPeriodic {
            guard period > 0, period < Self.horizon else {
                due = nil
                return true
            }
            // The next one has its place in the row, however late this one was seen.
            let next = moment &+ (late / period &+ 1) &* period
            due = next
            comparator = next & mask
        } else {
            due = isShort ? moment &+ ((late >> 32) &+ 1) << 32 : nil
        }
        return true
    }
}
