import Devices
import Glibc
import Synchronization
import Testing

/// Storage whose reads take a while and that knows whether one is going on.
private final class SlowStorage: BlockStorage {
    let byteCount: UInt64 = 64 * 512
    let isReadOnly = false
    let canDiscard = false
    let busy = Atomic<Int>(0)
    let reads = Atomic<Int>(0)

    func read(at offset: UInt64, into ranges: [UnsafeMutableRawBufferPointer]) throws(StorageError) {
        busy.add(1, ordering: .acquiringAndReleasing)
        reads.add(1, ordering: .relaxed)
        // Others run in the middle of the request, also where there is one processor only.
        sched_yield()
        for index in unsafe ranges.indices {
            for byte in unsafe 0..<ranges[index].count { unsafe ranges[index][byte] = 0xD1 }
        }
        busy.subtract(1, ordering: .acquiringAndReleasing)
    }

    func write(at offset: UInt64, from ranges: [UnsafeMutableRawBufferPointer]) throws(StorageError) {}
    func flush() throws(StorageError) {}
    func discard(at offset: UInt64, count: UInt64) throws(StorageError) {}
    func writeZeroes(at offset: UInt64, count: UInt64, mayFree: Bool) throws(StorageError) {}
}

@Suite struct ResetTests {
    @Test func `H16 ten thousand resets under load: none finishes while a request runs, and nothing of it comes later`() throws {
        let storage = SlowStorage()
        let rig = try VirtioRig(VirtioBlock(storage: storage, serial: "reset"))
        rig.enableMSIX(2)
        let function = rig.function
        let worker = Saboteur { _ = function.process(queue: 0) }
        defer { worker.end() }
        let ring = rig.ring(16)
        rig.memory.write(Array(repeating: 0, count: 16), at: 0x8000)
        for round in 0..<10_000 {
            ring.availableIndex = 0
            rig.memory.store(UInt16(0), at: ring.used + 2)
            for head in 0..<5 as Range<UInt16> {
                ring.offer([(0x8000, 16, false), (0x9000, 4096, true), (0xA000, 1, true)], first: head * 3)
            }
            rig.negotiate()
            rig.write(0x16, 0, 2)
            rig.write(0x1A, 1, 2)
            rig.setUp(0, ring)
            rig.status = 0xF
            for _ in 0..<round % 64 { _ = rig.status }
            rig.status = 0
            #expect(storage.busy.load(ordering: .acquiring) == 0)
            // Whatever was written after the reset would be seen here.
            let sent = rig.sink.sent.count
            let used = ring.usedIndex
            rig.memory.store(UInt64(0x1122_3344_5566_7788), at: 0x9000)
            for _ in 0..<20 { _ = rig.status }
            #expect(rig.memory.load(UInt64.self, at: 0x9000) == 0x1122_3344_5566_7788)
            #expect(rig.sink.sent.count == sent)
            #expect(ring.usedIndex == used)
        }
        #expect(storage.reads.load(ordering: .relaxed) > 0)
        #expect(!function.isBroken)
        // P5: it still works.
        ring.availableIndex = 0
        rig.memory.store(UInt16(0), at: ring.used + 2)
        rig.start([0: ring])
        ring.offer([(0x8000, 16, false), (0x9000, 512, true), (0xA000, 1, true)])
        var spins = 0
        while ring.usedIndex == 0, spins < 50_000_000 {
            spins += 1
        }
        #expect(ring.usedIndex == 1)
    }

    @Test func `H20 interrupts, masks and resets from several threads meet without harm`() throws {
        let rig = try VirtioRig(VirtioBlock(storage: MemoryStorage(sectors: 64), serial: "storm"))
        rig.enableMSIX(2)
        let function = rig.function
        let ring = rig.ring(16)
        rig.memory.write(Array(repeating: 0, count: 16), at: 0x8000)
        let masker = Saboteur {
            function.write(offset: 0x401C, width: .four, value: 1)
            function.write(offset: 0x401C, width: .four, value: 0)
            _ = function.read(offset: 0x1000, width: .one)
        }
        let worker = Saboteur { _ = function.process(queue: 0) }
        defer {
            masker.end()
            worker.end()
        }
        for _ in 0..<200 {
            ring.availableIndex = 0
            rig.memory.store(UInt16(0), at: ring.used + 2)
            rig.negotiate()
            rig.write(0x16, 0, 2)
            rig.write(0x1A, 1, 2)
            rig.setUp(0, ring)
            rig.status = 0xF
            for _ in 0..<20 {
                ring.offer([(0x8000, 16, false), (0x9000, 512, true), (0xA000, 1, true)])
                function.configurationChanged()
            }
            rig.status = 0
            #expect(rig.status == 0)
        }
        #expect(!function.isBroken)
    }

    @Test func `a reset forgets the last driver's features, rings and position`() throws {
        let rig = try VirtioRig(VirtioBlock(storage: MemoryStorage(sectors: 64), serial: "again"))
        let first = rig.ring(16)
        let request: [(address: UInt64, length: UInt32, isWritable: Bool)] = [(0x8000, 16, false), (0x9000, 512, true), (0xA000, 1, true)]
        rig.start([0: first], features: VirtioRig.version1 | VirtioRig.eventIndex | VirtioRig.indirect)
        for _ in 0..<3 { first.offer(request) }
        rig.run()
        #expect(first.usedIndex == 3)
        #expect(first.availableEvent == 3)
        rig.status = 0
        first.offer(request)
        rig.run()
        #expect(first.usedIndex == 3)
        // The second driver has a ring elsewhere, starts from 0, and knows neither event indices nor indirect tables.
        let second = rig.ring(8, base: 0x4000)
        rig.start([0: second])
        #expect(rig.read(0x18, 2) == 8)
        second.availableFlags = 1
        second.offer(request)
        _ = rig.read(0x1000, 1)
        rig.run()
        #expect(second.usedIndex == 1)
        #expect(!rig.pin.level)
        second.describe(0, 0x9000, 16, TestRing.indirect)
        second.offer(0)
        rig.run()
        #expect(rig.function.isBroken)
    }

    @Test func `a device that is shut down serves nothing more`() throws {
        let rig = try VirtioRig(VirtioBlock(storage: MemoryStorage(sectors: 64), serial: "off"))
        let ring = rig.ring(16)
        rig.start([0: ring])
        rig.function.shutDown()
        ring.offer([(0x8000, 16, false), (0x9000, 512, true), (0xA000, 1, true)])
        rig.run()
        #expect(ring.usedIndex == 0)
        #expect(rig.status == 0x4F)
    }
}
