/// Configuration space in memory (ECAM): 4 KiB for each function of bus 0, the first 256 bytes of them those that the ports lead to.
///
///     27:20 bus (0)   19:15 device   14:12 function   11:0 register
///
/// Functions have no extended registers: from 256 up, as in functions that are absent, reads are all ones.
package final class PCIConfigWindow: BusDevice {
    private let bus: PCIBus

    package init(bus: PCIBus) { self.bus = bus }

    package func read(offset: UInt64, width: AccessWidth) -> UInt64 {
        bus.read(bus: Self.bus(offset), index: Self.index(offset), offset: Self.register(offset), width: width)
    }

    package func write(offset: UInt64, width: AccessWidth, value: UInt64) {
        bus.write(bus: Self.bus(offset), index: Self.index(offset), offset: Self.register(offset), width: width, value: value)
    }

    private static func bus(_ offset: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: offset >> 20) }
    private static func index(_ offset: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: offset >> 12) }
    private static func register(_ offset: UInt64) -> Int { Int(truncatingIfNeeded: offset & 0xFFF) }
}
