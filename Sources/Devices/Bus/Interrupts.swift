/// One wire into the interrupt controllers (an ISA interrupt, a PCI pin).
///
/// With KVM: `setLevel` is KVM_IRQ_LINE on the line's GSI. Called from vCPU and worker threads, with a device's lock held: it must not block and must not call back
/// into devices.
package protocol InterruptLine: Sendable {
    /// Asserts (`true`) or releases the line. Repeating a level is allowed and changes nothing.
    func setLevel(_ asserted: Bool)
    /// One edge: up and down. An irqfd without a resample descriptor does this in one write.
    func pulse()
}

extension InterruptLine {
    package func pulse() {
        setLevel(true)
        setLevel(false)
    }
}

/// What a message-signalled interrupt writes, and where.
package struct MSIMessage: Hashable, Sendable {
    /// Always inside the local APICs' window: other addresses never reach a sink.
    package var address: UInt64
    package var data: UInt32

    package init(address: UInt64, data: UInt32) {
        self.address = address
        self.data = data
    }
}

/// Where one function's MSI-X vectors go; one sink per function, vectors counted from 0.
///
/// Masking and the pending bits are the function's own business: a sink is called only for a vector that is enabled and unmasked.
/// With KVM either send every message with KVM_SIGNAL_MSI and leave `route` empty, or keep an irqfd per vector: set its GSI route in `route`
/// (called only when the message really changed, so a storm of masking costs no routing update) and write it in `send`. Called from vCPU and
/// worker threads, with a lock of the function held: must not block for long and must not call back into the function.
package protocol MSISink: Sendable {
    /// From now on `vector` means `message`.
    func route(vector: Int, to message: MSIMessage)
    /// Raises the interrupt.
    func send(vector: Int, message: MSIMessage)
}

extension MSISink {
    package func route(vector: Int, to message: MSIMessage) {}
}
