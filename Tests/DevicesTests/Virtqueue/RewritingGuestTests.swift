import Devices
import Synchronization
import Testing

/// A guest that rewrites its rings, descriptors and buffers while the device walks them.
@Suite struct RewritingGuestTests {
    @Test func `H12 descriptors rewritten during the walk give one consistent copy or an error`() throws {
        let memory = makeMemory()
        let ring = TestRing(memory: memory, size: 8)
        // Good descriptors point at 0x8000, bad ones anywhere.
        let generator = Mutex(Seeded(seed: 0x5EED_0012))
        let saboteur = Saboteur {
            generator.withLock { random in
                let index = UInt16.random(in: 0..<8, using: &random)
                switch Int.random(in: 0..<6, using: &random) {
                case 0: ring.describe(index, 0x8000, 64, TestRing.write)
                case 1: ring.describe(index, UInt64.random(in: 0...UInt64.max, using: &random), 64, TestRing.write)
                case 2: ring.describe(index, 0x8000, UInt32.random(in: 0...UInt32.max, using: &random), TestRing.next, next: index)
                case 3: ring.describe(index, 0x1000, 64, TestRing.indirect)
                case 4: memory.store(UInt16.random(in: 0...UInt16.max, using: &random), at: ring.available + 4 + 2 * UInt64(index))
                default: ring.describe(index, 0x8000, 64, TestRing.write | TestRing.next, next: UInt16.random(in: 0..<9, using: &random))
                }
            }
        }
        var taken = 0
        var refused = 0
        var rounds = 0
        // On a busy host the other thread may sleep for a while: both outcomes must be seen.
        while rounds < 30_000 || ((taken == 0 || refused == 0) && rounds < 10_000_000) {
            rounds += 1
            for index in 0..<8 as Range<UInt16> {
                ring.describe(index, 0x8000, 64, TestRing.write)
                memory.store(index, at: ring.available + 4 + 2 * UInt64(index))
            }
            var queue = Virtqueue(
                try ring.geometry(), memory: memory, hasEventIndex: false, hasIndirect: true, signals: QueueSignals {})
            ring.availableIndex = 8
            do {
                while try queue.next() {
                    // Whatever came out stays inside guest memory: touching all of it must not fault.
                    let size = queue.chain.writableCount
                    #expect(queue.chain.readableCount + size <= Int(UInt32.max))
                    if size > 0 { queue.chain.write([1], at: size - 1) }
                    if queue.chain.readableCount > 0 { _ = queue.chain.read(at: queue.chain.readableCount - 1, count: 1) }
                    queue.finish(written: size)
                    taken += 1
                }
                queue.publish()
            } catch { refused += 1 }
            ring.availableIndex = 0
        }
        saboteur.end()
        #expect(taken > 0)
        #expect(refused > 0)
    }

    @Test func `H12 a request header rewritten during service is judged from one copy`() throws {
        // Sector and type change while the request is served: the disk is only ever read inside its capacity, and a read-only disk is never
        // written (the storage traps if it is).
        let storage = MemoryStorage(sectors: 64, isReadOnly: true)
        let rig = try VirtioRig(VirtioBlock(storage: storage, serial: "race"))
        let ring = rig.ring(8)
        rig.start([0: ring])
        let generator = Mutex(Seeded(seed: 0x5EED_0112))
        let memory = rig.memory
        let saboteur = Saboteur {
            generator.withLock { random in
                memory.store(UInt32.random(in: 0...2, using: &random), at: 0x8000)
                memory.store(Bool.random(using: &random) ? UInt64(0) : UInt64.random(in: 0...UInt64.max, using: &random), at: 0x8008)
            }
        }
        var answers: Set<UInt8> = []
        for round in 0..<20_000 {
            ring.offer([(0x8000, 16, false), (0x9000, 512, true), (0xA000, 1, true)])
            rig.run()
            #expect(ring.usedIndex == UInt16(truncatingIfNeeded: round + 1))
            answers.insert(memory.load(UInt8.self, at: 0xA000) ?? 0xFF)
        }
        saboteur.end()
        #expect(answers.isSubset(of: [0, 1, 2]))
        #expect(answers.contains(0))
        #expect(!rig.function.isBroken)
    }
}
