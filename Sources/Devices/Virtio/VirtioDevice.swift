/// A virtio device without its transport: features, configuration, and what to do with the chains on its queues.
///
/// A new device is one class that does this. The transport (`VirtioPCI`) holds the queues and the guest's registers, and gives the device a
/// queue only while the driver has it running:
/// - `negotiated` comes first, once, when the driver is ready; then `process` turns, each on the queue's worker thread, never two at once for one
///   queue; then `reset`, when no turn is running and none will start.
/// - `process` never blocks on anything but the device's own storage, and ends soon after `queue.mustStop`.
package protocol VirtioDevice: AnyObject, Sendable {
    /// What the device is, in the words of the PCI ids.
    var identity: VirtioIdentity { get }
    /// The device's own feature bits; the transport adds its own (VERSION_1, EVENT_IDX, INDIRECT_DESC).
    var features: UInt64 { get }
    /// Largest size of each queue, all powers of two; their number is the number of queues.
    var queueSizes: [UInt16] { get }
    /// The device-specific configuration, as it is now. Its length never changes.
    var configuration: [UInt8] { get }

    /// Whether the accepted features go together; each is already known to be offered.
    func accepts(features: UInt64) -> Bool
    /// The driver wrote one byte of the configuration.
    func writeConfiguration(offset: Int, value: UInt8)
    /// The driver is ready, having accepted `features`.
    func negotiated(features: UInt64)
    /// One turn: take chains from `queue` and answer them.
    /// - Returns: true if there is more to do at once; the worker then comes back without waiting for a doorbell.
    /// - Throws: what the guest did wrong with the queue; the transport asks the driver for a reset.
    func process(queue index: Int, _ queue: inout Virtqueue) throws(VirtqueueError) -> Bool
    /// The driver reset the device: forget everything it said.
    func reset()
}

extension VirtioDevice {
    package func accepts(features: UInt64) -> Bool { true }
    package func writeConfiguration(offset: Int, value: UInt8) {}
}

/// The ids a virtio device shows on PCI (virtio 1.2 section 4.1.2).
package struct VirtioIdentity: Sendable {
    /// 2 block, 3 console, 4 entropy, 1 network.
    package let type: UInt16
    /// Class, subclass and programming interface: 0xCCSSPP.
    package let classCode: UInt32
    /// For messages.
    package let name: String

    package init(type: UInt16, classCode: UInt32, name: String) {
        self.type = type
        self.classCode = classCode
        self.name = name
    }
}
