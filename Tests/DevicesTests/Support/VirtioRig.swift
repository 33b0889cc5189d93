import Devices

/// One virtio function on a PCI bus, and a driver's words for it. Accesses go the way a guest's go: ports 0xCF8 and 0xCFC, and the memory bus.
struct VirtioRig {
    let memory = makeMemory()
    let ports = Bus(name: "ports", limit: 0x1_0000)
    let mmio = Bus(name: "memory")
    let sink = RecordingSink()
    let pin = RecordingLine()
    let bells = RecordingDoorbells()
    let machine = RecordingMachine()
    let function: VirtioPCI
    let pci: PCIBus
    let base: UInt64

    static let slot: UInt8 = 2

    init(_ device: any VirtioDevice) throws {
        function = VirtioPCI(
            device, at: PCIAddress(device: Self.slot), memory: memory, bus: mmio, sink: sink, pin: pin, doorbells: bells)
        pci = PCIBus([PCIAddress(device: 0): HostBridge(), PCIAddress(device: Self.slot): function])
        try ports.attach(PCIConfigPorts(bus: pci, machine: machine), at: AddressMap.pciConfig, count: 8)
        for range in memory.ranges { try mmio.reserve(range.lowerBound, count: range.upperBound - range.lowerBound) }
        try mmio.reserve(AddressMap.localAPIC.lowerBound, count: 0x10_0000)
        pci.placeWindows()
        base = function.windowAddress ?? 0
    }

    // MARK: Configuration space

    func config(_ offset: UInt64, count: Int = 4) -> UInt64 {
        select(offset)
        return ports.read(0xCFC + (offset & 3), count: count)
    }

    func setConfig(_ offset: UInt64, _ value: UInt64, count: Int = 4) {
        select(offset)
        ports.write(0xCFC + (offset & 3), count: count, value: value)
    }

    private func select(_ offset: UInt64) {
        ports.write(0xCF8, count: 4, value: 0x8000_0000 | UInt64(Self.slot) << 11 | (offset & 0xFC))
    }

    /// Offset of the first capability with this id and, for virtio's own, this type.
    func capability(_ id: UInt64, type: UInt64? = nil) -> UInt64? {
        var place = config(0x34, count: 1)
        for _ in 0..<48 where place != 0 {
            if config(place, count: 1) == id, type == nil || config(place + 3, count: 1) == type { return place }
            place = config(place + 1, count: 1)
        }
        return nil
    }

    // MARK: The window

    func read(_ offset: UInt64, _ count: Int) -> UInt64 { mmio.read(base + offset, count: count) }
    func write(_ offset: UInt64, _ value: UInt64, _ count: Int) { mmio.write(base + offset, count: count, value: value) }

    var status: UInt64 {
        get { read(0x14, 1) }
        nonmutating set { write(0x14, newValue, 1) }
    }

    var offered: UInt64 {
        write(0x00, 0, 4)
        let low = read(0x04, 4)
        write(0x00, 1, 4)
        return low | read(0x04, 4) << 32
    }

    func accept(_ features: UInt64) {
        write(0x08, 0, 4)
        write(0x0C, features & 0xFFFF_FFFF, 4)
        write(0x08, 1, 4)
        write(0x0C, features >> 32, 4)
    }

    static let version1: UInt64 = 1 << 32
    static let eventIndex: UInt64 = 1 << 29
    static let indirect: UInt64 = 1 << 28

    /// Acknowledge, driver, features: the queues can be set up now.
    func negotiate(_ features: UInt64 = version1) {
        status = 0
        status = 1
        status = 3
        accept(features)
        status = 0xB
    }

    func setUp(_ queue: UInt16, _ ring: TestRing) {
        write(0x16, UInt64(queue), 2)
        write(0x18, UInt64(ring.size), 2)
        write(0x20, ring.descriptors, 8)
        write(0x28, ring.available, 4)
        write(0x2C, 0, 4)
        write(0x30, ring.used, 8)
        write(0x1C, 1, 2)
    }

    /// The whole way to a running device with one ring for each queue number given.
    func start(_ rings: [UInt16: TestRing], features: UInt64 = version1) {
        negotiate(features)
        for (queue, ring) in rings { setUp(queue, ring) }
        status = 0xF
    }

    func ring(_ size: UInt16 = 16, base: UInt64 = 0x1000) -> TestRing { TestRing(memory: memory, size: size, base: base) }

    /// Maps MSI-X vector `n` to data 0x40 + n, unmasked, and switches MSI-X on.
    func enableMSIX(_ vectors: Int) {
        for vector in 0..<UInt64(vectors) {
            write(0x4000 + 16 * vector, 0xFEE0_0000, 4)
            write(0x4004 + 16 * vector, 0, 4)
            write(0x4008 + 16 * vector, 0x40 + vector, 4)
            write(0x400C + 16 * vector, 0, 4)
        }
        if let place = capability(0x11) { setConfig(place + 2, 0x8000, count: 2) }
    }

    /// Runs a queue until it has nothing more to do at once.
    @discardableResult
    func run(_ queue: Int = 0, limit: Int = 10_000) -> Int {
        var turns = 1
        while turns < limit, function.process(queue: queue) { turns += 1 }
        return turns
    }
}
