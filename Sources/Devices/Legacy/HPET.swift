import Synchronization

/// A block of event timers in memory: a counter of 100 MHz and three comparators (IA-PC HPET Specification 1.0a, section 2.3).
///
///     0x000 GCAP_ID   u64  revision 7:0, timers less one 12:8, 64 bits 13, legacy 15, vendor 31:16, femtoseconds a tick 63:32
///     0x010 GEN_CONF  u64  counts 0, timers 0 and 1 replace the PIT's and the RTC's interrupts 1
///     0x020 GINTR_STA u64  a bit for each timer whose interrupt is by level; write one to clear
///     0x0F0 MAIN_CNT  u64
///     0x100 + 0x20 n  u64  configuration of timer n, and 8 bytes on its comparator: `HPETTimer`
///
/// The counter is the clock divided, with no remainder that adds up. Events that nobody could see are not made up for, but the next one keeps its place in the
/// row. Accesses are of 32 or 64 bits, aligned; other writes vanish.
package final class HPET: BusDevice {
    private enum Register {
        static let identity: UInt64 = 0x000
        static let configuration: UInt64 = 0x010
        static let status: UInt64 = 0x020
        static let counter: UInt64 = 0x0F0
        static let timers: UInt64 = 0x100
        static let timerByteCount: UInt64 = 0x20
    }

    private struct State {
        /// The counter when it last began, or stopped.
        var base: UInt64 = 0
        /// When it began; nil: it stands.
        var since: UInt64?
        var isLegacy = false
        /// A bit for each timer.
        var status: UInt64 = 0
        var timers = [HPETTimer](repeating: HPETTimer(), count: HPET.timerCount)
        /// A bit for each line that is held up.
        var asserted: UInt32 = 0
        var armed: UInt64?
        var lastEvent: UInt64 = 0
    }

    package static let byteCount: UInt64 = 0x400
    package static let timerCount = 3
    static let nanosecondsPerTick: UInt64 = 10
    /// Periodic events come no more often, whatever the period: nobody could handle them, and each costs the host.
    static let shortestPeriod: UInt64 = 50_000
    /// In ticks, for the ACPI table.
    package static let smallestTick = UInt16(shortestPeriod / nanosecondsPerTick)
    /// The low half of GCAP_ID; the ACPI table has it too.
    package static let identity: UInt32 = 0x8086_0000 | 1 << 15 | 1 << 13 | UInt32(timerCount - 1) << 8 | 1

    private let clock: any MachineClock
    private let lines: [any InterruptLine]
    private let alarm: any Alarm
    private let replace: @Sendable (Bool) -> Void
    private let state = Mutex(State())

    /// - Parameters:
    ///   - lines: the 24 of the interrupt controllers.
    ///   - alarm: fires when an event is due; its owner then calls `alarmFired`.
    ///   - replace: told when timers 0 and 1 take the PIT's and the RTC's place and when they give it back: those keep still in between.
    package init(
        clock: any MachineClock, lines: [any InterruptLine], alarm: any Alarm, replace: @escaping @Sendable (Bool) -> Void
    ) {
        self.clock = clock
        self.lines = lines
        self.alarm = alarm
        self.replace = replace
    }

    package func alarmFired() {
        state.withLock { state in
            state.armed = nil
            settle(&state)
        }
    }

    // MARK: Registers

    package func read(offset: UInt64, width: AccessWidth) -> UInt64 {
        let value = state.withLock { state -> UInt64 in
            switch offset & ~7 {
            case Register.identity: return UInt64(Self.identity) | (Self.nanosecondsPerTick * 1_000_000) << 32
            case Register.configuration: return (state.since == nil ? 0 : 1) | (state.isLegacy ? 2 : 0)
            case Register.counter: return counter(state)
            case Register.status:
                settle(&state)
                return state.status
            default:
                guard let place = Self.timer(at: offset) else { return 0 }
                settle(&state)
                return place.isComparator ? state.timers[place.index].comparator : state.timers[place.index].configuration
            }
        }
        return value >> ((offset & 7) &* 8)
    }

    package func write(offset: UInt64, width: AccessWidth, value: UInt64) {
        guard width == .eight && offset & 7 == 0 || width == .four && offset & 3 == 0 else { return }
        let shift = (offset & 7) &* 8
        let mask = width.allOnes << shift
        func merge(_ old: UInt64) -> UInt64 { old & ~mask | value << shift & mask }
        state.withLock { state in
            settle(&state)
            switch offset & ~7 {
            case Register.configuration: configure(&state, merge((state.since == nil ? 0 : 1) | (state.isLegacy ? 2 : 0)))
            case Register.status: state.status &= ~merge(0)
            case Register.counter:
                state.base = merge(counter(state))
                if state.since != nil { state.since = clock.monotonicNanoseconds() }
                for index in state.timers.indices { state.timers[index].place(counter: state.base) }
            default:
                guard let place = Self.timer(at: offset) else { return }
                let now = counter(state)
                if place.isComparator {
                    state.timers[place.index].compare(merge, counter: now)
                } else {
                    let old = state.timers[place.index].configuration
                    state.timers[place.index].configure(merge(old), counter: now)
                }
            }
            settle(&state)
        }
    }

    private func configure(_ state: inout State, _ value: UInt64) {
        if value & 1 != 0, state.since == nil { state.since = clock.monotonicNanoseconds() }
        if value & 1 == 0, state.since != nil {
            state.base = counter(state)
            state.since = nil
        }
        let isLegacy = value & 2 != 0
        guard isLegacy != state.isLegacy else { return }
        state.isLegacy = isLegacy
        replace(isLegacy)
    }

    private static func timer(at offset: UInt64) -> (index: Int, isComparator: Bool)? {
        guard offset >= Register.timers else { return nil }
        let (index, place) = (offset &- Register.timers).quotientAndRemainder(dividingBy: Register.timerByteCount)
        guard index < timerCount, place < 16 else { return nil }
        return (Int(truncatingIfNeeded: index), place >= 8)
    }

    // MARK: Time

    private func counter(_ state: State) -> UInt64 {
        guard let since = state.since else { return state.base }
        return state.base &+ (clock.monotonicNanoseconds() &- since) / Self.nanosecondsPerTick
    }

    /// What has happened by now becomes interrupts, and the alarm is set for what comes next.
    private func settle(_ state: inout State) {
        if state.since != nil {
            let now = counter(state)
            for index in state.timers.indices where state.timers[index].advance(to: now) {
                let timer = state.timers[index]
                if timer.isLevel {
                    state.status |= 1 << UInt64(index)
                } else if timer.isEnabled, let line = line(of: index, state) {
                    lines[line].pulse()
                }
                if timer.isEnabled { state.lastEvent = clock.monotonicNanoseconds() }
            }
        }
        drive(&state)
        let moment = nextEvent(state)
        guard moment != state.armed else { return }
        state.armed = moment
        alarm.set(moment)
    }

    /// The first moment at which an interrupt is due.
    private func nextEvent(_ state: State) -> UInt64? {
        guard let since = state.since else { return nil }
        var first: UInt64?
        for (index, timer) in state.timers.enumerated() {
            guard timer.isEnabled, !timer.isLevel || state.status >> UInt64(index) & 1 == 0, let due = timer.due else { continue }
            let (nanoseconds, overflow) = (due &- state.base).multipliedReportingOverflow(by: Self.nanosecondsPerTick)
            let (moment, isNever) = since.addingReportingOverflow(nanoseconds)
            guard !overflow, !isNever else { continue }
            let allowed = timer.isPeriodic ? max(moment, state.lastEvent &+ Self.shortestPeriod) : moment
            first = min(first ?? .max, allowed)
        }
        return first
    }

    // MARK: Lines

    private func line(of index: Int, _ state: State) -> Int? {
        let line = state.isLegacy && index < 2 ? Int([AddressMap.timerIRQ, AddressMap.rtcIRQ][index]) : state.timers[index].line
        return line.flatMap { lines.indices.contains($0) ? $0 : nil }
    }

    /// Holds up the lines of the timers whose interrupts are by level and wait to be cleared.
    private func drive(_ state: inout State) {
        var wanted: UInt32 = 0
        if state.since != nil {
            for (index, timer) in state.timers.enumerated() where timer.isLevel && timer.isEnabled && state.status >> UInt64(index) & 1 != 0
            {
                if let line = line(of: index, state) { wanted |= 1 << UInt32(line) }
            }
        }
        let changed = wanted ^ state.asserted
        state.asserted = wanted
        for line in lines.indices where changed >> UInt32(line) & 1 != 0 { lines[line].setLevel(wanted >> UInt32(line) & 1 != 0) }
    }
}

/// A line that can be taken from its device for a while; the device does not notice.
package final class SwitchedLine: InterruptLine {
    private let line: any InterruptLine
    private let state = Mutex((isConnected: true, level: false))

    package init(_ line: any InterruptLine) { self.line = line }

    package func connect(_ isConnected: Bool) {
        state.withLock { state in
            guard isConnected != state.isConnected else { return }
            state.isConnected = isConnected
            if state.level { line.setLevel(isConnected) }
        }
    }

    package func setLevel(_ asserted: Bool) {
        state.withLock { state in
            state.level = asserted
            if state.isConnected { line.setLevel(asserted) }
        }
    }
}
