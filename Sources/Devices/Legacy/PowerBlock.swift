import Synchronization

/// The ACPI fixed hardware: power button, sleep, PM timer (ACPI 6.5 section 4.8).
///
///     0x00 PM1_STS u16   TMR 0, GBL 5, PWRBTN 8, SLPBTN 9, RTC 10, WAK 15; write one to clear
///     0x02 PM1_EN  u16   the same bits without WAK
///     0x04 PM1_CNT u16   SCI_EN 0 (always set: there is no SMI mode), SLP_TYP 12:10, SLP_EN 13
///     0x08 PM_TMR  u32   3,579,545 Hz, 32 bits
///     0x0C GPE0_STS u16, 0x0E GPE0_EN u16: no event behind any
///
/// Guests read the timer millions of times while they boot, so that path is one look at the clock and one multiplication, without a lock. `PowerFunction`
/// attaches the block; the line is `AddressMap.sciIRQ`.
package final class PowerBlock: BusDevice, ResettableDevice {
    private enum Bit {
        static let timer: UInt16 = 1 << 0
        static let powerButton: UInt16 = 1 << 8
        /// Those that can raise the interrupt.
        static let events: UInt16 = 0x0721
        static let sciEnable: UInt16 = 1 << 0
        static let sleepEnable: UInt16 = 1 << 13
        static let sleepType: UInt16 = 7 << 10
    }

    private struct State {
        var status: UInt16 = 0
        var enable: UInt16 = 0
        var control: UInt16 = Bit.sciEnable
        var gpeEnable: UInt16 = 0
        /// How often the timer's top bit had changed when somebody last looked.
        var carries: UInt64 = 0
        var asserted = false
    }

    private let clock: any MachineClock
    private let line: any InterruptLine
    private let alarm: any Alarm
    private let machine: any MachineControl
    private let start: UInt64
    private let state = Mutex(State())

    /// Ticks a nanosecond, as a fraction of 2^64.
    private static let scale = UInt64((UInt128(AddressMap.pmTimerFrequency) << 64) / 1_000_000_000)
    private static let nanosecondsPerSecond: UInt64 = 1_000_000_000

    /// - Parameter alarm: fires when the timer's top bit changes and the guest wants to know; its owner then calls `alarmFired`.
    package init(clock: any MachineClock, line: any InterruptLine, machine: any MachineControl, alarm: any Alarm = NoAlarm()) {
        self.clock = clock
        self.line = line
        self.alarm = alarm
        self.machine = machine
        start = clock.monotonicNanoseconds()
    }

    /// Ticks since power-on, beyond 32 bits.
    private var ticks: UInt64 { (clock.monotonicNanoseconds() &- start).multipliedFullWidth(by: Self.scale).high }

    /// Somebody pressed the power button; whether the guest does anything is its own affair.
    /// - Returns: whether it has switched the button on, and so is told.
    package func pressPowerButton() -> Bool {
        state.withLock { state in
            state.status |= Bit.powerButton
            drive(&state)
            return state.enable & Bit.powerButton != 0
        }
    }

    package func alarmFired() {
        state.withLock { catchUp(&$0) }
    }

    package func reset() {
        state.withLock { state in
            let asserted = state.asserted
            state = State(carries: ticks >> 31)
            state.asserted = asserted
            drive(&state)
            alarm.set(nil)
        }
    }

    // MARK: Registers

    package func read(offset: UInt64, width: AccessWidth) -> UInt64 {
        if offset == AddressMap.pmTimer, width == .four { return ticks & 0xFFFF_FFFF }
        let (group, timer) = state.withLock { state in
            catchUp(&state)
            let low = UInt64(state.status) | UInt64(state.enable) << 16 | UInt64(state.control) << 32
            return ((low, UInt64(state.gpeEnable) << 48), ticks & 0xFFFF_FFFF)
        }
        var value: UInt64 = 0
        for index in 0..<UInt64(truncatingIfNeeded: width.rawValue) {
            let place = offset &+ index
            let source =
                switch place {
                case 0..<8: group.0
                case 8..<16: group.1 | timer
                default: UInt64(0)
                }
            value |= ((source &>> ((place & 7) &* 8)) & 0xFF) &<< (index &* 8)
        }
        return value
    }

    package func write(offset: UInt64, width: AccessWidth, value: UInt64) {
        // Bytes are gathered into the 16-bit registers they touch, so that a register sees one write.
        var masks: [UInt16] = [0, 0, 0, 0]
        var values: [UInt16] = [0, 0, 0, 0]
        for index in 0..<UInt64(truncatingIfNeeded: width.rawValue) {
            let place = offset &+ index
            guard let register = Self.register(of: place) else { continue }
            let shift = UInt16(truncatingIfNeeded: (place & 1) &* 8)
            masks[register] |= 0xFF << shift
            values[register] |= UInt16(truncatingIfNeeded: (value &>> (index &* 8)) & 0xFF) << shift
        }
        let sleepsFor = state.withLock { state -> UInt8? in
            catchUp(&state)
            state.status &= ~values[0]
            state.enable = (state.enable & ~masks[1] | values[1]) & Bit.events
            state.control = (state.control & ~masks[2] | values[2]) & ~Bit.sleepEnable | Bit.sciEnable
            state.gpeEnable = state.gpeEnable & ~masks[3] | values[3]
            rearm(state)
            drive(&state)
            return values[2] & Bit.sleepEnable == 0 ? nil : UInt8(truncatingIfNeeded: (state.control & Bit.sleepType) >> 10)
        }
        if sleepsFor == AddressMap.sleepTypeS5 { machine.powerOff() }
    }

    /// Status, enable, control, GPE enable: 0 to 3.
    private static func register(of place: UInt64) -> Int? {
        switch place {
        case 0, 1: 0
        case 2, 3: 1
        case 4, 5: 2
        case 0x0E, 0x0F: 3
        default: nil
        }
    }

    // MARK: The timer's top bit

    private func catchUp(_ state: inout State) {
        let carries = ticks >> 31
        guard carries != state.carries else { return }
        state.carries = carries
        state.status |= Bit.timer
        rearm(state)
        drive(&state)
    }

    private func rearm(_ state: State) {
        guard state.enable & Bit.timer != 0, state.status & Bit.timer == 0 else {
            alarm.set(nil)
            return
        }
        // The first nanosecond at which the tick has been reached; far from overflow for a thousand years.
        let tick = (state.carries &+ 1) << 31
        let (seconds, rest) = tick.quotientAndRemainder(dividingBy: AddressMap.pmTimerFrequency)
        let nanoseconds = seconds &* Self.nanosecondsPerSecond &+ rest &* Self.nanosecondsPerSecond / AddressMap.pmTimerFrequency &+ 2
        alarm.set(start &+ nanoseconds)
    }

    private func drive(_ state: inout State) {
        let wanted = state.status & state.enable & Bit.events != 0
        guard wanted != state.asserted else { return }
        state.asserted = wanted
        line.setLevel(wanted)
    }
}
