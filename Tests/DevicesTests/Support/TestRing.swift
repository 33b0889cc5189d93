import Devices

/// The driver's side of a split ring, written byte by byte into guest memory, able to tell any lie.
///
///     desc  + 16 * i   { addr: u64, len: u32, flags: u16, next: u16 }
///     avail            { flags: u16, idx: u16, ring: [u16], used_event: u16 }
///     used             { flags: u16, idx: u16, ring: [{ id: u32, len: u32 }], avail_event: u16 }
struct TestRing {
    let memory: GuestMemory
    let size: UInt16
    let descriptors: UInt64
    let available: UInt64
    let used: UInt64

    static let next: UInt16 = 1
    static let write: UInt16 = 2
    static let indirect: UInt16 = 4

    /// Lays the ring out from `base` on; a ring of 256 takes 0x2000 bytes.
    init(memory: GuestMemory, size: UInt16, base: UInt64 = 0x1000) {
        self.memory = memory
        self.size = size
        descriptors = base
        available = base + 16 * UInt64(size)
        used = (available + 6 + 2 * UInt64(size) + 3) & ~3
    }

    /// As drivers of before version 1 lay it out from a page on: the used ring begins a page of its own.
    init(memory: GuestMemory, size: UInt16, page: UInt64) {
        self.memory = memory
        self.size = size
        descriptors = page << 12
        available = descriptors + 16 * UInt64(size)
        used = (available + 6 + 2 * UInt64(size) + 4095) & ~4095
    }

    func describe(_ index: UInt16, _ address: UInt64, _ length: UInt32, _ flags: UInt16 = 0, next: UInt16 = 0) {
        describe(at: descriptors + 16 * UInt64(index), address, length, flags, next: next)
    }

    /// For indirect tables, which lie anywhere.
    func describe(at place: UInt64, _ address: UInt64, _ length: UInt32, _ flags: UInt16 = 0, next: UInt16 = 0) {
        memory.store(address, at: place)
        memory.store(length, at: place + 8)
        memory.store(flags, at: place + 12)
        memory.store(next, at: place + 14)
    }

    var availableIndex: UInt16 {
        get { memory.load(UInt16.self, at: available + 2) ?? 0 }
        nonmutating set { memory.store(newValue, at: available + 2) }
    }

    func offer(_ head: UInt16) {
        let index = availableIndex
        memory.store(head, at: available + 4 + 2 * UInt64(index & (size &- 1)))
        availableIndex = index &+ 1
    }

    var usedIndex: UInt16 { memory.load(UInt16.self, at: used + 2) ?? 0 }
    var usedFlags: UInt16 { memory.load(UInt16.self, at: used) ?? 0 }
    var availableEvent: UInt16 { memory.load(UInt16.self, at: used + 4 + 8 * UInt64(size)) ?? 0 }

    var availableFlags: UInt16 {
        get { memory.load(UInt16.self, at: available) ?? 0 }
        nonmutating set { memory.store(newValue, at: available) }
    }

    var usedEvent: UInt16 {
        get { memory.load(UInt16.self, at: available + 4 + 2 * UInt64(size)) ?? 0 }
        nonmutating set { memory.store(newValue, at: available + 4 + 2 * UInt64(size)) }
    }

    func usedEntry(_ index: UInt16) -> (id: UInt32, length: UInt32) {
        let place = used + 4 + 8 * UInt64(index & (size &- 1))
        return (memory.load(UInt32.self, at: place) ?? 0, memory.load(UInt32.self, at: place + 4) ?? 0)
    }

    /// Describes the buffers as one chain from descriptor `first` on and offers it.
    func offer(_ buffers: [(address: UInt64, length: UInt32, isWritable: Bool)], first: UInt16 = 0) {
        for (index, buffer) in buffers.enumerated() {
            let number = first + UInt16(index)
            let isLast = index == buffers.count - 1
            describe(
                number, buffer.address, buffer.length, (buffer.isWritable ? Self.write : 0) | (isLast ? 0 : Self.next),
                next: isLast ? 0 : number + 1)
        }
        offer(first)
    }

    func geometry(hasEventIndex: Bool = false) throws -> QueueGeometry {
        try QueueGeometry(
            size: size, maximumSize: 32768, descriptors: descriptors, available: available, used: used, hasEventIndex: hasEventIndex,
            memory: memory)
    }
}
