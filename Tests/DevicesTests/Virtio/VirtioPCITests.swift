import Devices
import Testing

@Suite struct VirtioPCITests {
    private func blockRig(sectors: Int = 64) throws -> VirtioRig {
        try VirtioRig(VirtioBlock(storage: MemoryStorage(sectors: sectors), serial: "disk"))
    }

    /// A read of sector 0 into 0x9000, status at 0xA000.
    private func offerRead(_ ring: TestRing) {
        ring.memory.write(Array(repeating: 0, count: 16), at: 0x8000)
        ring.offer([(0x8000, 16, false), (0x9000, 512, true), (0xA000, 1, true)])
    }

    // MARK: What a driver finds

    @Test func `ids, capabilities and sizes are those of a modern function`() throws {
        let rig = try blockRig()
        #expect(rig.config(0) == 0x1042_1AF4)
        #expect(rig.config(8, count: 1) >= 1)
        #expect(rig.config(0x0A, count: 2) == 0x0100)
        #expect(rig.config(6, count: 2) & 0x10 != 0)
        for (type, offset, length) in [(1, 0, 0x38), (2, 0x3000, 4), (3, 0x1000, 1), (4, 0x2000, 60)] as [(UInt64, UInt64, UInt64)] {
            let place = try #require(rig.capability(9, type: type))
            #expect(rig.config(place + 4, count: 1) == 0)
            #expect(rig.config(place + 8) == offset)
            #expect(rig.config(place + 12) == length)
        }
        let msix = try #require(rig.capability(0x11))
        #expect(rig.config(msix + 2, count: 2) == 1)
        #expect(rig.config(msix + 4) == 0x4000)
        #expect(rig.config(msix + 8) == 0x6000)
        #expect(rig.config(0x3C, count: 2) == 0x010B)
        #expect(rig.read(0x12, 2) == 1)
        #expect(rig.offered == 0x1_3000_6644)
    }

    @Test func `configuration is readable before any negotiation, 64-bit fields by halves too`() throws {
        let rig = try blockRig(sectors: 0x123)
        #expect(rig.read(0x2000, 8) == 0x123)
        #expect(rig.read(0x2000, 4) == 0x123)
        #expect(rig.read(0x2004, 4) == 0)
        #expect(rig.read(0x2001, 1) == 0x01)
        #expect(rig.read(0x2000 + 20, 4) == 512)
        #expect(rig.read(0x203C, 4) == 0)
        #expect(rig.read(0x2FFC, 4) == 0)
    }

    @Test func `a request goes through and interrupts by MSI-X`() throws {
        let rig = try blockRig()
        rig.enableMSIX(2)
        let ring = rig.ring()
        rig.negotiate()
        rig.write(0x10, 0, 2)
        rig.write(0x16, 0, 2)
        rig.write(0x1A, 1, 2)
        #expect(rig.read(0x1A, 2) == 1)
        rig.setUp(0, ring)
        rig.status = 0xF
        #expect(rig.status == 0xF)
        offerRead(ring)
        rig.write(0x3000, 0, 2)
        #expect(rig.bells.rings(0) >= 1)
        rig.run()
        #expect(ring.usedIndex == 1)
        #expect(ring.usedEntry(0) == (0, 513))
        #expect(rig.memory.read(0x9000, count: 2) == [1, 1])
        #expect(rig.sink.sent == [1])
        #expect(rig.sink.messages.last?.data == 0x41)
        #expect(!rig.pin.level)
    }

    @Test func `without MSI-X the pin rises, the status byte says why, and reading it lets go`() throws {
        let rig = try blockRig()
        let ring = rig.ring()
        rig.start([0: ring])
        offerRead(ring)
        rig.run()
        #expect(rig.pin.level)
        #expect(rig.config(6, count: 2) & 8 != 0)
        #expect(rig.read(0x1000, 1) == 1)
        #expect(!rig.pin.level)
        #expect(rig.config(6, count: 2) & 8 == 0)
        #expect(rig.read(0x1000, 1) == 0)
        // The command register can silence the pin without losing the reason.
        offerRead(ring)
        rig.setConfig(4, 0x0406, count: 2)
        rig.run()
        #expect(!rig.pin.level)
        rig.setConfig(4, 0x0006, count: 2)
        #expect(rig.pin.level)
    }

    @Test func `no vector means no interrupt, and a vector that does not exist reads back as none`() throws {
        let rig = try blockRig()
        rig.enableMSIX(2)
        let ring = rig.ring()
        rig.start([0: ring])
        #expect(rig.read(0x1A, 2) == 0xFFFF)
        rig.write(0x1A, 2, 2)
        rig.write(0x10, 0xFFFE, 2)
        #expect(rig.read(0x1A, 2) == 0xFFFF)
        #expect(rig.read(0x10, 2) == 0xFFFF)
        offerRead(ring)
        rig.run()
        #expect(rig.sink.sent.isEmpty && !rig.pin.level)
        rig.write(0x1A, 1, 2)
        rig.status = 0
        #expect(rig.read(0x1A, 2) == 0xFFFF)
    }

    @Test func `a configuration change bumps the generation and interrupts`() throws {
        let rig = try blockRig()
        rig.enableMSIX(2)
        rig.write(0x10, 0, 2)
        let generation = rig.read(0x15, 1)
        rig.function.configurationChanged()
        #expect(rig.read(0x15, 1) == (generation + 1) & 0xFF)
        #expect(rig.sink.sent == [0])
        #expect(rig.read(0x1000, 1) == 2)
    }

