import Synchronization

/// How a virtio function interrupts: MSI-X vectors where the driver mapped them, else the interrupt pin with its status byte (virtio 1.2 section 4.1.4.5).
///
/// Called by workers and vCPUs alike. Nothing here waits for anything but the moment another one needs.
final class VirtioInterrupts: Sendable {
    private struct State {
        /// Bit 0: a queue; bit 1: the configuration.
        var isr: UInt8 = 0
        var isPinDisabled = false
        var configVector = VirtioRegisters.noVector
        var queueVectors: [UInt16]
    }

    let msix: MSIX
    private let pin: any InterruptLine
    private let state: Mutex<State>

    init(queues: Int, sink: any MSISink, pin: any InterruptLine) {
        msix = MSIX(count: queues + 1, sink: sink)
        self.pin = pin
        state = Mutex(State(queueVectors: Array(repeating: VirtioRegisters.noVector, count: queues)))
    }

    // MARK: Raising

    func queue(_ index: Int) {
        raise(0b01, vector: state.withLock { $0.queueVectors[index] })
    }

    func configuration() {
        raise(0b10, vector: state.withLock { $0.configVector })
    }

    private func raise(_ bit: UInt8, vector: UInt16) {
        if msix.isEnabled {
            // The configuration bit is kept with MSI-X too; a queue's is the pin's alone.
            if bit == 0b10 { state.withLock { $0.isr |= bit } }
            msix.send(vector)
        } else {
            state.withLock { state in
                state.isr |= bit
                drivePin(state)
            }
        }
    }

    /// The line is driven inside the lock, so that two threads cannot reach it in the wrong order.
    private func drivePin(_ state: State) {
        pin.setLevel(state.isr != 0 && !state.isPinDisabled && !msix.isEnabled)
    }

    // MARK: The guest's side

    /// Reads the status byte, which clears it and releases the pin.
    func takeStatus() -> UInt8 {
        state.withLock { state in
            let isr = state.isr
            state.isr = 0
            if isr != 0 { drivePin(state) }
            return isr
        }
    }

    /// Whether the status byte is not zero: PCI's interrupt status bit.
    var isPending: Bool { state.withLock { $0.isr != 0 } }

    /// The command register's interrupt-disable bit, or MSI-X's enable bit, may have changed.
    func follow(isPinDisabled: Bool) {
        state.withLock { state in
            state.isPinDisabled = isPinDisabled
            drivePin(state)
        }
    }

    var configVector: UInt16 { state.withLock { $0.configVector } }

    func vector(ofQueue index: Int) -> UInt16 { state.withLock { $0.queueVectors[index] } }

    /// A vector that does not exist reads back as none.
    func setConfigVector(_ vector: UInt16) {
        state.withLock { $0.configVector = checked(vector) }
    }

    func setVector(_ vector: UInt16, ofQueue index: Int) {
        state.withLock { $0.queueVectors[index] = checked(vector) }
    }

    private func checked(_ vector: UInt16) -> UInt16 { Int(vector) < msix.count ? vector : VirtioRegisters.noVector }

    /// The driver reset the device: all vectors unmapped, nothing pending.
    func reset() {
        state.withLock { state in
            state.isr = 0
            state.configVector = VirtioRegisters.noVector
            for index in state.queueVectors.indices { state.queueVectors[index] = VirtioRegisters.noVector }
            drivePin(state)
        }
    }
}
