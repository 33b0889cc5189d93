import Devices
import Testing

/// Drivers from before virtio 1.0: ports at window 0, rings by page number.
@Suite struct `a transitional device` {
    struct Rig {
        let memory = makeMemory()
        let ports = Bus(name: "ports", limit: 0x1_0000)
        let mmio = Bus(name: "memory")
        let bells = RecordingDoorbells()
        let sink = RecordingSink()
        let pin = RecordingLine()
        let function: VirtioPCI
        let pci: PCIBus

        init(_ device: any VirtioDevice) throws {
            function = VirtioPCI(
                device, at: PCIAddress(device: 2), memory: memory, bus: mmio, ports: ports, sink: sink, pin: pin, doorbells: bells)
            pci = PCIBus([PCIAddress(device: 2): function])
            try mmio.reserve(AddressMap.localAPIC.lowerBound, count: 0x10_0000)
            pci.placeWindows()
        }

        var base: UInt64 { AddressMap.pciPorts.lowerBound }
        func read(_ place: UInt64, _ count: Int) -> UInt64 { ports.read(base + place, count: count) }
        func write(_ place: UInt64, _ value: UInt64, _ count: Int) { ports.write(base + place, count: count, value: value) }
        func config(_ offset: Int, _ width: AccessWidth = .four) -> UInt64 { pci.read(bus: 0, index: 16, offset: offset, width: width) }
        func setConfig(_ offset: Int, _ value: UInt64, _ width: AccessWidth = .four) {
            pci.write(bus: 0, index: 16, offset: offset, width: width, value: value)
        }

        /// As Linux' virtio_pci_legacy does it.
        func start(_ rings: [UInt16: UInt64], features: UInt64 = 0) -> [UInt16: TestRing] {
            for status in [0, 1, 3] as [UInt64] { write(0x12, status, 1) }
            write(0x04, features, 4)
            var result: [UInt16: TestRing] = [:]
            for (queue, page) in rings {
                write(0x0E, UInt64(queue), 2)
                let size = UInt16(read(0x0C, 2))
                write(0x08, page, 4)
                result[queue] = TestRing(memory: memory, size: size, page: page)
            }
            write(0x12, 7, 1)
            return result
        }

        func put(_ bytes: [UInt8], at address: UInt64) {
            for (index, byte) in bytes.enumerated() { memory.store(byte, at: address + UInt64(index)) }
        }

        func get(_ count: Int, at address: UInt64) -> [UInt8] {
            (0..<UInt64(count)).map { memory.load(UInt8.self, at: address + $0) ?? 0 }
        }
    }

    private func block() throws -> (Rig, MemoryStorage) {
        let storage = MemoryStorage(sectors: 64)
        return (try Rig(VirtioBlock(storage: storage, serial: "old")), storage)
    }

    @Test func `has the old ids, ports at window 0 and the memory window at 1, and its capabilities say so`() throws {
        let (rig, _) = try block()
        #expect(rig.config(0) == 0x1001_1AF4 && rig.config(8) & 0xFF == 0 && rig.config(0x2C) == 0x0002_1AF4)
        #expect(rig.config(0x10) == rig.base | 1 && rig.config(0x14) == AddressMap.pciMemory.lowerBound)
        #expect(rig.config(4, .two) & 7 == 7)
        var place = Int(rig.config(0x34, .one))
        var bars: [UInt64] = []
        while place != 0 {
            let id = rig.config(place, .one)
            if id == 9, rig.config(place + 3, .one) < 5 { bars.append(rig.config(place + 4, .one)) }
            if id == 0x11 { bars.append(rig.config(place + 4) & 7) }
            place = Int(rig.config(place + 1, .one))
        }
        #expect(bars == [1, 1, 1, 1, 1])
        let entropy = try Rig(VirtioEntropy(source: FixedEntropy()))
        #expect(entropy.config(0) == 0x1005_1AF4 && entropy.config(0x2C) >> 16 == 4)
    }

    @Test func `reads and writes a disk for a legacy driver`() throws {
        let (rig, storage) = try block()
        #expect(rig.read(0x00, 4) & (1 << 27 | 1 << 9) == 1 << 27 | 1 << 9)
        #expect(rig.read(0x14, 4) == 64 && rig.read(0x18, 4) == 0)
        let ring = try #require(rig.start([0: 4])[0])
        #expect(ring.size == 256 && rig.read(0x08, 4) == 4)
        let rings = rig.bells.rings(0)
        rig.put([0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0], at: 0x1_0000)
        ring.offer([(0x1_0000, 16, false), (0x1_1000, 512, true), (0x1_2000, 1, true)])
        rig.write(0x10, 0, 2)
        #expect(rig.bells.rings(0) == rings + 1)
        while rig.function.process(queue: 0) {}
        #expect(ring.usedIndex == 1 && rig.get(512, at: 0x1_1000) == [UInt8](repeating: 6, count: 512) && rig.get(1, at: 0x1_2000) == [0])
        // The pin, and the status that releases it when it is read.
        #expect(rig.pin.level && rig.read(0x13, 1) == 1 && !rig.pin.level)
        rig.put([1], at: 0x1_0000)
        rig.put([UInt8](repeating: 0xA5, count: 512), at: 0x1_1000)
        ring.offer([(0x1_0000, 16, false), (0x1_1000, 512, false), (0x1_2000, 1, true)])
        while rig.function.process(queue: 0) {}
        #expect(Array(storage.content[2560..<3072]) == [UInt8](repeating: 0xA5, count: 512))
        // A reset forgets the rings; the next driver may be a modern one.
        rig.write(0x12, 0, 1)
        #expect(rig.read(0x12, 1) == 0 && rig.read(0x08, 4) == 0)
        let window = AddressMap.pciMemory.lowerBound
        for (place, count, value) in [(0x14, 1, 3), (0x08, 4, 1), (0x0C, 4, 1), (0x14, 1, 0xB)] as [(UInt64, Int, UInt64)] {
            rig.mmio.write(window + place, count: count, value: value)
        }
        #expect(rig.mmio.read(window + 0x14, count: 1) == 0xB)
    }