    // MARK: Windows, doorbells, bus mastering

    @Test func `doorbells follow the window`() throws {
        let rig = try blockRig()
        #expect(rig.bells.armed == [rig.base + 0x3000: 0])
        rig.setConfig(4, 0, count: 2)
        #expect(rig.bells.armed.isEmpty)
        rig.setConfig(0x10, 0xC400_0000)
        rig.setConfig(4, 6, count: 2)
        #expect(rig.bells.armed == [0xC400_3000: 0])
        #expect(rig.mmio.read(0xC400_0012, count: 2) == 1)
        rig.setConfig(0x10, 0x0000_8000)
        #expect(rig.bells.armed.isEmpty)
    }

    @Test func `H22 without bus mastering nothing is served, and with it again nothing is lost`() throws {
        let rig = try blockRig()
        let ring = rig.ring()
        rig.start([0: ring])
        rig.setConfig(4, 2, count: 2)
        offerRead(ring)
        rig.run()
        #expect(ring.usedIndex == 0)
        let before = rig.bells.rings(0)
        rig.setConfig(4, 6, count: 2)
        #expect(rig.bells.rings(0) == before + 1)
        rig.run()
        #expect(ring.usedIndex == 1)
        // Closing the window does not stop what runs; it only cannot be seen.
        rig.setConfig(4, 4, count: 2)
        offerRead(ring)
        rig.run()
        #expect(ring.usedIndex == 2)
    }

    @Test func `H11 doorbells before the driver is ready, of queues that do not exist, and of odd widths change nothing`() throws {
        let rig = try blockRig()
        let ring = rig.ring()
        offerRead(ring)
        rig.write(0x3000, 0, 2)
        rig.run()
        rig.negotiate()
        rig.setUp(0, ring)
        rig.run()
        #expect(ring.usedIndex == 0 && rig.sink.sent.isEmpty && !rig.pin.level)
        let before = rig.bells.rings(0)
        for (offset, width) in [(0x3000, 1), (0x3000, 8), (0x3001, 2), (0x3002, 2), (0x3004, 2), (0x3FFC, 4), (0x3FFE, 2)]
            as [(UInt64, Int)]
        {
            rig.write(offset, 0, width)
        }
        #expect(rig.bells.rings(0) == before)
        #expect(rig.read(0x3000, 4) == 0)
        for queue in [-1, 1, 2, Int.max, Int.min] { #expect(!rig.function.process(queue: queue)) }
        rig.status = 0xF
        rig.run()
        #expect(ring.usedIndex == 1)
    }

    @Test func `H11 a storm of doorbells is answered with nothing when there is nothing`() throws {
        let rig = try blockRig()
        rig.start([0: rig.ring()])
        for _ in 0..<50_000 { rig.write(0x3000, 0, 2) }
        #expect(rig.bells.rings(0) >= 50_000)
        #expect(rig.run() == 1)
    }

    // MARK: The window through configuration space

    @Test func `H21 the window is reachable through configuration space, and only as it should be`() throws {
        let rig = try blockRig()
        let place = try #require(rig.capability(9, type: 5))
        func access(bar: UInt64 = 0, _ offset: UInt64, _ length: UInt64) -> UInt64 {
            rig.setConfig(place + 4, bar, count: 1)
            rig.setConfig(place + 8, offset)
            rig.setConfig(place + 12, length)
            return rig.config(place + 16)
        }
        // Decoding need not be on.
        rig.setConfig(4, 0, count: 2)
        #expect(access(0x12, 2) == 1)
        #expect(access(0x2000, 4) == 64)
        #expect(access(0x14, 1) == 0)
        rig.setConfig(place + 16, 1)
        #expect(access(0x14, 1) == 1)
        // A doorbell rung this way rings.
        let before = rig.bells.rings(0)
        _ = access(0x3000, 2)
        rig.setConfig(place + 16, 0)
        #expect(rig.bells.rings(0) == before + 1)
        for (bar, offset, length) in [
            (7, 0x12, 2), (1, 0x12, 2), (0, 0x8000, 4), (0, 0x7FFE, 4), (0, 0xFFFF_FFFC, 4), (0, 0x12, 0), (0, 0x12, 3), (0, 0x10, 8),
            (0, 0x13, 2), (0, 0x12, 0xFFFF_FFFF),
        ] as [(UInt64, UInt64, UInt64)] {
            #expect(access(bar: bar, offset, length) == 0, "bar \(bar) offset \(offset) length \(length)")
            rig.setConfig(place + 16, 0xFFFF_FFFF)
        }
        #expect(access(0x14, 1) == 1)
    }

    @Test func `a machine reset closes everything and the function starts afresh`() throws {
        let rig = try blockRig()
        rig.enableMSIX(2)
        let ring = rig.ring()
        rig.start([0: ring])
        rig.pci.reset()
        #expect(rig.function.windowAddress == nil)
        #expect(rig.bells.armed.isEmpty)
        #expect(rig.config(4, count: 2) == 0)
        offerRead(ring)
        rig.run()
        #expect(ring.usedIndex == 0)
        rig.pci.placeWindows()
        #expect(rig.function.windowAddress == rig.base)
        #expect(rig.status == 0)
        ring.availableIndex = 0
        rig.start([0: ring])
        offerRead(ring)
        rig.run()
        #expect(ring.usedIndex == 1)
    }
}
