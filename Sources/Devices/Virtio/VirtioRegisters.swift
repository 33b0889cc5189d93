/// What a driver says to a virtio device and how far it may go: the common configuration of virtio 1.2 section 4.1.4.3, as a value without locks or effects.
///
///     0x00 device_feature_select u32   0x10 config_msix_vector u16    0x18 queue_size u16
///     0x04 device_feature        u32   0x12 num_queues         u16    0x1A queue_msix_vector u16
///     0x08 driver_feature_select u32   0x14 device_status      u8     0x1C queue_enable      u16
///     0x0C driver_feature        u32   0x15 config_generation  u8     0x1E queue_notify_off  u16
///                                      0x16 queue_select       u16    0x20 desc, 0x28 driver, 0x30 device u64
///
/// The status only grows, in order: ACKNOWLEDGE, DRIVER, FEATURES_OK, DRIVER_OK. Features can be written between DRIVER and FEATURES_OK, queues between FEATURES_OK and
/// DRIVER_OK, and a queue's geometry is checked and frozen in the moment it is enabled. Whatever comes out of turn changes nothing.
struct VirtioRegisters: Sendable {
    static let byteCount: UInt64 = 0x38
    static let noVector: UInt16 = 0xFFFF

    enum Status {
        static let acknowledge: UInt8 = 1
        static let driver: UInt8 = 2
        static let driverOK: UInt8 = 4
        static let featuresOK: UInt8 = 8
        static let needsReset: UInt8 = 64
        static let failed: UInt8 = 128
    }

    enum Feature {
        static let indirect: UInt64 = 1 << 28
        static let eventIndex: UInt64 = 1 << 29
        static let version1: UInt64 = 1 << 32
    }

    /// What the transport has to do after a write.
    enum Effect: Equatable {
        case none
        /// The driver is ready: start the enabled queues.
        case start
        /// The driver gave up: stop the queues, keep the registers.
        case stop
        /// Status 0: stop the queues and forget everything.
        case reset
        /// The driver handed over a queue that cannot be.
        case badQueue
        case configVector(UInt16)
        case queueVector(Int, UInt16)
    }

    struct Queue: Sendable {
        let maximumSize: UInt16
        var size: UInt16
        var descriptors: UInt64 = 0
        var available: UInt64 = 0
        var used: UInt64 = 0
        /// Set once the queue is enabled; then nothing above changes any more.
        var geometry: QueueGeometry?
    }

    /// What a read shows that others own.
    struct Surroundings {
        var needsReset: Bool
        var generation: UInt8
        var configVector: UInt16
        var queueVector: (Int) -> UInt16
    }

    let offered: UInt64
    private let memory: GuestMemory
    private let accepts: @Sendable (UInt64) -> Bool
    var status: UInt8 = 0
    private(set) var accepted: UInt64 = 0
    private(set) var queues: [Queue]
    private var offeredSelect: UInt32 = 0
    private var acceptedSelect: UInt32 = 0
    private(set) var queueSelect: UInt16 = 0

    init(features: UInt64, queueSizes: [UInt16], memory: GuestMemory, accepts: @escaping @Sendable (UInt64) -> Bool) {
        offered = features | Feature.indirect | Feature.eventIndex | Feature.version1
        self.memory = memory
        self.accepts = accepts
        queues = queueSizes.map { Queue(maximumSize: $0, size: $0) }
    }

    /// Forgets what the driver said.
    mutating func reset() {
        self = VirtioRegisters(features: offered, queueSizes: queues.map(\.maximumSize), memory: memory, accepts: accepts)
    }

    /// The queue that the driver speaks of, if there is one.
    var selected: Queue? { Int(queueSelect) < queues.count ? queues[Int(queueSelect)] : nil }

    mutating func select(queue: UInt16) { queueSelect = queue }

    mutating func take(features: UInt64) { accepted = features }

    /// Takes the selected queue's place as it is said at once; false if it cannot be.
    mutating func enable(descriptors: UInt64, available: UInt64, used: UInt64) -> Bool {
        let index = Int(queueSelect)
        guard index < queues.count else { return false }
        (queues[index].descriptors, queues[index].available, queues[index].used) = (descriptors, available, used)
        queues[index].size = queues[index].maximumSize
        queues[index].geometry = geometry(of: queues[index])
        return queues[index].geometry != nil
    }

    private func geometry(of queue: Queue) -> QueueGeometry? {
        try? QueueGeometry(
            size: queue.size, maximumSize: queue.maximumSize, descriptors: queue.descriptors, available: queue.available, used: queue.used,
            hasEventIndex: accepted & Feature.eventIndex != 0, memory: memory)
    }

    // MARK: Reading

    /// Reads of any width and alignment; past the end reads zero.
    func read(offset: UInt64, width: AccessWidth, _ around: Surroundings) -> UInt64 {
        var value: UInt64 = 0
        for index in 0..<UInt64(truncatingIfNeeded: width.rawValue) {
            let place = offset &+ index
            let group = group(at: place & ~7, around)
            value |= ((group &>> ((place & 7) &* 8)) & 0xFF) &<< (index &* 8)
        }
        return value
    }

