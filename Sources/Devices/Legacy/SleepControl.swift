/// Cloud Hypervisor's ports for what its firmware does before any ACPI table is read: switch off, and tell time.
///
///     0x0 SLEEP_CONTROL u8   SLP_TYP 4:2, SLP_EN 5 (ACPI 6.5 section 4.8.3.7); type 5 is off
///     0x8 PM_TMR u32         the PM timer of `PowerBlock`
package final class SleepControl: BusDevice {
    package static let byteCount: UInt64 = 12
    private static let softOff: UInt64 = 5 << 2 | 1 << 5
    private static let fields: UInt64 = 7 << 2 | 1 << 5

    private let timer: PowerBlock
    private let machine: any MachineControl

    package init(timer: PowerBlock, machine: any MachineControl) {
        self.timer = timer
        self.machine = machine
    }

    package func read(offset: UInt64, width: AccessWidth) -> UInt64 {
        offset >= AddressMap.pmTimer ? timer.read(offset: offset, width: width) : 0
    }

    package func write(offset: UInt64, width: AccessWidth, value: UInt64) {
        if offset == 0, value & Self.fields == Self.softOff { machine.powerOff() }
    }
}
