internal import Devices

/// The ACPI tables of the one board, at the addresses they get:
///
///     0xE0000  RSDP -> XSDT (and RSDT for the old) -> FADT -> DSDT, FACS
///                                                  -> MADT
///                                                  -> MCFG, where configuration space is in memory as well
///                                                  -> HPET, where there is one
///
/// Source: ACPI specification 6.5, chapter 5. Fixed hardware. MCFG: PCI Firmware Specification 3.3, section 4.1.2. HPET: its own specification 1.0a, section 3.2.4.
package struct ACPITables: Sendable {
    package struct Table: Hashable, Sendable {
        /// The signature, which is also the name a disassembler's file gets.
        package let name: String
        package let address: UInt64
        package let bytes: [UInt8]
    }

    /// What the tables say of the board: as reset leaves it, or as firmware has set it up.
    package struct Setting: Sendable {
        /// Where the first table lies.
        package var base = AddressMap.rsdp + 64
        package var pmBase = AddressMap.pmBase
        package var pciMemory = AddressMap.pciMemory
        /// Configuration space of bus 0, where it is in memory.
        package var ecam: Range<UInt64>? = AddressMap.ecam

        package var hasHPET = false

        package init() {}
    }

    package private(set) var tables: [Table] = []
    private var next: UInt64

    package init(cpus: Int, _ setting: Setting = Setting()) {
        next = setting.base
        let facs = place("FACS", Self.facs())
        let dsdt = place("DSDT", Self.table("DSDT", revision: 2, DSDT.terms(setting)))
        let fadt = place("FACP", Self.fadt(facs: facs, dsdt: dsdt, pmBase: setting.pmBase))
        let madt = place("APIC", Self.madt(cpus: cpus))
        var short = LittleEndianBytes()
        var long = LittleEndianBytes()
        var others = [fadt, madt]
        if let ecam = setting.ecam { others.append(place("MCFG", Self.mcfg(ecam))) }
        if setting.hasHPET { others.append(place("HPET", Self.hpet())) }
        for address in others {
            short.append(UInt32(truncatingIfNeeded: address))
            long.append(address)
        }
        let rsdt = place("RSDT", Self.table("RSDT", revision: 1, short.bytes))
        let xsdt = place("XSDT", Self.table("XSDT", revision: 1, long.bytes))
        tables.append(Table(name: "RSDP", address: AddressMap.rsdp, bytes: Self.rsdp(rsdt: rsdt, xsdt: xsdt)))
    }

    /// The FACS must be 64-aligned; so is everything.
    private mutating func place(_ name: String, _ bytes: [UInt8]) -> UInt64 {
        let address = next
        tables.append(Table(name: name, address: address, bytes: bytes))
        next = (address + UInt64(bytes.count) + 63) & ~63
        return address
    }

    /// One header for all: signature, length, revision, checksum, who made it.
    private static func table(_ signature: StaticString, revision: UInt8, _ content: [UInt8]) -> [UInt8] {
        var bytes = LittleEndianBytes()
        bytes.append(signature, count: 4)
        bytes.append(UInt32(36 + content.count))
        bytes.append([revision, 0])
        bytes.append("VMLAB", count: 6)
        bytes.append("BOARD1", count: 8)
        bytes.append(UInt32(1))
        bytes.append("VMLB", count: 4)
        bytes.append(UInt32(1))
        bytes.append(content)
        bytes.store(checksum(bytes.bytes[...]), at: 9)
        return bytes.bytes
    }

    /// What makes the sum of all bytes zero.
    static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt8 { 0 &- bytes.reduce(0, &+) }

    private static func rsdp(rsdt: UInt64, xsdt: UInt64) -> [UInt8] {
        var bytes = LittleEndianBytes()
        bytes.append("RSD PTR", count: 8)
        bytes.append(UInt8(0))
        bytes.append("VMLAB", count: 6)
        bytes.append(UInt8(2))
        bytes.append(UInt32(truncatingIfNeeded: rsdt))
        bytes.append(UInt32(36))
        bytes.append(xsdt)
        bytes.append(UInt32(0))
        bytes.store(checksum(bytes.bytes[..<20]), at: 8)
        bytes.store(checksum(bytes.bytes[...]), at: 32)
        return bytes.bytes
    }

    private static func facs() -> [UInt8] {
        var bytes = LittleEndianBytes()
        bytes.append("FACS", count: 4)
        bytes.append(UInt32(64))
        bytes.pad(to: 64)
        bytes.store(UInt8(2), at: 32)
        return bytes.bytes
    }

    private static func fadt(facs: UInt64, dsdt: UInt64, pmBase base: UInt64) -> [UInt8] {
        var bytes = LittleEndianBytes(capacity: 276)
        bytes.pad(to: 276 - 36)
        /// Offsets as in the specification, which counts the header.
        func put<T: FixedWidthInteger>(_ value: T, _ offset: Int) { bytes.store(value, at: offset - 36) }
        func putPort(_ port: UInt64, bits: UInt8, access: UInt8, _ offset: Int) {
            put(UInt8(1), offset)
            put(bits, offset + 1)
            put(access, offset + 3)
            put(port, offset + 4)
        }
        put(UInt32(truncatingIfNeeded: facs), 36)
        put(UInt32(truncatingIfNeeded: dsdt), 40)
        put(UInt16(truncatingIfNeeded: AddressMap.sciIRQ), 46)
        // No SMI command: the machine is in ACPI mode from the start.
        put(UInt32(truncatingIfNeeded: base + AddressMap.pm1Event), 56)
        put(UInt32(truncatingIfNeeded: base + AddressMap.pm1Control), 64)
        put(UInt32(truncatingIfNeeded: base + AddressMap.pmTimer), 76)
        put(UInt32(truncatingIfNeeded: base + AddressMap.gpe0), 80)
        put(UInt8(4), 88)
        put(UInt8(2), 89)
        put(UInt8(4), 91)
        put(UInt8(AddressMap.gpe0ByteCount), 92)
        put(UInt16(0xFFFF), 96)  // no C2
        put(UInt16(0xFFFF), 98)  // no C3
        put(UInt8(0x32), 108)  // the century's place in CMOS
        put(UInt16(0b111), 109)  // ISA devices, an 8042, no VGA
        // WBINVD, C1; no sleep button; no RTC wake status; 32-bit timer; reset register. PWR_BUTTON clear: the button is fixed hardware.
        put([0, 2, 5, 6, 8, 10].reduce(UInt32(0)) { $0 | 1 << $1 }, 112)
        putPort(AddressMap.resetControl, bits: 8, access: 1, 116)
        put(AddressMap.resetValue, 128)
        put(UInt8(5), 131)
        put(dsdt, 140)
        putPort(base + AddressMap.pm1Event, bits: 32, access: 2, 148)
        putPort(base + AddressMap.pm1Control, bits: 16, access: 2, 172)
        putPort(base + AddressMap.pmTimer, bits: 32, access: 3, 208)
        putPort(base + AddressMap.gpe0, bits: UInt8(AddressMap.gpe0ByteCount * 8), access: 1, 220)
        return table("FACP", revision: 6, bytes.bytes)
    }

    private static func mcfg(_ ecam: Range<UInt64>) -> [UInt8] {
        var bytes = LittleEndianBytes()
        bytes.append(UInt64(0))
        bytes.append(ecam.lowerBound)
        bytes.append([0, 0, 0, 0])  // segment 0, bus 0 to bus 0
        bytes.append(UInt32(0))
        return table("MCFG", revision: 1, bytes.bytes)
    }

    private static func hpet() -> [UInt8] {
        var bytes = LittleEndianBytes()
        bytes.append(HPET.identity)
        bytes.append([0, 64, 0, 0])  // in memory, 64 bits wide
        bytes.append(AddressMap.hpet)
        bytes.append(UInt8(0))  // the first of its kind
        bytes.append(HPET.smallestTick)
        bytes.append(UInt8(0))  // nothing is said of the rest of its page
        return table("HPET", revision: 1, bytes.bytes)
    }

    private static func madt(cpus: Int) -> [UInt8] {
        var bytes = LittleEndianBytes()
        bytes.append(UInt32(truncatingIfNeeded: AddressMap.localAPIC.lowerBound))
        bytes.append(UInt32(1))  // PCAT_COMPAT: the 8259s are there
        for cpu in 0..<UInt8(clamping: cpus) {
            bytes.append([0, 8, cpu, cpu])
            bytes.append(UInt32(1))
        }
        bytes.append([1, 12, UInt8(clamping: cpus), 0])  // the IOAPIC's id follows those of the processors
        bytes.append(UInt32(truncatingIfNeeded: AddressMap.ioAPIC.lowerBound))
        bytes.append(UInt32(0))
        // ISA interrupts that do not reach the pin of their number, or not as ISA has it: the timer; ACPI, level and active low.
        for (source, pin, flags) in [(0, UInt32(2), UInt16(0)), (UInt8(AddressMap.sciIRQ), AddressMap.sciIRQ, 0xF)] {
            bytes.append([2, 10, 0, source])
            bytes.append(pin)
            bytes.append(flags)
        }
        bytes.append([4, 6, 0xFF, 0, 0, 1])  // LINT1 of every processor is the non-maskable interrupt
        return table("APIC", revision: 5, bytes.bytes)
    }
}