    @Test func `moves frames with the short header of a legacy driver`() throws {
        let sink = RecordSink()
        let input = FrameInput()
        let rig = try Rig(VirtioNetwork(address: NetworkFrames.own, input: input, output: sink))
        let rings = rig.start([0: 4, 1: 8], features: 1 << 5)
        let (receive, send) = (try #require(rings[0]), try #require(rings[1]))
        let frame = NetworkFrames.plain(60)
        receive.offer([(0x2_0000, 10, true), (0x2_1000, 1514, true)])
        _ = unsafe input.offer(NetworkFrames.record(NetworkFrames.header(), frame).span.bytes)
        while rig.function.process(queue: 0) {}
        #expect(receive.usedIndex == 1 && receive.usedEntry(0).length == 70)
        #expect(rig.get(10, at: 0x2_0000) == [UInt8](repeating: 0, count: 10) && rig.get(60, at: 0x2_1000) == frame)
        rig.put([UInt8](repeating: 0, count: 10), at: 0x2_2000)
        rig.put(frame, at: 0x2_3000)
        send.offer([(0x2_2000, 10, false), (0x2_3000, 60, false)])
        while rig.function.process(queue: 1) {}
        #expect(send.usedIndex == 1 && sink.bytes == NetworkFrames.record(NetworkFrames.header(), frame))
        // With mergeable buffers the header is the long one.
        _ = rig.start([0: 4, 1: 12], features: 1 << 5 | 1 << 15)
        let long = TestRing(memory: rig.memory, size: 256, page: 12)
        rig.put(NetworkFrames.header(), at: 0x2_2000)
        long.offer([(0x2_2000, 12, false), (0x2_3000, 60, false)])
        while rig.function.process(queue: 1) {}
        #expect(sink.bytes.count == 2 * (4 + 12 + 60))
    }

    @Test func `shows the vectors of MSI-X between its registers and the configuration, once that is on`() throws {
        let (rig, _) = try block()
        #expect(rig.read(0x14, 4) == 64)
        rig.setConfig(0x40, 0x8000_0011)
        #expect(rig.read(0x14, 2) == 0xFFFF && rig.read(0x18, 4) == 64)
        rig.write(0x14, 0, 2)
        rig.write(0x16, 1, 2)
        #expect(rig.read(0x14, 2) == 0 && rig.read(0x16, 2) == 1)
        rig.write(0x16, 9, 2)
        #expect(rig.read(0x16, 2) == 0xFFFF)
    }

    @Test func `lets its ports be sized, moved and closed as every window`() throws {
        let (rig, _) = try block()
        rig.setConfig(0x10, 0xFFFF_FFFF)
        #expect(rig.config(0x10) == 0xFFFF_FF81)
        #expect(rig.read(0x12, 1) == 0)
        rig.setConfig(0x10, 0xD000)
        #expect(rig.ports.read(0xD000 + 0x0C, count: 2) == 256 && rig.read(0x0C, 2) == 0xFFFF)
        for place in [0, 0xCF8, 0xFFFF_0000, 0xFFF0] as [UInt64] {
            rig.setConfig(0x10, place)
            _ = rig.ports.read(place & 0xFF80, count: 4)
        }
        rig.setConfig(0x10, 0xC000)
        rig.setConfig(4, 6, .two)
        #expect(rig.read(0x0C, 2) == 0xFFFF)
        rig.setConfig(4, 7, .two)
        #expect(rig.read(0x0C, 2) == 256)
    }

    @Test func `survives what a hostile driver writes to its ports`() throws {
        var random = Seeded(seed: 0x01D)
        for _ in 0..<30 {
            let rig = try Rig(VirtioNetwork(address: NetworkFrames.own, input: FrameInput(), output: RecordSink()))
            for _ in 0..<2000 {
                let place = UInt64.random(in: 0..<140, using: &random)
                let count = [1, 2, 4, 8, 3].randomElement(using: &random) ?? 1
                let value: UInt64 =
                    switch Int.random(in: 0..<4, using: &random) {
                    case 0: UInt64.random(in: 0..<16, using: &random)
                    case 1: UInt64.random(in: 0..<0x400, using: &random)
                    case 2: .max
                    default: random.next()
                    }
                rig.write(place, value, count)
                _ = rig.read(place, count)
                for queue in 0..<3 { _ = rig.function.process(queue: queue) }
            }
            // A reset makes it a device again.
            rig.pci.reset()
            rig.pci.placeWindows()
            _ = rig.start([0: 4, 1: 8])
            #expect(rig.read(0x12, 1) == 7 && !rig.function.isBroken)
        }
        // Rings that are nowhere: the device is broken until it is reset, and says nothing more.
        let (rig, _) = try block()
        rig.write(0x12, 3, 1)
        rig.write(0x08, 0xFFFF_FFFF, 4)
        #expect(rig.read(0x08, 4) == 0 && rig.function.isBroken)
        _ = rig.start([0: 4])
        #expect(!rig.function.isBroken)
    }
}
