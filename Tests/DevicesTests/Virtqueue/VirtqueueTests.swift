import Devices
import Synchronization
import Testing

/// A queue over a test ring that counts its interrupts.
struct QueueBench: ~Copyable {
    let ring: TestRing
    var queue: Virtqueue
    let interrupts: Counter

    final class Counter: Sendable {
        private let value = Mutex(0)
        var count: Int { value.withLock { $0 } }
        func add() { value.withLock { $0 += 1 } }
    }

    init(size: UInt16 = 8, hasEventIndex: Bool = false, hasIndirect: Bool = true, position: UInt16 = 0) throws {
        ring = TestRing(memory: makeMemory(), size: size)
        let counter = Counter()
        interrupts = counter
        queue = Virtqueue(
            try ring.geometry(hasEventIndex: hasEventIndex), memory: ring.memory, hasEventIndex: hasEventIndex, hasIndirect: hasIndirect,
            signals: QueueSignals { counter.add() }, position: position)
        ring.availableIndex = position
        ring.memory.store(position, at: ring.used + 2)
    }

    /// What `next` throws, or nil.
    mutating func failure() -> VirtqueueError? {
        do {
            _ = try queue.next()
            return nil
        } catch { return error }
    }
}

@Suite struct VirtqueueTests {
    @Test func `a chain is given out copied and comes back in the used ring`() throws {
        var bench = try QueueBench()
        bench.ring.memory.write(Array("head".utf8), at: 0x8000)
        bench.ring.memory.write(Array("er".utf8), at: 0x9000)
        bench.ring.offer([(0x8000, 4, false), (0x9000, 2, false), (0xA000, 3, true), (0xB000, 8, true)], first: 3)
        #expect(try bench.queue.next())
        #expect(bench.queue.chain.head == 3)
        #expect(bench.queue.chain.readableCount == 6)
        #expect(bench.queue.chain.writableCount == 11)
        #expect(bench.queue.chain.read(at: 2, count: 4) == Array("ader".utf8))
        #expect(bench.queue.chain.read(at: 3, count: 4) == nil)
        #expect(bench.queue.chain.write([1, 2, 3, 4, 5], at: 1) == 5)
        #expect(bench.queue.chain.write([9, 9], at: 10) == 1)
        #expect(bench.ring.memory.read(0xA000, count: 3) == [0, 1, 2])
        #expect(bench.ring.memory.read(0xB000, count: 8) == [3, 4, 5, 0, 0, 0, 0, 9])
        bench.queue.finish(written: 6)
        #expect(bench.ring.usedIndex == 0)
        bench.queue.publish()
        #expect(bench.ring.usedIndex == 1)
        #expect(bench.ring.usedEntry(0) == (3, 6))
        #expect(bench.interrupts.count == 1)
        #expect(try !bench.queue.next())
    }

    @Test func `the used length never exceeds what could be written`() throws {
        var bench = try QueueBench()
        bench.ring.offer([(0x8000, 4, true)])
        _ = try bench.queue.next()
        bench.queue.finish(written: .max)
        bench.ring.offer([(0x8000, 4, true)])
        _ = try bench.queue.next()
        bench.queue.finish(written: .min)
        bench.queue.publish()
        #expect(bench.ring.usedEntry(0).length == 4)
        #expect(bench.ring.usedEntry(1).length == 0)
    }

    @Test func `indices wrap through 65535`() throws {
        var bench = try QueueBench(size: 4, position: 0xFFFD)
        for round in 0..<8 as Range<UInt16> {
            bench.ring.offer([(0x8000, 16, true)], first: round % 4)
            #expect(try bench.queue.next())
            bench.queue.finish(written: Int(round))
            bench.queue.publish()
            #expect(bench.ring.usedIndex == 0xFFFD &+ round &+ 1)
            #expect(bench.ring.usedEntry(0xFFFD &+ round) == (UInt32(round % 4), UInt32(round)))
        }
        #expect(bench.interrupts.count == 8)
    }

    @Test func `a full ring is handed out to the last chain and then no more`() throws {
        var bench = try QueueBench(size: 8)
        for head in 0..<8 as Range<UInt16> {
            bench.ring.describe(head, 0x8000, 1, TestRing.write)
            bench.ring.offer(head)
        }
        var taken = 0
        while try bench.queue.next() {
            bench.queue.finish(written: 1)
            taken += 1
        }
        #expect(taken == 8)
        bench.queue.publish()
        #expect(bench.ring.usedIndex == 8)
    }

    @Test func `a chain put back is found again`() throws {
        var bench = try QueueBench()
        bench.ring.offer([(0x8000, 4, true)], first: 5)
        #expect(try bench.queue.next())
        bench.queue.putBack()
        bench.queue.putBack()
        #expect(bench.queue.holdsChain == false)
        #expect(try bench.queue.next())
        #expect(bench.queue.chain.head == 5)
        bench.queue.finish(written: 0)
        bench.queue.finish(written: 0)
        bench.queue.publish()
        #expect(bench.ring.usedIndex == 1)
        #expect(try !bench.queue.next())
    }

    @Test func `an indirect table may begin anywhere and follow direct buffers, and its own write flag means nothing`() throws {
        var bench = try QueueBench()
        bench.ring.describe(at: 0x9003, 0x8010, 16, TestRing.next, next: 2)
        bench.ring.describe(at: 0x9003 + 32, 0x8020, 32, TestRing.write)
        bench.ring.describe(0, 0x8000, 8, TestRing.next, next: 1)
        bench.ring.describe(1, 0x9003, 48, TestRing.indirect | TestRing.write)
        bench.ring.offer(0)
        #expect(try bench.queue.next())
        #expect(bench.queue.chain.readableCount == 24)
        #expect(bench.queue.chain.writableCount == 32)
    }

    @Test func `any framing is accepted, empty buffers too`() throws {
        var bench = try QueueBench(size: 32)
        bench.ring.memory.write((0..<16).map { $0 }, at: 0x8000)
        var buffers: [(address: UInt64, length: UInt32, isWritable: Bool)] = (0..<16).map { (0x8000 + $0, 1, false) }
        buffers.insert((0xFFFF_FFFF_FFFF_FFFF, 0, false), at: 3)
        buffers.append((0x9000, 1, true))
        bench.ring.offer(buffers)
        #expect(try bench.queue.next())
        #expect(bench.queue.chain.read(at: 0, count: 16) == (0..<16).map { $0 })
        #expect(bench.queue.chain.writableCount == 1)
    }

    @Test func `a chain through the whole table is the longest there is`() throws {
        var bench = try QueueBench(size: 8)
        bench.ring.offer((0..<8).map { (0x8000 + 16 * $0, 16, false) })
        #expect(try bench.queue.next())
        #expect(bench.queue.chain.readableCount == 128)
    }

    @Test func `a turn ends when the device is stopped`() throws {
        let ring = TestRing(memory: makeMemory(), size: 8)
        let signals = QueueSignals {}
        let queue = Virtqueue(try ring.geometry(), memory: ring.memory, hasEventIndex: false, hasIndirect: false, signals: signals)
        #expect(queue.mustStop == false)
        signals.stop()
        #expect(queue.mustStop == true)
    }
}
