import Devices
import Testing

/// Each lie a ring can tell stops the queue with its own error, and the queue stays stopped.
@Suite struct HostileRingTests {
    private let next = TestRing.next
    private let write = TestRing.write
    private let indirect = TestRing.indirect

    /// Builds one lie, takes the next chain, and checks the error and that nothing reached the used ring.
    private func expect(
        _ error: VirtqueueError, size: UInt16 = 8, hasIndirect: Bool = true, position: UInt16 = 0,
        sourceLocation: SourceLocation = #_sourceLocation, _ lie: (TestRing) -> Void
    ) throws {
        var bench = try QueueBench(size: size, hasIndirect: hasIndirect, position: position)
        lie(bench.ring)
        #expect(bench.failure() == error, sourceLocation: sourceLocation)
        // Broken for good: whatever the ring says now.
        bench.ring.offer([(0x8000, 1, true)])
        #expect(try !bench.queue.next(), sourceLocation: sourceLocation)
        #expect(try !bench.queue.resumeNotifications(), sourceLocation: sourceLocation)
        bench.queue.finish(written: 1)
        bench.queue.publish()
        #expect(bench.ring.usedIndex == position, sourceLocation: sourceLocation)
        #expect(bench.interrupts.count == 0, sourceLocation: sourceLocation)
    }

    @Test(arguments: [1, 2, 8] as [UInt16])
    func `H1 a loop is cut`(length: UInt16) throws {
        try expect(.chainTooLong) { ring in
            for index in 0..<length { ring.describe(index, 0x8000, 1, next, next: (index + 1) % length) }
            ring.offer(0)
        }
    }

    @Test func `H1 a loop in an indirect table is cut`() throws {
        try expect(.chainTooLong) { ring in
            ring.describe(at: 0x9000, 0x8000, 1, next, next: 1)
            ring.describe(at: 0x9010, 0x8000, 1, next, next: 0)
            ring.describe(0, 0x9000, 32, indirect)
            ring.offer(0)
        }
    }

    @Test func `H1 a loop of empty buffers is cut`() throws {
        try expect(.chainTooLong) { ring in
            ring.describe(0, 0, 0, next, next: 0)
            ring.offer(0)
        }
    }

    @Test(arguments: [8, 9, 0x7FFF, 0x8000, 0xFFFF] as [UInt16])
    func `H2 heads and links past the table are refused`(index: UInt16) throws {
        try expect(.headOutOfRange) { $0.offer(index) }
        try expect(.nextOutOfRange) { ring in
            ring.describe(0, 0x8000, 1, next, next: index)
            ring.offer(0)
        }
        try expect(.nextOutOfRange) { ring in
            ring.describe(at: 0x9000, 0x8000, 1, next, next: index)
            ring.describe(0, 0x9000, 16 * 8, indirect)
            ring.offer(0)
        }
    }

    @Test(arguments: [0, 5, 0xFFFA] as [UInt16], [9, 0x100, 0x7FFF, 0x8000, 0xFFFF] as [UInt16])
    func `H3 the available index never runs ahead of the ring or backwards`(position: UInt16, jump: UInt16) throws {
        var bench = try QueueBench(position: position)
        bench.ring.availableIndex = position &+ jump
        #expect(bench.failure() == .availableIndexJumped)
        var second = try QueueBench(position: position)
        second.ring.availableIndex = position &+ jump
        #expect(throws: VirtqueueError.availableIndexJumped) { try second.queue.resumeNotifications() }
    }

    @Test func `H3 an index going back after chains were taken is refused`() throws {
        var bench = try QueueBench()
        bench.ring.offer([(0x8000, 1, true)])
        bench.ring.offer([(0x8000, 1, true)])
        #expect(try bench.queue.next())
        bench.queue.finish(written: 1)
        #expect(try bench.queue.next())
        bench.queue.finish(written: 1)
        bench.ring.availableIndex = 1
        #expect(bench.failure() == .availableIndexJumped)
    }

    @Test func `H4 indirect inside indirect, indirect with next, and indirect not negotiated are refused`() throws {
        try expect(.indirectInsideIndirect) { ring in
            ring.describe(at: 0x9000, 0x9000, 16, indirect)
            ring.describe(0, 0x9000, 16, indirect)
            ring.offer(0)
        }
        try expect(.indirectWithNext) { ring in
            ring.describe(at: 0x9000, 0x8000, 1)
            ring.describe(0, 0x9000, 16, indirect | next, next: 1)
            ring.describe(1, 0x8000, 1)
            ring.offer(0)
        }
        try expect(.indirectNotNegotiated, hasIndirect: false) { ring in
            ring.describe(0, 0x9000, 16, indirect)
            ring.offer(0)
        }
    }

