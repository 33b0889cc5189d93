import Synchronization

/// 00:01.0, a PIIX3 ISA bridge: routes the four PCI interrupts to ISA interrupts.
///
///     0x60 - 0x63  PIRQA ... PIRQD: bit 7 off, bits 3:0 the interrupt (3 to 7, 9 to 12, 14, 15)
///
/// INTA of device d is PIRQ (d - 1) mod 4, INTB the next, and so on. After reset the routes are those of `AddressMap.pciIRQ`, so a guest without firmware
/// finds what the MP table says; firmware and systems may change them (the ACPI tables have a link device for each). An interrupt is asserted while any pin routed to it is.
package final class ISABridge: PCIFunction {
    private struct State {
        var config: PCIConfigSpace
        /// For each PIRQ the pins that assert it, one bit each: device * 4 + pin - 1.
        var asserted: [UInt128]
        /// What the lines were last told.
        var levels: [Bool]
    }

    private let lines: [any InterruptLine]
    private let state: Mutex<State>

    package static let firstRoute = 0x60
    /// Interrupts that a PIRQ may be routed to.
    private static let routable: UInt16 = 0b1101_1110_1111_1000

    /// - Parameter lines: the sixteen ISA interrupts, in order.
    package init(lines: [any InterruptLine]) {
        precondition(lines.count == 16)
        self.lines = lines
        var config = PCIConfigSpace(vendor: 0x8086, device: 0x7000, revision: 0, classCode: 0x060100, isMultifunction: true)
        config.set16(PCIConfigSpace.Register.command, 0x0007)
        config.allowStores(in: 0x40..<0x100)
        for pirq in 0..<4 { config.set8(Self.firstRoute + pirq, UInt8(AddressMap.pirqRoutes[pirq]), writable: 0x8F) }
        config.seal()
        state = Mutex(State(config: config, asserted: Array(repeating: 0, count: 4), levels: Array(repeating: false, count: 16)))
    }

    /// The wire from a device's interrupt pin.
    /// - Parameter pin: 1 for INTA ... 4 for INTD.
    package func line(device: UInt8, pin: UInt8) -> any InterruptLine {
        precondition(device < 32 && (1...4).contains(pin))
        return Pin(bridge: self, pirq: AddressMap.pirq(device: device, pin: pin), bit: UInt128(1) << UInt128(device * 4 + pin - 1))
    }

    private struct Pin: InterruptLine {
        let bridge: ISABridge
        let pirq: Int
        let bit: UInt128

        func setLevel(_ asserted: Bool) {
            bridge.state.withLock { state in
                let before = state.asserted[pirq]
                state.asserted[pirq] = asserted ? before | bit : before & ~bit
                if (before == 0) != (state.asserted[pirq] == 0) { bridge.drive(&state) }
            }
        }
    }

    /// Makes the ISA interrupts follow the pins and the routes.
    private func drive(_ state: inout State) {
        var wanted: UInt16 = 0
        for pirq in 0..<4 where state.asserted[pirq] != 0 {
            let route = state.config.byte(Self.firstRoute + pirq)
            if route & 0x80 == 0 { wanted |= (1 << UInt16(route & 15)) & Self.routable }
        }
        for irq in 0..<16 {
            let level = wanted & (1 << UInt16(irq)) != 0
            guard level != state.levels[irq] else { continue }
            state.levels[irq] = level
            lines[irq].setLevel(level)
        }
    }

    package func readConfig(offset: Int, width: AccessWidth) -> UInt32 {
        state.withLock { $0.config.read(offset: offset, width: width) }
    }

    package func writeConfig(offset: Int, width: AccessWidth, value: UInt32) {
        state.withLock { state in
            state.config.write(offset: offset, width: width, value: value)
            if offset & ~3 == Self.firstRoute { drive(&state) }
        }
    }

    package func resetFunction() {
        state.withLock { state in
            state.config.reset()
            drive(&state)
        }
    }
}