    /// The eight bytes at `offset`.
    private func group(at offset: UInt64, _ around: Surroundings) -> UInt64 {
        let index = Int(queueSelect)
        let queue = index < queues.count ? queues[index] : nil
        switch offset {
        case 0x00: return UInt64(offeredSelect) | UInt64(Self.half(offered, offeredSelect)) << 32
        case 0x08: return UInt64(acceptedSelect) | UInt64(Self.half(accepted, acceptedSelect)) << 32
        case 0x10:
            let shown = status | (around.needsReset ? Status.needsReset : 0)
            let low = UInt64(around.configVector) | UInt64(truncatingIfNeeded: queues.count) << 16 | UInt64(shown) << 32
            return low | UInt64(around.generation) << 40 | UInt64(queueSelect) << 48
        case 0x18:
            guard let queue else { return 0 }
            let low = UInt64(queue.size) | UInt64(around.queueVector(index)) << 16
            return low | (queue.geometry == nil ? 0 : 1) << 32 | UInt64(truncatingIfNeeded: index) << 48
        case 0x20: return queue?.descriptors ?? 0
        case 0x28: return queue?.available ?? 0
        case 0x30: return queue?.used ?? 0
        default: return 0
        }
    }

    private static func half(_ features: UInt64, _ select: UInt32) -> UInt32 {
        switch select {
        case 0: UInt32(truncatingIfNeeded: features)
        case 1: UInt32(truncatingIfNeeded: features >> 32)
        default: 0
        }
    }

    // MARK: Writing

    /// Takes a write of a whole field (a 64-bit field also by halves); anything else vanishes.
    mutating func write(offset: UInt64, width: AccessWidth, value: UInt64) -> Effect {
        switch (offset, width) {
        case (0x00, .four): offeredSelect = UInt32(truncatingIfNeeded: value)
        case (0x08, .four): acceptedSelect = UInt32(truncatingIfNeeded: value)
        case (0x0C, .four): accept(UInt32(truncatingIfNeeded: value))
        case (0x10, .two): return .configVector(UInt16(truncatingIfNeeded: value))
        case (0x14, .one): return setStatus(UInt8(truncatingIfNeeded: value))
        case (0x16, .two): queueSelect = UInt16(truncatingIfNeeded: value)
        case (0x18, .two):
            change { queue in
                let size = UInt16(truncatingIfNeeded: value)
                if size > 0, size <= queue.maximumSize, size & (size &- 1) == 0 { queue.size = size }
            }
        case (0x1A, .two):
            if Int(queueSelect) < queues.count { return .queueVector(Int(queueSelect), UInt16(truncatingIfNeeded: value)) }
        case (0x1C, .two): if value == 1 { return enable() }
        case (0x20..<0x38, .four) where offset & 3 == 0, (0x20..<0x38, .eight) where offset & 7 == 0:
            change { queue in
                switch offset & ~7 {
                case 0x20: Self.merge(&queue.descriptors, offset, width, value)
                case 0x28: Self.merge(&queue.available, offset, width, value)
                default: Self.merge(&queue.used, offset, width, value)
                }
            }
        default: break
        }
        return .none
    }

    private static func merge(_ field: inout UInt64, _ offset: UInt64, _ width: AccessWidth, _ value: UInt64) {
        if width == .eight {
            field = value
        } else if offset & 4 == 0 {
            field = field & 0xFFFF_FFFF_0000_0000 | value & 0xFFFF_FFFF
        } else {
            field = field & 0xFFFF_FFFF | value << 32
        }
    }

    private mutating func accept(_ bits: UInt32) {
        guard status & (Status.driver | Status.featuresOK | Status.failed) == Status.driver else { return }
        switch acceptedSelect {
        case 0: accepted = accepted & 0xFFFF_FFFF_0000_0000 | UInt64(bits)
        case 1: accepted = accepted & 0xFFFF_FFFF | UInt64(bits) << 32
        default: break
        }
    }

    /// Whether the selected queue may be changed now.
    private var canChangeQueues: Bool {
        status & (Status.featuresOK | Status.driverOK | Status.failed) == Status.featuresOK
    }

    private mutating func change(_ body: (inout Queue) -> Void) {
        let index = Int(queueSelect)
        guard canChangeQueues, index < queues.count, queues[index].geometry == nil else { return }
        body(&queues[index])
    }

    private mutating func enable() -> Effect {
        let index = Int(queueSelect)
        guard canChangeQueues, index < queues.count, queues[index].geometry == nil else { return .none }
        queues[index].geometry = geometry(of: queues[index])
        return queues[index].geometry == nil ? .badQueue : .none
    }

    private mutating func setStatus(_ value: UInt8) -> Effect {
        if value == 0 { return .reset }
        let wanted = value & ~Status.needsReset
        guard status & Status.failed == 0 else { return .none }
        if wanted & Status.failed != 0 {
            status |= Status.failed
            return .stop
        }
        // Bits are only added; a write that takes one back, or adds one that does not exist, is no step at all.
        let known = Status.acknowledge | Status.driver | Status.featuresOK | Status.driverOK
        guard wanted & status == status, wanted & ~known == 0 else { return .none }
        let added = wanted & ~status
        if added & Status.driverOK != 0 {
            // FEATURES_OK must have been granted, and seen to be, before.
            guard added == Status.driverOK, status & Status.featuresOK != 0 else { return .none }
            status = wanted
            return .start
        }
        if wanted & Status.driver != 0, wanted & Status.acknowledge == 0 { return .none }
        status |= added & (Status.acknowledge | Status.driver)
        if added & Status.featuresOK != 0, wanted & Status.driver != 0, featuresGoTogether { status |= Status.featuresOK }
        return .none
    }

    private var featuresGoTogether: Bool {
        accepted & ~offered == 0 && accepted & Feature.version1 != 0 && accepts(accepted)
    }
}
