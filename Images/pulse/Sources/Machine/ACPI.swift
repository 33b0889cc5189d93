import CPU

/// The facts that pulse takes from the ACPI tables: power registers, interrupt controllers, processors.
struct ACPI {
    private(set) var power = PowerRegisters()
    private(set) var processors: [UInt8] = []
    private(set) var ioapic: UInt64 = 0xFEC0_0000
    private(set) var serialInterrupt = InterruptLine(number: 4)
    private(set) var systemControlInterrupt = InterruptLine(number: 9, isLevel: true, isActiveLow: true)

    struct InterruptLine {
        var number: UInt32
        var isLevel = false
        var isActiveLow = false
    }

    /// Zero means: not there.
    struct PowerRegisters {
        var eventBlock: UInt16 = 0
        var eventLength: UInt16 = 0
        var controlBlock: UInt16 = 0
        var timer: UInt16 = 0
        var enableCommandPort: UInt16 = 0
        var enableCommand: UInt8 = 0
        var softOffType: UInt16?
        var resetPort: UInt16 = 0
        var resetValue: UInt8 = 0
    }

    /// The most tables we look at: a root table may lie about its length.
    private static let mostTables: UInt64 = 64

    private static let longestTable: UInt64 = 1 << 20

    init(rootPointer: UInt64) {
        let root = rootPointer != 0 ? rootPointer : Self.findRootPointer()
        guard root != 0 else { return }
        let extended = load64(root &+ 24)
        if load8(root &+ 15) >= 2, extended != 0 {
            visit(root: extended, entrySize: 8)
        } else {
            visit(root: UInt64(load32(root &+ 16)), entrySize: 4)
        }
    }

    private static func findRootPointer() -> UInt64 {
        for address in stride(from: 0xE0000 as UInt64, to: 0x10_0000, by: 16) where load64(address) == 0x2052_5450_2044_5352 {
            return address
        }
        return 0
    }

    private mutating func visit(root: UInt64, entrySize: UInt64) {
        guard let length = Self.length(of: root) else { return }
        for index in 0..<min((length &- 36) / entrySize, Self.mostTables) {
            let entry = root &+ 36 &+ index &* entrySize
            let table = entrySize == 8 ? load64(entry) : UInt64(load32(entry))
            guard let length = Self.length(of: table) else { continue }
            switch load32(table) {
            case 0x5043_4146: readFixed(table, length)  // "FACP"
            case 0x4349_5041: readInterrupts(table, length)  // "APIC"
            default: continue
            }
        }
    }

    /// The length of a table with a right checksum, `nil` otherwise.
    private static func length(of table: UInt64) -> UInt64? {
        guard table != 0, table < 1 << 32 else { return nil }
        let length = UInt64(load32(table &+ 4))
        guard length >= 36, length <= longestTable else { return nil }
        var sum: UInt8 = 0
        for offset in 0..<length { sum &+= load8(table &+ offset) }
        return sum == 0 ? length : nil
    }

    /// FADT: ports of the fixed hardware.
    private mutating func readFixed(_ table: UInt64, _ length: UInt64) {
        guard length >= 116 else { return }
        systemControlInterrupt.number = UInt32(load16(table &+ 46))
        power.enableCommandPort = load16(table &+ 48)
        power.enableCommand = load8(table &+ 52)
        power.eventBlock = load16(table &+ 56)
        power.controlBlock = load16(table &+ 64)
        power.timer = load16(table &+ 76)
        power.eventLength = UInt16(load8(table &+ 88))
        let hasResetRegister = load32(table &+ 112) & 1 << 10 != 0
        let isPort = length >= 129 && load8(table &+ 116) == 1
        if hasResetRegister, isPort {
            power.resetPort = UInt16(truncatingIfNeeded: load64(table &+ 120))
            power.resetValue = load8(table &+ 128)
        }
        var description = UInt64(load32(table &+ 40))
        if length >= 148, load64(table &+ 140) != 0 { description = load64(table &+ 140) }
        readSleepType(description)
    }

    /// DSDT: the one name that matters here, `_S5_`, a package whose first element is what PM1a control wants.
    ///
    ///     5F 53 35 5F  12 <length 1-4 bytes> <elements>  [0A] <value> ...
    ///
    /// Found by its letters; the checksum of the largest table would cost more than all else that happens before the banner.
    private mutating func readSleepType(_ table: UInt64) {
        guard table != 0, table < 1 << 32 else { return }
        let length = min(UInt64(load32(table &+ 4)), Self.longestTable)
        for offset in 36..<max(length &- 12, 36) where load8(table &+ offset) == 0x5F && load32(table &+ offset) == 0x5F35_535F {
            var at = table &+ offset &+ 4
            guard load8(at) == 0x12 else { continue }
            at &+= 2 &+ UInt64(load8(at &+ 1) >> 6)
            at &+= 1
            let prefixed = load8(at) == 0x0A
            power.softOffType = UInt16(load8(prefixed ? at &+ 1 : at)) & 7
            return
        }
    }

    /// MADT: enabled processors, the first I/O APIC, overrides of the interrupts that pulse uses.
    private mutating func readInterrupts(_ table: UInt64, _ length: UInt64) {
        var offset: UInt64 = 44
        while offset &+ 2 <= length {
            let entry = table &+ offset
            let size = UInt64(load8(entry &+ 1))
            guard size >= 2, offset &+ size <= length else { return }
            switch load8(entry) {
            case 0 where size >= 8 && load32(entry &+ 4) & 1 != 0: processors.append(load8(entry &+ 3))
            case 1 where size >= 12 && load32(entry &+ 8) == 0: ioapic = UInt64(load32(entry &+ 4))
            case 2 where size >= 10: override(source: UInt32(load8(entry &+ 3)), line: load32(entry &+ 4), flags: load16(entry &+ 8))
            default: break
            }
            offset &+= size
        }
    }

    private mutating func override(source: UInt32, line: UInt32, flags: UInt16) {
        let replacement = InterruptLine(number: line, isLevel: flags & 0xC == 0xC, isActiveLow: flags & 3 == 3)
        if source == 4 { serialInterrupt = replacement }
        if source == systemControlInterrupt.number { systemControlInterrupt = replacement }
    }
}