    @Test(
        arguments: [
            (0x9000, 0), (0x9000, 1), (0x9000, 15), (0x9000, 17), (0x9000, 0xFFFF_FFF0), (0xF_FFF0, 32), (0x10_0000, 16), (0xFEE0_0000, 16),
            (0xFFFF_FFFF_FFFF_FFF0, 32), (0x9000, 0xFFFF_FFFF),
        ] as [(UInt64, UInt32)])
    func `H5 an indirect table has a size and lies in RAM`(address: UInt64, length: UInt32) throws {
        try expect(.badIndirectTable) { ring in
            ring.describe(0, address, length, indirect)
            ring.offer(0)
        }
    }

    @Test func `H5 a long indirect table costs only what a chain may have`() throws {
        try expect(.chainTooLong) { ring in
            // 65536 entries in 1 MiB, each linked to the next.
            for index in 0..<2048 as Range<UInt64> {
                ring.describe(at: 0x20_0000 + 16 * index, 0x8000, 1, next, next: UInt16(index + 1))
            }
            ring.describe(0, 0x20_0000, 0x10_0000, indirect)
            ring.offer(0)
        }
    }

    @Test(
        arguments: [
            (0xFFFF_FFFF_FFFF_FFFF, 2), (0xFFFF_FFFF_FFFF_F000, 0x1000), (0xF_F000, 0x1001), (0xF_FFFF, 0xFFFF_FFFF), (0x10_0000, 1),
            (0x1F_F000, 0x2000), (0x30_0000, 1), (0xC000_0000, 0x1000), (0xFEC0_0000, 4), (0xFEE0_0000, 4), (0xFFFF_0000, 16),
            (0x1_0000_0000, 1),
        ] as [(UInt64, UInt32)])
    func `H6 a buffer that wraps, spans a hole or points at a device or ROM is refused`(address: UInt64, length: UInt32) throws {
        for flags in [0, write] {
            try expect(.outsideMemory) { ring in
                ring.describe(0, address, length, flags)
                ring.offer(0)
            }
        }
    }

    @Test func `a readable buffer after a writable one is refused`() throws {
        try expect(.readableAfterWritable) { ring in
            ring.offer([(0x8000, 1, true), (0x8010, 1, false)])
        }
    }

    @Test func `H13 four gibibytes in one chain are refused before any of them is touched`() throws {
        // 1 MiB of RAM described 4096 times over.
        let block = HostBlock(byteCount: 1 << 20)
        let memory = unsafe GuestMemory([GuestMemory.Region(address: 0, host: block.start, byteCount: 1 << 20)], keeper: block)
        let ring = TestRing(memory: memory, size: 8192, base: 0x1000)
        for index in 0..<4200 as Range<UInt16> { ring.describe(index, 0, 1 << 20, next, next: index + 1) }
        ring.offer(0)
        var queue = Virtqueue(
            try ring.geometry(), memory: memory, hasEventIndex: false, hasIndirect: false, signals: QueueSignals {})
        #expect(throws: VirtqueueError.tooManyBytes) { try queue.next() }
    }

    @Test func `H13 a chain of 32768 one-byte buffers is walked once and ends`() throws {
        let block = HostBlock(byteCount: 2 << 20)
        let memory = unsafe GuestMemory([GuestMemory.Region(address: 0, host: block.start, byteCount: 2 << 20)], keeper: block)
        let ring = TestRing(memory: memory, size: 32768, base: 0x1000)
        ring.offer((0..<32768).map { (0x10_0000 + $0, 1, false) })
        var queue = Virtqueue(
            try ring.geometry(), memory: memory, hasEventIndex: false, hasIndirect: false, signals: QueueSignals {})
        #expect(try queue.next())
        #expect(queue.chain.readableCount == 32768)
    }

    @Test func `H14 a driver that never looks at the used ring costs nothing`() throws {
        var bench = try QueueBench(size: 4)
        bench.ring.describe(0, 0x8000, 1, write)
        for _ in 0..<200_000 {
            bench.ring.offer(0)
            #expect(try bench.queue.next())
            bench.queue.finish(written: 1)
            bench.queue.publish()
        }
        #expect(bench.ring.usedIndex == UInt16(truncatingIfNeeded: 200_000))
    }
}
