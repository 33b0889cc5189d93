/// The one board's addresses: ports, guest-physical windows and interrupt numbers.
///
/// Devices, the ACPI tables, the MP table and the boot protocols all read them here and nowhere else.
///
///     guest-physical                                      ports
///     0x0000_0000  RAM                                    0x0060, 0x0064  keyboard controller
///     0x0009_FC00  EBDA: MP table                         0x0070 - 0x0071 RTC, CMOS
///     0x000A_0000  nothing, but text at 0xB8000           0x0092          fast A20, fast reset
///     0x000E_0000  RAM: RSDP, ACPI tables; with firmware  0x00F4          debug exit (only where enabled)
///                  the last 128 KiB of its ROM, copied     0x0510 - 0x051B firmware configuration (only with firmware)
///     0x0010_0000  RAM, up to 3 GiB                       0x0402          debug console (only where enabled)
///     0xFF00_0000  test memory (only where enabled)       0x00E0, 0x2000  test devices (only where enabled)
///     0xC000_0000  32-bit PCI windows                     0x03F8 - 0x03FF COM1
///     0xE000_0000  PCI configuration (ECAM)               0x02F8 - 0x02FF COM2 (absent reads as all ones)
///     0xFEC0_0000  IOAPIC (in KVM)                        0x0600 - 0x063F ACPI PM block (follows PMBA of 00:01.3; elsewhere with a `SleepControl`)
///     0xFED0_0000  HPET (only where enabled)              0x0CF8 - 0x0CFF PCI configuration, reset control at 0xCF9
///     0xFEE0_0000  local APICs (in KVM)                   0x0CF8 - 0x0CFF PCI configuration, reset control at 0xCF9
///     0xFEFF_C000  KVM's own pages                        (0x20/0x21, 0x40-0x43, 0x61, 0xA0/0xA1, 0x4D0/0x4D1: in KVM)
///     0xFF00_0000  firmware's ROM, up to 16 MiB,          0x01F0, 0x03F6  primary IDE channel (empty without a drive
///                  ends at 4 GiB                          0x0170, 0x0376  secondary one    that is none of virtio's)
///     0x1_0000_0000 RAM above 4 GiB
package enum AddressMap {
    // MARK: Guest-physical

    /// Conventional RAM ends where the extended BIOS data area begins.
    package static let ebda: UInt64 = 0x9_FC00
    package static let vgaHole: Range<UInt64> = 0xA_0000..<0xC_0000
    /// Characters and attributes of the display in text mode: RAM that belongs to it.
    package static let textMemory: Range<UInt64> = 0xB_8000..<0xC_0000
    /// Where a scan of the BIOS area finds the root of the ACPI tables; 16-aligned.
    package static let rsdp: UInt64 = 0xE_0000
    /// RAM below 4 GiB never reaches past this; the rest lies from 4 GiB up.
    package static let lowMemoryLimit: UInt64 = 0xC000_0000
    /// Where memory windows of PCI functions are placed when no firmware does it.
    package static let pciMemory: Range<UInt64> = 0xC000_0000..<0xE000_0000
    /// Memory-mapped configuration space of bus 0, on machines that start without firmware: firmware places windows where it likes.
    package static let ecam: Range<UInt64> = 0xE000_0000..<0xE010_0000
    package static let ioAPIC: Range<UInt64> = 0xFEC0_0000..<0xFEC0_1000
    package static let hpet: UInt64 = 0xFED0_0000
    package static let localAPIC: Range<UInt64> = 0xFEE0_0000..<0xFEF0_0000
    /// KVM's own pages, below the largest ROM: a page of identity map, then three of task state.
    package static let kvmPages: Range<UInt64> = 0xFEFF_C000..<0xFF00_0000
    package static let kvmIdentityMap: UInt64 = kvmPages.lowerBound
    package static let kvmTaskState: UInt64 = kvmPages.lowerBound + 0x1000
    package static let testMemory: UInt64 = 0xFF00_0000
    /// Where firmware's ROM may lie; it ends where this does.
    package static let firmware: Range<UInt64> = 0xFF00_0000..<0x1_0000_0000
    /// The end of a ROM is also here, below 1 MiB, at most 128 KiB of it.
    package static let firmwareShadow: Range<UInt64> = 0xE_0000..<0x10_0000
    /// Where firmware may place memory windows of PCI functions: below the IOAPIC, above RAM and never below this.
    package static let firmwarePCIFloor: UInt64 = 0x8000_0000
    package static let highMemory: UInt64 = 0x1_0000_0000

    // MARK: Ports

    package static let keyboardData: UInt64 = 0x60
    package static let keyboardCommand: UInt64 = 0x64
    package static let cmos: UInt64 = 0x70
    package static let systemControl: UInt64 = 0x92
    package static let debugExit: UInt64 = 0xF4
    /// Test devices: see `TestDevices`.
    package static let testPorts: UInt64 = 0xE0
    package static let testLines: UInt64 = 0x2000
    package static let debugConsole: UInt64 = 0x402
    package static let firmwareConfiguration: UInt64 = 0x510
    package static let com1: UInt64 = 0x3F8
    package static let com2: UInt64 = 0x2F8
    /// From the first CRTC's ports to the last; see `TextDisplay`.
    package static let display: UInt64 = 0x3B0
    package static let displayByteCount: UInt64 = 48
    package static let com3: UInt64 = 0x3E8
    package static let com4: UInt64 = 0x2E8
    /// Of the primary and the secondary IDE channel: eight ports, and one.
    package static let ideCommands: [UInt64] = [0x1F0, 0x170]
    package static let ideControls: [UInt64] = [0x3F6, 0x376]
    package static let pciConfig: UInt64 = 0xCF8
    /// Where port windows of PCI functions are placed when no firmware does it.
    package static let pciPorts: Range<UInt64> = 0xC000..<0x1_0000
    /// Reset control; lies inside the configuration address register and answers to byte accesses only.
    package static let resetControl: UInt64 = 0xCF9

    // MARK: ACPI power management block, offsets from its base

    /// The base before a firmware moves it (PMBA of 00:01.3).
    package static let pmBase: UInt64 = 0x600
    /// Of a board that has `SleepControl` where others have the block.
    package static let movedPMBase: UInt64 = 0xB000
    package static let sleepControl: UInt64 = 0x600
    package static let pmByteCount: UInt64 = 64
    package static let pm1Event: UInt64 = 0x00
    package static let pm1Control: UInt64 = 0x04
    package static let pmTimer: UInt64 = 0x08
    /// Two status bytes, two enable bytes, no event behind any of them.
    package static let gpe0: UInt64 = 0x0C
    package static let gpe0ByteCount: UInt64 = 4
    /// SLP_TYP that means soft off: the first two values of the `_S5_` package. A PIIX4's, since firmware that knows the chip does not ask the tables.
    package static let sleepTypeS5: UInt8 = 0
    /// Ticks a second of the PM timer, which is 32 bits wide.
    package static let pmTimerFrequency: UInt64 = 3_579_545
    /// Written to `resetControl` to reset: FADT RESET_VALUE.
    package static let resetValue: UInt8 = 0x06

    // MARK: Interrupts

    /// The PIT's: the IOAPIC has it at pin 2.
    package static let timerIRQ: UInt32 = 0
    package static let com1IRQ: UInt32 = 4
    package static let com2IRQ: UInt32 = 3
    package static let keyboardIRQ: UInt32 = 1
    package static let rtcIRQ: UInt32 = 8
    /// Of the primary and the secondary IDE channel.
    package static let ideIRQs: [UInt32] = [14, 15]
    /// ACPI's interrupt: level, active low in the MADT's words; asserted is `true` on the line.
    package static let sciIRQ: UInt32 = 9

    /// Where PIRQA ... PIRQD lead after reset; firmware and systems may route them anew: level, shared, reachable from PIC and IOAPIC alike.
    package static let pirqRoutes: [UInt32] = [10, 11, 10, 11]
    /// The interrupts that any PCI pin can reach.
    package static let pciIRQs: [UInt32] = [10, 11]

    /// Which PIRQ (0 to 3) an interrupt pin of a device on bus 0 is wired to.
    /// - Parameter pin: 1 for INTA ... 4 for INTD.
    package static func pirq(device: UInt8, pin: UInt8) -> Int {
        Int((device &- 1 &+ pin &- 1) & 3)
    }

    /// The interrupt that a pin of a device on bus 0 raises, for `_PRT` and the MP table.
    package static func pciIRQ(device: UInt8, pin: UInt8) -> UInt32 {
        pirqRoutes[pirq(device: device, pin: pin)]
    }

    // MARK: PCI slots

    package static let hostBridge = PCIAddress(device: 0, function: 0)
    package static let isaBridge = PCIAddress(device: 1, function: 0)
    package static let ideFunction = PCIAddress(device: 1, function: 1)
    package static let powerFunction = PCIAddress(device: 1, function: 3)
    /// virtio devices take slots from here up, in the order they are given.
    package static let firstFreeSlot: UInt8 = 2
}
