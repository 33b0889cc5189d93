import Synchronization

/// The MC146818 real-time clock and its 128 bytes of memory.
///
///     0x00 seconds, 0x02 minutes, 0x04 hours; 0x01, 0x03, 0x05 the alarm's       0x0A rate, update in progress (bit 7)
///     0x06 weekday, 0x07 day, 0x08 month, 0x09 year, 0x32 century                0x0B SET 7, PIE 6, AIE 5, UIE 4, binary 2, 24 h 1
///     0x0F shutdown byte; the memory sizes that firmware reads are in            0x0C IRQF 7, PF 6, AF 5, UF 4; reading clears
///     0x15-18, 0x30/31, 0x34/35, 0x5B-5D, processors - 1 in 0x5F                 0x0D bit 7: the battery is good
///
/// The time is the host's in UTC plus what the guest has set. Attach 2 ports at `AddressMap.cmos`; the line is `AddressMap.rtcIRQ`.
package final class CMOS: ByteBusDevice, ResettableDevice {
    private enum Register {
        static let rate = 0x0A
        static let control = 0x0B
        static let flags = 0x0C
        static let valid = 0x0D
        static let century = 0x32
    }

    private enum Control {
        static let set: UInt8 = 0x80
        static let interrupts: UInt8 = 0x70
        static let binary: UInt8 = 0x04
        static let hours24: UInt8 = 0x02
    }

    private enum Flag {
        static let any: UInt8 = 0x80
        static let periodic: UInt8 = 0x40
        static let alarm: UInt8 = 0x20
        static let update: UInt8 = 0x10
    }

    private static let second: Int64 = 1_000_000_000
    /// The update is announced this long before it happens.
    private static let updateNotice: Int64 = 244_000
    /// Faster periodic interrupts are served at this rate: a guest must not cost its host more.
    private static let shortestPeriod: UInt64 = 976_562

    private struct State {
        var index: UInt8 = 0
        var memory = [UInt8](repeating: 0, count: 128)
        /// Guest's time minus the host's, in nanoseconds.
        var offset: Int64 = 0
        /// The guest's time while the guest holds the clock to set it.
        var held: CalendarTime?
        /// The last second and the last period whose end has been noticed.
        var seenSecond: Int64 = 0
        var seenPeriod: UInt64 = 0
        var asserted = false
        /// What the alarm was last set to.
        var alarmed: UInt64?

        var control: UInt8 { memory[Register.control] }
    }

    private let clock: any MachineClock
    private let line: any InterruptLine
    private let alarm: any Alarm
    private let state: Mutex<State>

    /// - Parameters:
    ///   - lowMemory: bytes of RAM below 4 GiB.
    ///   - highMemory: bytes of RAM from 4 GiB up.
    ///   - alarm: fires when an enabled interrupt is due; its owner then calls `alarmFired`.
    package init(
        clock: any MachineClock, line: any InterruptLine, lowMemory: UInt64, highMemory: UInt64, processors: Int,
        alarm: any Alarm = NoAlarm()
    ) {
        self.clock = clock
        self.line = line
        self.alarm = alarm
        var state = State()
        state.memory[Register.rate] = 0x26
        state.memory[Register.control] = Control.hours24
        state.memory[Register.valid] = 0x80
        func store(_ value: UInt64, _ places: [Int]) {
            for (index, place) in places.enumerated() { state.memory[place] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index)) }
        }
        let mebibyte: UInt64 = 1 << 20
        let extended = lowMemory > mebibyte ? lowMemory - mebibyte : 0
        // 640 KiB below; KiB above 1 MiB, at most 65535; 64 KiB units above 16 MiB; 64 KiB units above 4 GiB.
        store(640, [0x15, 0x16])
        store(min(extended >> 10, 0xFFFF), [0x17, 0x18])
        store(min(extended >> 10, 0xFFFF), [0x30, 0x31])
        store(lowMemory > 16 * mebibyte ? min((lowMemory - 16 * mebibyte) >> 16, 0xFFFF) : 0, [0x34, 0x35])
        store(min(highMemory >> 16, 0xFF_FFFF), [0x5B, 0x5C, 0x5D])
        store(UInt64(min(max(processors, 1), 256) - 1), [0x5F])
        // Equipment: a coprocessor. Boot order: hard disk.
        store(0x02, [0x14])
        store(0x02, [0x3D])
        self.state = Mutex(state)
        self.state.withLock { state in
            state.seenSecond = guestSeconds(state)
            state.seenPeriod = currentPeriod(state) ?? 0
        }
    }

    package func alarmFired() {
        state.withLock { state in
            state.alarmed = nil
            catchUp(&state)
        }
    }

    /// Interrupts off; time and memory, which a battery keeps, stay.
    package func reset() {
        state.withLock { state in
            state.index = 0
            state.memory[Register.control] &= ~Control.interrupts
            state.memory[Register.flags] = 0
            settle(&state)
        }
    }

    // MARK: Ports

    package func readByte(offset: UInt64) -> UInt8 {
        guard offset == 1 else { return 0xFF }
        return state.withLock { state in
            let index = Int(state.index)
            switch index {
            case 0x00, 0x02, 0x04, 0x06...0x09, Register.century: return timeByte(index, state)
            case Register.rate: return state.memory[Register.rate] | (isUpdating(state) ? 0x80 : 0)
            case Register.flags:
                catchUp(&state)
                let flags = state.memory[Register.flags]
                state.memory[Register.flags] = 0
                settle(&state)
                return flags
            default: return state.memory[index]
            }
        }
    }

    package func writeByte(offset: UInt64, value: UInt8) {
        state.withLock { state in
            if offset == 0 { state.index = value & 0x7F }
            guard offset == 1 else { return }
            let index = Int(state.index)
            switch index {
            case 0x00, 0x02, 0x04, 0x06...0x09, Register.century: setTimeByte(index, value, &state)
            case Register.rate:
                state.memory[Register.rate] = value & 0x7F
                state.seenPeriod = currentPeriod(state) ?? 0
            case Register.control: setControl(value, &state)
            case Register.flags, Register.valid: break
            default: state.memory[index] = value
            }
            catchUp(&state)
            settle(&state)
        }
    }

    private func setControl(_ value: UInt8, _ state: inout State) {
        let wasHeld = state.control & Control.set != 0
        let isHeld = value & Control.set != 0
        if isHeld, !wasHeld { state.held = CalendarTime(seconds: guestSeconds(state)) }
        if !isHeld, wasHeld, let held = state.held {
            setTime(held, &state)
            state.held = nil
        }
        state.memory[Register.control] = value
    }

    // MARK: Time

    private var hostNanoseconds: Int64 { Int64(truncatingIfNeeded: clock.wallNanoseconds() & 0x7FFF_FFFF_FFFF_FFFF) }

    private func guestNanoseconds(_ state: State) -> Int64 { hostNanoseconds &+ state.offset }

    private func guestSeconds(_ state: State) -> Int64 {
        let now = guestNanoseconds(state)
        return now >= 0 ? now / Self.second : -1 - (-1 - now) / Self.second
    }

    /// Nanoseconds into the second.
    private func fraction(_ state: State) -> Int64 { guestNanoseconds(state) &- guestSeconds(state) &* Self.second }

    private func isUpdating(_ state: State) -> Bool {
        state.control & Control.set == 0 && fraction(state) >= Self.second - Self.updateNotice
    }

    private func timeByte(_ index: Int, _ state: State) -> UInt8 {
        let seconds = guestSeconds(state)
        let time = state.held ?? CalendarTime(seconds: seconds)
        switch index {
        case 0x00: return encoded(time.second, state)
        case 0x02: return encoded(time.minute, state)
        case 0x04: return encodedHour(time.hour, state)
        case 0x06: return encoded(CalendarTime.weekday(seconds: state.held?.seconds ?? seconds), state)
        case 0x07: return encoded(time.day, state)
        case 0x08: return encoded(time.month, state)
        case 0x09: return encoded(((time.year % 100) + 100) % 100, state)
        default: return encoded(((time.year / 100 % 100) + 100) % 100, state)
        }
    }

    private func setTimeByte(_ index: Int, _ value: UInt8, _ state: inout State) {
        var time = state.held ?? CalendarTime(seconds: guestSeconds(state))
        let number = decoded(value, state)
        switch index {
        case 0x00: time.second = number
        case 0x02: time.minute = number
        case 0x04: time.hour = decodedHour(value, state)
        case 0x06: return
        case 0x07: time.day = number
        case 0x08: time.month = number
        // Without a century a two-digit year would be ambiguous; the century register keeps its own.
        case 0x09: time.year = time.year / 100 * 100 + number % 100
        default: time.year = number % 100 * 100 + ((time.year % 100) + 100) % 100
        }
        if state.held != nil { state.held = time } else { setTime(time, &state) }
    }

    private func setTime(_ time: CalendarTime, _ state: inout State) {
        // Years beyond 2262 do not fit in nanoseconds; then the clock shows nonsense, as asked.
        state.offset = time.seconds &* Self.second &- hostNanoseconds
        state.seenSecond = guestSeconds(state)
    }

    private func encoded(_ value: Int64, _ state: State) -> UInt8 {
        let byte = UInt8(truncatingIfNeeded: value)
        return state.control & Control.binary != 0 ? byte : (byte / 10) << 4 | byte % 10
    }

    private func decoded(_ byte: UInt8, _ state: State) -> Int64 {
        state.control & Control.binary != 0 ? Int64(byte) : Int64(byte >> 4) * 10 + Int64(byte & 15)
    }

    private func encodedHour(_ hour: Int64, _ state: State) -> UInt8 {
        if state.control & Control.hours24 != 0 { return encoded(hour, state) }
        return encoded(hour % 12 == 0 ? 12 : hour % 12, state) | (hour >= 12 ? 0x80 : 0)
    }

    private func decodedHour(_ byte: UInt8, _ state: State) -> Int64 {
        if state.control & Control.hours24 != 0 { return decoded(byte, state) }
        return decoded(byte & 0x7F, state) % 12 + (byte & 0x80 != 0 ? 12 : 0)
    }

    // MARK: Interrupts

    /// Nanoseconds of the periodic interrupt's period; nil while it is off.
    private func period(_ state: State) -> UInt64? {
        let rate = UInt64(state.memory[Register.rate] & 15)
        guard rate > 0 else { return nil }
        // 32,768 Hz divided by 2^(rate - 1); rates 1 and 2 are those of 8 and 9.
        let shift = rate <= 2 ? rate + 6 : rate - 1
        return (1_000_000_000 << shift) >> 15
    }

    private func currentPeriod(_ state: State) -> UInt64? {
        period(state).map { clock.monotonicNanoseconds() / $0 }
    }

    /// Notices what has happened since somebody last looked, then sets the alarm for what comes next.
    private func catchUp(_ state: inout State) {
        var flags: UInt8 = 0
        if state.control & Control.set == 0 {
            let now = guestSeconds(state)
            if now != state.seenSecond {
                flags |= Flag.update
                if alarmMatches(after: state.seenSecond, upTo: now, state) { flags |= Flag.alarm }
                state.seenSecond = now
            }
        }
        if let current = currentPeriod(state), current != state.seenPeriod {
            flags |= Flag.periodic
            state.seenPeriod = current
        }
        state.memory[Register.flags] |= flags
        settle(&state)
    }

    /// Whether the alarm's time of day came by; a field from 0xC0 up is any.
    private func alarmMatches(after old: Int64, upTo now: Int64, _ state: State) -> Bool {
        // A day holds every time of day; going back in time rings nothing.
        guard now > old else { return false }
        let first = max(old &+ 1, now &- 86_399)
        let wanted = [0x05, 0x03, 0x01].map { state.memory[$0] }
        for second in first...now {
            let time = CalendarTime(seconds: second)
            let fields = [encodedHour(time.hour, state), encoded(time.minute, state), encoded(time.second, state)]
            if zip(wanted, fields).allSatisfy({ $0 >= 0xC0 || $0 == $1 }) { return true }
        }
        return false
    }

    /// Makes IRQF, the line and the alarm agree with flags and enables.
    private func settle(_ state: inout State) {
        let isRaised = state.memory[Register.flags] & state.control & Control.interrupts != 0
        if isRaised { state.memory[Register.flags] |= Flag.any } else { state.memory[Register.flags] &= ~Flag.any }
        if isRaised != state.asserted {
            state.asserted = isRaised
            line.setLevel(isRaised)
        }
        // While the guest has not read the flags no new edge can come, so nothing needs to be timed.
        let next = isRaised ? nil : nextEvent(state)
        guard next != state.alarmed else { return }
        state.alarmed = next
        alarm.set(next)
    }

    private func nextEvent(_ state: State) -> UInt64? {
        let now = clock.monotonicNanoseconds()
        var next: UInt64?
        if state.control & (Flag.update | Flag.alarm) != 0, state.control & Control.set == 0 {
            next = now &+ UInt64(truncatingIfNeeded: Self.second - fraction(state))
        }
        if state.control & Flag.periodic != 0, let period = period(state) {
            let due = (state.seenPeriod &+ 1) &* period
            next = min(next ?? .max, max(due, now &+ (period < Self.shortestPeriod ? Self.shortestPeriod : 0)))
        }
        return next
    }
}
