import CPU

/// Off, on again, and the button.
struct Power {
    let registers: ACPI.PowerRegisters

    private static let softOffEnable: UInt16 = 1 << 13
    private static let systemControlEnabled: UInt16 = 1
    private static let button: UInt16 = 1 << 8
    /// Looks at PM1 control this often after asking for ACPI mode.
    private static let enableAttempts = 10_000

    /// Takes the fixed hardware over from the firmware, if it still has it, and arms the power button.
    func armButton() {
        guard registers.controlBlock != 0, registers.eventBlock != 0 else { return }
        if in16(registers.controlBlock) & Self.systemControlEnabled == 0, registers.enableCommandPort != 0 {
            out8(registers.enableCommandPort, registers.enableCommand)
            var attempts = Self.enableAttempts
            while attempts > 0, in16(registers.controlBlock) & Self.systemControlEnabled == 0 { attempts -= 1 }
        }
        out16(registers.eventBlock, Self.button)
        out16(registers.eventBlock &+ registers.eventLength / 2, Self.button)
    }

    /// Whether the button was pressed since the last time somebody asked.
    func takeButton() -> Bool {
        guard registers.eventBlock != 0 else { return false }
        let status = in16(registers.eventBlock)
        guard status & Self.button != 0 else { return false }
        out16(registers.eventBlock, Self.button)
        return true
    }

    /// ACPI state S5. Returns only if the machine has no such thing.
    func off() {
        guard registers.controlBlock != 0, let type = registers.softOffType else { return }
        out16(registers.controlBlock, type << 10 | Self.softOffEnable)
        Self.halt()
    }

    /// The ladder of resets: the register that the FADT names, port 0xCF9, the keyboard controller, a triple fault.
    func reboot() -> Never {
        if registers.resetPort != 0 { out8(registers.resetPort, registers.resetValue) }
        resetByPort()
        resetByKeyboardController()
        Self.tripleFault()
    }

    func resetByPort() { out8(0xCF9, 0x06) }

    func resetByKeyboardController() { out8(0x64, 0xFE) }

    /// An exception without any handler, then another one, then the third.
    static func tripleFault() -> Never {
        load_interrupt_table(0, 0)
        undefined_instruction()
        Self.halt()
    }

    /// Sleeps for good, interrupts off.
    static func halt() -> Never {
        halt_forever()
        fatalError()
    }
}
