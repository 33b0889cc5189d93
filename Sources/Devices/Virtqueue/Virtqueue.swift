import Synchronization

/// A running split virtqueue: gives out copied, checked chains one at a time and takes them back answered.
///
///     queue.suppressNotifications()
///     repeat {
///         while try queue.next() {          // queue.chain is the chain now
///             ...
///             queue.finish(written: n)      // in the used ring, not yet visible
///         }
///         queue.publish()                   // visible; the driver is interrupted if it wants to be
///     } while try queue.resumeNotifications()
///
/// The geometry is frozen. Every number of the guest is read once, checked, and an error stops the queue for good: it stays stopped until the device
/// is reset. Batching costs nothing in correctness: many `finish` to one `publish` is one index update and at most one interrupt.
package struct Virtqueue: ~Copyable, Sendable {
    /// Most descriptors in one chain, through an indirect table; a chain without one is bounded by the queue's size. Far beyond what a driver
    /// builds for the segment limits that the devices here announce, and small enough to walk at once.
    package static let chainLimit = 1024

    private let geometry: QueueGeometry
    private let memory: GuestMemory
    private let hasEventIndex: Bool
    private let hasIndirect: Bool
    private let signals: QueueSignals

    /// The chain that `next` found; meaningful until it is finished or put back.
    package private(set) var chain = DescriptorChain()
    /// Whether `chain` waits for an answer, perhaps since an earlier turn.
    package private(set) var holdsChain = false

    /// Next available entry to take.
    private var nextAvailable: UInt16
    /// The driver's available index as last seen.
    private var seenAvailable: UInt16
    /// Next used entry to fill; ahead of `publishedUsed` by what is not yet visible.
    private var nextUsed: UInt16
    private var publishedUsed: UInt16
    private var isBroken = false

    /// - Parameter position: both rings' index to start from; 0 but for a queue that is continued.
    package init(
        _ geometry: QueueGeometry, memory: GuestMemory, hasEventIndex: Bool, hasIndirect: Bool, signals: QueueSignals, position: UInt16 = 0
    ) {
        self.geometry = geometry
        self.memory = memory
        self.hasEventIndex = hasEventIndex
        self.hasIndirect = hasIndirect
        self.signals = signals
        nextAvailable = position
        seenAvailable = position
        nextUsed = position
        publishedUsed = position
    }

    package var size: UInt16 { geometry.size }

    /// The device is being reset or stopped: end the turn, leave everything as it is.
    package var mustStop: Bool { signals.mustStop }

    // MARK: Taking

    /// Takes the next chain into `chain`; false if there is none. A chain already held is given again.
    package mutating func next() throws(VirtqueueError) -> Bool {
        guard !isBroken else { return false }
        if holdsChain { return true }
        if nextAvailable == seenAvailable {
            // Acquire: the entries and descriptors that the driver wrote before this index are seen by the loads that follow.
            let index = geometry.available.loadAcquiring16(at: 2)
            guard index &- nextAvailable <= geometry.size else { throw fail(.availableIndexJumped) }
            seenAvailable = index
            if nextAvailable == index { return false }
        }
        let entry = Int(nextAvailable & (geometry.size &- 1))
        let head = geometry.available.loadRelaxed16(at: 4 &+ 2 &* entry)
        guard head < geometry.size else { throw fail(.headOutOfRange) }
        chain.removeAll()
        chain.head = head
        do throws(VirtqueueError) { try walk(from: head) } catch { throw fail(error) }
        nextAvailable &+= 1
        holdsChain = true
        return true
    }

    /// Gives the chain back unanswered: the next `next` finds it again.
    package mutating func putBack() {
        guard holdsChain else { return }
        holdsChain = false
        nextAvailable &-= 1
    }

    /// The chain cannot be answered: the queue stops, and the caller throws what it is given.
    package mutating func fail(_ error: VirtqueueError) -> VirtqueueError {
        isBroken = true
        holdsChain = false
        return error
    }

    private mutating func walk(from head: UInt16) throws(VirtqueueError) {
        var table = geometry.descriptors
        var entries = Int(geometry.size)
        var index = Int(head)
        var isIndirect = false
        var budget = entries
        while true {
            guard index < entries else { throw .nextOutOfRange }
            guard budget > 0 else { throw .chainTooLong }
            budget &-= 1
            // The only look at this descriptor: two loads, then only the copies count.
            let address = table.load(UInt64.self, at: 16 &* index)
            let rest = table.load(UInt64.self, at: 16 &* index &+ 8)
            let length = UInt32(truncatingIfNeeded: rest)
            let flags = UInt16(truncatingIfNeeded: rest &>> 32)
            let next = UInt16(truncatingIfNeeded: rest &>> 48)

            if flags & Flags.indirect != 0 {
                guard hasIndirect else { throw .indirectNotNegotiated }
                guard !isIndirect else { throw .indirectInsideIndirect }
                guard flags & Flags.next == 0 else { throw .indirectWithNext }
                guard length > 0, length & 15 == 0, let inner = memory.window(address, count: UInt64(length)) else {
                    throw .badIndirectTable
                }
                table = inner
                entries = Int(length &>> 4)
                index = 0
                isIndirect = true
                budget = Self.chainLimit
                continue
            }
            // An empty buffer is no buffer; it has been counted.
            if length > 0 {
                guard let range = unsafe memory.hostRange(address, count: UInt64(length)) else { throw .outsideMemory }
                try unsafe chain.append(range, isWritable: flags & Flags.write != 0)
            }
            guard flags & Flags.next != 0 else { return }
            index = Int(next)
        }
    }

    private enum Flags {
        static let next: UInt16 = 1
        static let write: UInt16 = 2
        static let indirect: UInt16 = 4
    }

    // MARK: Answering

    /// Puts the held chain in the used ring, to be seen with the next `publish`.
    /// - Parameter written: bytes really written from the start of the chain's writable part.
    package mutating func finish(written: Int) {
        guard holdsChain else { return }
        holdsChain = false
        let place = 4 &+ 8 &* Int(nextUsed & (geometry.size &- 1))
        let length = UInt32(truncatingIfNeeded: min(max(written, 0), chain.writableCount))
        geometry.used.store(UInt32(chain.head), at: place)
        geometry.used.store(length, at: place &+ 4)
        nextUsed &+= 1
    }

    /// Chains finished but not yet published.
    package var unpublished: Int { Int(nextUsed &- publishedUsed) }

    /// Shows the driver what was finished, and interrupts it if it asked for that.
    package mutating func publish() {
        guard nextUsed != publishedUsed else { return }
        let old = publishedUsed
        publishedUsed = nextUsed
        // Release: a driver that sees the index sees the entries and the data.
        geometry.used.storeReleasing16(nextUsed, at: 2)
        // The driver stores its wish and then looks at our index; we store our index and then look at its wish. Without a full fence on both sides
        // each could miss the other's store, and the interrupt would be lost.
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        let isWanted: Bool
        if hasEventIndex {
            let event = geometry.available.loadRelaxed16(at: 4 &+ 2 &* Int(geometry.size))
            // virtio 1.2 section 2.7.7.2, modulo 2^16: was the entry `event` among those just published?
            isWanted = nextUsed &- event &- 1 < nextUsed &- old
        } else {
            isWanted = geometry.available.loadRelaxed16(at: 0) & 1 == 0
        }
        if isWanted { signals.interrupt() }
    }

    // MARK: Notifications

    /// The driver need not ring the doorbell for now. With EVENT_IDX silence is the rule after every announcement, and this is free.
    package mutating func suppressNotifications() {
        if !hasEventIndex { geometry.used.storeRelaxed16(1, at: 0) }
    }

    /// The driver shall ring for the next chain.
    /// - Returns: true if one came in between: then take it instead of waiting, its doorbell may never ring.
    package mutating func resumeNotifications() throws(VirtqueueError) -> Bool {
        guard !isBroken else { return false }
        if hasEventIndex {
            geometry.used.storeRelaxed16(nextAvailable, at: 4 &+ 8 &* Int(geometry.size))
        } else {
            geometry.used.storeRelaxed16(0, at: 0)
        }
        // As in `publish`, with the sides changed.
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        let index = geometry.available.loadAcquiring16(at: 2)
        guard index &- nextAvailable <= geometry.size else { throw fail(.availableIndexJumped) }
        seenAvailable = index
        return index != nextAvailable
    }
}

/// What a running queue is told, and what it tells: one value per activation.
package final class QueueSignals: Sendable {
    private let isStopping = Atomic<Bool>(false)
    private let raise: @Sendable () -> Void

    /// - Parameter interrupt: raises the queue's interrupt; called with the queue's lock held.
    package init(interrupt: @escaping @Sendable () -> Void) {
        raise = interrupt
    }

    /// The device is being reset: the queue's worker ends its turn soon.
    package func stop() { isStopping.store(true, ordering: .relaxed) }

    var mustStop: Bool { isStopping.load(ordering: .relaxed) }

    func interrupt() { raise() }
}
