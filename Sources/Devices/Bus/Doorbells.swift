/// How a guest's "this queue has work" reaches the thread that works on the queue; one value per device.
///
/// A queue's doorbell is an address the guest writes to. While a device's window is decoded, every queue has one; the host may watch it
/// (KVM_IOEVENTFD, any width, no data match) so that the write costs no return to the monitor. Where it does not or cannot, the write arrives as an
/// ordinary access and the device says `ring`. Either way the same thing follows: a worker thread calls `VirtioPCI.process(queue:)`, soon and at least once.
/// Doorbells ring spuriously, early, late and in storms; a worker may merge any number of them.
package protocol Doorbells: Sendable {
    /// Writes to `address` mean `queue` from now on. Called with a lock of the device held; must not call back into it.
    func arm(queue: Int, at address: UInt64)
    /// The opposite of the `arm` with the same arguments.
    func disarm(queue: Int, at address: UInt64)
    /// The guest, or the device itself, asks for a turn of `queue`. From any thread; must not block and must not run the turn itself.
    func ring(queue: Int)
}

extension Doorbells {
    package func arm(queue: Int, at address: UInt64) {}
    package func disarm(queue: Int, at address: UInt64) {}
}
