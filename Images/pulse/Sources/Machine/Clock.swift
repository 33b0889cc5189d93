import CPU

/// Time since the start, by the time stamp counter; how fast that runs is asked for only when somebody wants to know.
struct Clock {
    private let start = read_tsc()
    /// The ACPI timer's port, zero if there is none.
    var timerPort: UInt16 = 0

    private static let timerFrequency: UInt64 = 3_579_545
    private static let timerMask: UInt32 = 0xFF_FFFF

    var cycles: UInt64 { read_tsc() &- start }

    /// Kilohertz: from the hypervisor's leaf 0x40000010, else measured against the ACPI timer for 2 ms.
    func kilohertz() -> UInt64 {
        let highest = read_cpuid(0x4000_0000).eax
        if highest >= 0x4000_0010, highest < 0x4000_1000 {
            let told = UInt64(read_cpuid(0x4000_0010).eax)
            if told != 0 { return told }
        }
        guard timerPort != 0 else { return 1_000_000 }
        let before = read_tsc()
        delay(microseconds: 2000)
        return max((read_tsc() &- before) / 2, 1)
    }

    func milliseconds() -> UInt64 {
        let now = cycles
        return now / kilohertz()
    }

    /// Waits by the ACPI timer. Without one it is silence of a fixed length: only starting processors asks for that.
    func delay(microseconds: UInt64) {
        guard timerPort != 0 else {
            for _ in 0..<microseconds { pause_spin() }
            return
        }
        let ticks = UInt32(truncatingIfNeeded: microseconds &* Self.timerFrequency / 1_000_000)
        let begin = in32(timerPort)
        while (in32(timerPort) &- begin) & Self.timerMask < ticks { pause_spin() }
    }
}
