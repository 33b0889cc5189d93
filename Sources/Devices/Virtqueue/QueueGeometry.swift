/// Where a split virtqueue lies: checked once, then immutable until the device is reset (virtio 1.2 section 2.7).
///
///     descriptor table   16 * size bytes, 16-aligned     { addr: u64, len: u32, flags: u16, next: u16 }
///     available ring     6 + 2 * size bytes, 2-aligned   { flags: u16, idx: u16, ring: [u16], used_event: u16 }
///     used ring          6 + 8 * size bytes, 4-aligned   { flags: u16, idx: u16, ring: [{ id: u32, len: u32 }], avail_event: u16 }
///
/// The two event fields exist only with EVENT_IDX.
package struct QueueGeometry: Sendable {
    package let size: UInt16
    let descriptors: GuestWindow
    let available: GuestWindow
    let used: GuestWindow

    /// - Throws: if the guest's numbers do not make a queue; `maximumSize` is the device's own and a power of two.
    package init(
        size: UInt16, maximumSize: UInt16, descriptors: UInt64, available: UInt64, used: UInt64, hasEventIndex: Bool, memory: GuestMemory
    ) throws(GeometryError) {
        guard size > 0, size <= maximumSize, size & (size &- 1) == 0 else { throw .badSize }
        guard descriptors & 15 == 0, available & 1 == 0, used & 3 == 0 else { throw .unaligned }
        let count = UInt64(size)
        let event: UInt64 = hasEventIndex ? 2 : 0
        let descriptorCount = 16 &* count
        let availableCount = 4 &+ 2 &* count &+ event
        let usedCount = 4 &+ 8 &* count &+ event
        guard let descriptorWindow = memory.window(descriptors, count: descriptorCount),
            let availableWindow = memory.window(available, count: availableCount),
            let usedWindow = memory.window(used, count: usedCount)
        else { throw .outsideMemory }
        // The sums cannot wrap: all three ranges are RAM.
        let parts = [
            descriptors..<(descriptors &+ descriptorCount), available..<(available &+ availableCount), used..<(used &+ usedCount),
        ]
        guard !parts[0].overlaps(parts[1]), !parts[0].overlaps(parts[2]), !parts[1].overlaps(parts[2]) else { throw .overlapping }
        self.size = size
        self.descriptors = descriptorWindow
        self.available = availableWindow
        self.used = usedWindow
    }

    package enum GeometryError: Error, Equatable {
        /// Zero, not a power of two, or more than the device offers.
        case badSize
        case unaligned
        case outsideMemory
        /// Two of the three parts share bytes.
        case overlapping
    }
}
