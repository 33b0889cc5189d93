import Synchronization

/// 00:01.3, a PIIX4 power management function: says where the ACPI power management block lies.
///
///     0x40  PMBA: bits 15:6 the base port, bit 0 always set
///     0x58  DEVACTB: bit 25 says that system management mode is done with
///     0x80  PMREGMISC: bit 0 opens the block
///
/// For guests without firmware the block is open from the start, at `AddressMap.pmBase` or where the board's model has it. Firmware finds it closed, as after the chip's reset, and opens it where
/// it wants it (OVMF at 0xB000, and switches off there; SeaBIOS at 0x600). A place that the port bus refuses closes it until a better one comes.
package final class PowerFunction: PCIFunction {
    private struct State {
        var config: PCIConfigSpace
        var base: UInt64?
    }

    private let ports: Bus
    private let block: any BusDevice
    private let state: Mutex<State>

    private static let pmba = 0x40
    private static let devactb = 0x58
    private static let regmisc = 0x80

    /// - Parameters:
    ///   - block: the power management block; this function attaches it to `ports`, nobody else does.
    ///   - base: where the block lies until somebody moves it.
    ///   - isOpen: whether it begins open.
    package init(block: any BusDevice, ports: Bus, base: UInt64 = AddressMap.pmBase, isOpen: Bool = true) {
        self.ports = ports
        self.block = block
        var config = PCIConfigSpace(vendor: 0x8086, device: 0x7113, revision: 3, classCode: 0x068000)
        config.allowStores(in: 0x40..<0x100)
        config.set32(Self.pmba, UInt32(truncatingIfNeeded: base) | 1, writable: 0xFFC0)
        config.set8(Self.regmisc, isOpen ? 1 : 0, writable: 1)
        // DEVACTB bit 25: system management interrupts are set up already, so that no firmware waits for one; there are none.
        config.set8(Self.devactb + 3, 0x02)
        config.set8(PCIConfigSpace.Register.interruptLine, UInt8(AddressMap.sciIRQ), writable: 0xFF)
        config.set8(PCIConfigSpace.Register.interruptPin, 1)
        config.seal()
        state = Mutex(State(config: config, base: nil))
        state.withLock { follow(&$0) }
    }

    /// Where the block is open now.
    package var base: UInt64? { state.withLock { $0.base } }

    private func follow(_ state: inout State) {
        let wanted = state.config.byte(Self.regmisc) & 1 == 0 ? nil : UInt64(state.config.long(Self.pmba) & 0xFFC0)
        guard wanted != state.base else { return }
        if let base = state.base { ports.detach(block, at: base) }
        state.base = nil
        if let wanted, wanted != 0, (try? ports.attach(block, at: wanted, count: AddressMap.pmByteCount)) != nil { state.base = wanted }
    }

    package func readConfig(offset: Int, width: AccessWidth) -> UInt32 {
        state.withLock { $0.config.read(offset: offset, width: width) }
    }

    package func writeConfig(offset: Int, width: AccessWidth, value: UInt32) {
        state.withLock { state in
            state.config.write(offset: offset, width: width, value: value)
            if offset & ~3 == Self.pmba || offset & ~3 == Self.regmisc { follow(&state) }
        }
    }

    package func resetFunction() {
        state.withLock { state in
            state.config.reset()
            follow(&state)
        }
    }
}
