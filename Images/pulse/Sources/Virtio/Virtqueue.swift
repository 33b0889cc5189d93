import CPU

/// A split virtqueue, the driver's side (virtio 1.2, 2.7).
///
///     descriptors  16 bytes each: address, length, flags (1 next, 2 device writes), next
///     available    flags, index, heads ..., used_event
///     used         flags, index, (head, length) ..., available_event
final class Virtqueue {
    let size: UInt16
    let descriptors: UInt64
    let available: UInt64
    let used: UInt64

    private let memory: DeviceMemory
    private let index: UInt16
    private let doorbell: UInt64
    private let usesEvents: Bool
    private var free: [UInt16] = []
    private var availableIndex: UInt16 = 0
    private var notifiedIndex: UInt16 = 0
    private var usedIndex: UInt16 = 0

    /// Memory that takes part in a request.
    struct Segment {
        let address: UInt64
        let length: UInt32
        let deviceWrites: Bool
    }

    struct Completion {
        let head: UInt16
        let written: UInt32
    }

    private static let pageSize: UInt64 = 4096
    private static let next: UInt16 = 1
    private static let deviceWrites: UInt16 = 2

    init(index: UInt16, size: UInt16, doorbell: UInt64, usesEvents: Bool) throws(Fault) {
        let entries = UInt64(size)
        // Descriptors and the available ring are ours and share pages; the used ring is the device's and gets its own.
        let ours = (entries &* 16 &+ entries &* 2 &+ 6 &+ Self.pageSize &- 1) / Self.pageSize
        let theirs = (entries &* 8 &+ 6 &+ Self.pageSize &- 1) / Self.pageSize
        memory = try DeviceMemory(pages: Int(ours &+ theirs))
        self.index = index
        self.size = size
        self.doorbell = doorbell
        self.usesEvents = usesEvents
        descriptors = memory.address
        available = memory.address &+ entries &* 16
        used = memory.address &+ ours &* Self.pageSize
        free.reserveCapacity(Int(size))
        for descriptor in (0..<size).reversed() { free.append(descriptor) }
    }

    /// The descriptor that the next chain of one segment will have: a driver with a page for each needs no list of them.
    var nextHead: UInt16? { free.last }

    /// Puts a chain before the device and returns its head, `nil` if there is no room for it.
    func submit(_ segments: [Segment]) -> UInt16? {
        guard !segments.isEmpty, free.count >= segments.count else { return nil }
        var following: UInt16 = 0
        for position in segments.indices.reversed() {
            let segment = segments[position]
            let descriptor = free.removeLast()
            let place = descriptors &+ UInt64(descriptor) &* 16
            let isLast = position == segments.count - 1
            store64(place, segment.address)
            store32(place &+ 8, segment.length)
            store16(place &+ 12, (segment.deviceWrites ? Self.deviceWrites : 0) | (isLast ? 0 : Self.next))
            store16(place &+ 14, following)
            following = descriptor
        }
        store16(available &+ 4 &+ UInt64(availableIndex % size) &* 2, following)
        availableIndex &+= 1
        // x86 keeps the order of stores: whoever sees this index sees the chain.
        store16(available &+ 2, availableIndex)
        return following
    }

    /// Rings, unless the device said that it needs no ring.
    func notify() {
        full_fence()  // the index must be out before we look at what the device wants
        let wanted: Bool
        if usesEvents {
            let event = load16(used &+ 4 &+ UInt64(size) &* 8)
            wanted = availableIndex &- event &- 1 < availableIndex &- notifiedIndex
        } else {
            wanted = load16(used) & 1 == 0
        }
        notifiedIndex = availableIndex
        if wanted { ring() }
    }

    /// Rings, whatever the device said.
    func ring() {
        store16(doorbell, index)
    }

    /// The next finished chain; its descriptors are free again. With none left, asks for an interrupt at the next one.
    func takeCompletion() -> Completion? {
        if load16(used &+ 2) == usedIndex {
            guard usesEvents else { return nil }
            store16(available &+ 4 &+ UInt64(size) &* 2, usedIndex)
            full_fence()  // the wish must be out before we look again, or both sides sleep
            if load16(used &+ 2) == usedIndex { return nil }
        }
        let place = used &+ 4 &+ UInt64(usedIndex % size) &* 8
        let completion = Completion(head: UInt16(truncatingIfNeeded: load32(place)), written: load32(place &+ 4))
        usedIndex &+= 1
        release(completion.head)
        return completion
    }

    private func release(_ head: UInt16) {
        var descriptor = head
        while descriptor < size, free.count < Int(size) {
            let place = descriptors &+ UInt64(descriptor) &* 16
            free.append(descriptor)
            guard load16(place &+ 12) & Self.next != 0 else { return }
            descriptor = load16(place &+ 14)
        }
    }
}
