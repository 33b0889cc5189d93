internal import Devices

/// The MultiProcessor table, for kernels that know no ACPI.
///
///     0x0040E  segment of the EBDA       0x9FC00  the EBDA: its size in KiB
///     0x00413  KiB of base memory        0x9FC10  floating pointer -> configuration table at 0xF1000
///
/// Source: MultiProcessor Specification 1.4, chapter 4.
package enum MPTable {
    static let pointer = AddressMap.ebda + 0x10
    static let configuration: UInt64 = 0xF_1000

    /// Everything that goes into memory, the two words of the BIOS data area included.
    static func pieces(cpus: Int) -> [BootPlan.Piece] {
        var segment = LittleEndianBytes()
        segment.append(UInt16(truncatingIfNeeded: AddressMap.ebda >> 4))
        var base = LittleEndianBytes()
        base.append(UInt16(truncatingIfNeeded: AddressMap.ebda >> 10))
        return [
            BootPlan.Piece(address: 0x40E, bytes: segment.bytes),
            BootPlan.Piece(address: 0x413, bytes: base.bytes),
            BootPlan.Piece(address: AddressMap.ebda, bytes: [1]),
            BootPlan.Piece(address: pointer, bytes: floatingPointer()),
            BootPlan.Piece(address: configuration, bytes: configurationTable(cpus: cpus)),
        ]
    }

    package static func floatingPointer() -> [UInt8] {
        var bytes = LittleEndianBytes()
        bytes.append("_MP_", count: 4)
        bytes.append(UInt32(truncatingIfNeeded: configuration))
        bytes.append([1, 4, 0, 0, 0, 0, 0, 0])
        bytes.store(ACPITables.checksum(bytes.bytes[...]), at: 10)
        return bytes.bytes
    }

    private static let pciBus: UInt8 = 0
    private static let isaBus: UInt8 = 1

    package static func configurationTable(cpus: Int) -> [UInt8] {
        let ioapic = UInt8(clamping: cpus)
        var entries = LittleEndianBytes()
        var count: UInt16 = 0
        func add(_ body: (inout LittleEndianBytes) -> Void) {
            body(&entries)
            count += 1
        }
        for cpu in 0..<ioapic {
            add {
                $0.append([0, cpu, 0x14, cpu == 0 ? 3 : 1])  // enabled; the first one boots
                $0.append(UInt32(0x600))  // family 6
                $0.append(UInt32(0x201))  // floating point, local APIC
                $0.append(UInt64(0))
            }
        }
        add {
            $0.append([1, pciBus])
            $0.append("PCI", count: 6)
        }
        add {
            $0.append([1, isaBus])
            $0.append("ISA", count: 6)
        }
        add {
            $0.append([2, ioapic, 0x11, 1])
            $0.append(UInt32(truncatingIfNeeded: AddressMap.ioAPIC.lowerBound))
        }
        let taken = [2] + AddressMap.pciIRQs
        for line in UInt32(0)..<16 where !taken.contains(line) {
            // Flags 0: as the bus has it (ISA: edge, high); 0xF: level, low.
            let flags: UInt8 = line == AddressMap.sciIRQ ? 0xF : 0
            add { $0.append([3, 0, flags, 0, isaBus, UInt8(line), ioapic, line == 0 ? 2 : UInt8(line)]) }
        }
        for device in AddressMap.firstFreeSlot..<32 {
            for pin in UInt8(0)..<4 {
                let line = AddressMap.pciIRQ(device: device, pin: pin + 1)
                add { $0.append([3, 0, 0xF, 0, pciBus, device << 2 | pin, ioapic, UInt8(line)]) }
            }
        }
        add { $0.append([4, 3, 0, 0, isaBus, 0, 0xFF, 0]) }  // LINT0: what the 8259s have
        add { $0.append([4, 1, 0, 0, isaBus, 0, 0xFF, 1]) }  // LINT1: non-maskable

        var table = LittleEndianBytes()
        table.append("PCMP", count: 4)
        table.append(UInt16(44 + entries.count))
        table.append([4, 0])
        table.append("VMLAB", count: 8)
        table.append("BOARD1", count: 12)
        table.append(UInt32(0))
        table.append(UInt16(0))
        table.append(count)
        table.append(UInt32(truncatingIfNeeded: AddressMap.localAPIC.lowerBound))
        table.append(UInt32(0))
        table.append(entries.bytes)
        table.store(ACPITables.checksum(table.bytes[...]), at: 7)
        return table.bytes
    }
}
