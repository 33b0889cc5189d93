import Synchronization

/// Configuration mechanism #1 (ports 0xCF8 to 0xCFF), with the reset control register that hides inside it.
///
///     0xCF8  address, 4-byte accesses only: bit 31 enable, 23:16 bus, 15:11 device, 10:8 function, 7:2 register
///     0xCF9  reset control, byte accesses only: bit 2 resets, bit 1 says how hard
///     0xCFC  data, 1, 2 or 4 bytes, the offset in 1:0 of the port
///
/// With the enable bit clear the data ports are nobody's: reads are all ones, writes vanish. Attach 8 ports at `AddressMap.pciConfig`.
package final class PCIConfigPorts: BusDevice {
    private struct State {
        var address: UInt32 = 0
        var resetControl: UInt8 = 0
    }

    private let bus: PCIBus
    private let machine: any MachineControl
    private let state = Mutex(State())

    package init(bus: PCIBus, machine: any MachineControl) {
        self.bus = bus
        self.machine = machine
    }

    package func read(offset: UInt64, width: AccessWidth) -> UInt64 {
        switch (offset, width) {
        case (0, .four): return UInt64(state.withLock { $0.address })
        case (1, .one): return UInt64(state.withLock { $0.resetControl })
        case (4..<8, _):
            let address = state.withLock { $0.address }
            guard address & Self.enable != 0 else { return .max }
            return bus.read(bus: Self.bus(address), index: Self.index(address), offset: Self.register(address, offset), width: width)
        default: return .max
        }
    }

    package func write(offset: UInt64, width: AccessWidth, value: UInt64) {
        switch (offset, width) {
        case (0, .four):
            // Bits 30:24 and 1:0 do not exist.
            state.withLock { $0.address = UInt32(truncatingIfNeeded: value) & 0x80FF_FFFC }
        case (1, .one):
            let byte = UInt8(truncatingIfNeeded: value)
            state.withLock { $0.resetControl = byte & 0x0A }
            if byte & 0x04 != 0 { machine.reset(.portCF9) }
        case (4..<8, _):
            let address = state.withLock { $0.address }
            guard address & Self.enable != 0 else { return }
            bus.write(
                bus: Self.bus(address), index: Self.index(address), offset: Self.register(address, offset), width: width, value: value)
        default: break
        }
    }

    /// The machine resets.
    package func reset() {
        state.withLock { $0 = State() }
    }

    private static let enable: UInt32 = 1 << 31
    private static func bus(_ address: UInt32) -> UInt8 { UInt8(truncatingIfNeeded: address >> 16) }
    private static func index(_ address: UInt32) -> UInt8 { UInt8(truncatingIfNeeded: address >> 8) }
    private static func register(_ address: UInt32, _ offset: UInt64) -> Int {
        Int(address & 0xFC) | Int(truncatingIfNeeded: offset & 3)
    }
}
