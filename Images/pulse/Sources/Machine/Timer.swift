import CPU

/// Microseconds since the start, and an alarm: the time stamp counter and the local APIC's timer.
///
/// How fast both run is taken from the hypervisor's leaf 0x40000010, else measured against the ACPI timer for 2 ms, once. An
/// alarm that comes early does no harm: whoever waits looks at the time.
final class Timer {
    private let clock: Clock
    private let interrupts: Interrupts
    private let kilohertz: UInt64
    /// The APIC timer's own, its divider applied.
    private let alarmKilohertz: UInt64
    private var alarm: UInt64?

    private enum Register {
        static let entry: UInt64 = 0xFEE0_0320
        static let initialCount: UInt64 = 0xFEE0_0380
        static let currentCount: UInt64 = 0xFEE0_0390
        static let divider: UInt64 = 0xFEE0_03E0
    }

    private static let divideBy16: UInt32 = 3
    private static let masked: UInt32 = 1 << 16

    init(clock: Clock, interrupts: Interrupts) {
        self.clock = clock
        self.interrupts = interrupts
        store32(Register.divider, Self.divideBy16)
        let leaf: UInt32 = 0x4000_0010
        let highest = read_cpuid(0x4000_0000).eax
        let told = highest >= leaf && highest < 0x4000_1000 ? read_cpuid(leaf) : cpuid()
        if told.eax != 0, told.ebx != 0 {
            kilohertz = UInt64(told.eax)
            alarmKilohertz = max(UInt64(told.ebx) / 16, 1)
        } else {
            store32(Register.entry, Self.masked | UInt32(Interrupts.Vector.timer))
            store32(Register.initialCount, ~0)
            let before = read_tsc()
            clock.delay(microseconds: 2000)
            let cycles = read_tsc() &- before
            let ticks = UInt64(~load32(Register.currentCount))
            store32(Register.initialCount, 0)
            kilohertz = clock.timerPort == 0 ? 1_000_000 : max(cycles / 2, 1)
            alarmKilohertz = clock.timerPort == 0 ? 62_500 : max(ticks / 2, 1)
        }
    }

    /// Microseconds.
    var now: UInt64 {
        let cycles = clock.cycles
        return cycles / kilohertz &* 1000 &+ cycles % kilohertz &* 1000 / kilohertz
    }

    /// Makes sure that `Interrupts.wait` ends at a time, at the latest.
    func wake(at time: UInt64) {
        guard interrupts.mode != .polled, alarm != time else { return }
        alarm = time
        let now = now
        let microseconds = min(time > now ? time - now : 1, 60_000_000)
        let ticks = microseconds &* alarmKilohertz / 1000 &+ 1
        store32(Register.entry, UInt32(Interrupts.Vector.timer))
        store32(Register.initialCount, UInt32(clamping: ticks))
    }

    /// The alarm rang, or somebody reset the APIC: the next wish for the same time is a new one.
    func forgetAlarm() { alarm = nil }
}
