import Devices
import Testing

@Suite struct VirtioEntropyTests {
    private func rig(limit: Int = .max) throws -> (VirtioRig, TestRing) {
        let rig = try VirtioRig(VirtioEntropy(source: FixedEntropy(limit: limit)))
        let ring = rig.ring(64)
        rig.start([0: ring])
        return (rig, ring)
    }

    @Test func `buffers come back full of random bytes`() throws {
        let (rig, ring) = try rig()
        ring.offer([(0x8000, 16, true), (0x9000, 8, true)])
        rig.run()
        #expect(ring.usedEntry(0) == (0, 24))
        #expect(rig.memory.read(0x8000, count: 17) == Array(repeating: 0xA5, count: 16) + [0])
        #expect(rig.memory.read(0x9000, count: 8) == Array(repeating: 0xA5, count: 8))
        #expect(rig.config(0) == 0x1044_1AF4)
        #expect(rig.capability(9, type: 4) == nil)
    }

    @Test func `H40 a huge request gets a bounded answer, and a ring full of them bounded turns`() throws {
        let (rig, ring) = try rig()
        for head in 0..<64 as Range<UInt16> {
            ring.describe(head, 0x20_0000, 1 << 20, TestRing.write)
            ring.offer(head)
        }
        #expect(rig.run() <= 3)
        #expect(ring.usedIndex == 64)
        for index in 0..<64 as Range<UInt16> { #expect((1...4096).contains(ring.usedEntry(index).length)) }
        #expect(rig.memory.load(UInt8.self, at: 0x20_1000) == 0)
    }

    @Test func `H40 a buffer that cannot be written is a broken queue, never an empty answer`() throws {
        for buffer in [(0x8000, 16, false), (0x8000, 0, true)] as [(UInt64, UInt32, Bool)] {
            let (rig, ring) = try rig()
            ring.offer([buffer])
            rig.run()
            #expect(ring.usedIndex == 0)
            #expect(rig.function.isBroken)
        }
    }

    @Test func `a source that gives less gives less, and one that gives nothing is a broken device`() throws {
        let (rig, ring) = try rig(limit: 5)
        ring.offer([(0x8000, 16, true)])
        rig.run()
        #expect(ring.usedEntry(0).length == 5)
        let (dry, dryRing) = try self.rig(limit: 0)
        dryRing.offer([(0x8000, 16, true)])
        dry.run()
        #expect(dry.status & 0x40 != 0)
    }
}

@Suite struct VirtioConsoleTests {
    private func offer(_ console: VirtioConsole, _ text: String) -> Int {
        unsafe console.offer(Array(text.utf8).span.bytes)
    }

    @Test func `output reaches the sink in order, from any framing`() throws {
        let sink = CollectingSink()
        let rig = try VirtioRig(VirtioConsole(sink: sink))
        let ring = rig.ring()
        rig.start([1: ring])
        rig.memory.write(Array("hello, world\n".utf8), at: 0x8000)
        ring.offer([(0x8000, 5, false), (0x8005, 1, false), (0x8006, 7, false)])
        ring.offer([(0x8000, 2, false)], first: 4)
        rig.run(1)
        #expect(sink.text == "hello, world\nhe")
        #expect(ring.usedIndex == 2)
        #expect(ring.usedEntry(0) == (0, 0))
    }

    @Test func `H35 output that nobody takes waits in the guest and is lost nowhere`() throws {
        let sink = CollectingSink(room: 10)
        let rig = try VirtioRig(VirtioConsole(sink: sink))
        let ring = rig.ring()
        rig.start([1: ring])
        rig.memory.write(Array("abcdefghijklmnopqrstuvwxyz".utf8), at: 0x8000)
        ring.offer([(0x8000, 4, false)], first: 0)
        ring.offer([(0x8004, 4, false), (0x8008, 18, false)], first: 2)
        #expect(rig.run(1) == 1)
        #expect(sink.text == "abcdefghij")
        #expect(ring.usedIndex == 1)
        for _ in 0..<5 { #expect(rig.run(1) == 1) }
        sink.makeRoom(3)
        rig.run(1)
        #expect(sink.text == "abcdefghijklm")
        sink.makeRoom(100)
        rig.run(1)
        #expect(sink.text == "abcdefghijklmnopqrstuvwxyz")
        #expect(ring.usedIndex == 2)
    }

    @Test func `H35 a hundred mebibytes of output leave in bounded turns`() throws {
        let sink = CountingSink()
        let rig = try VirtioRig(VirtioConsole(sink: sink))
        let ring = rig.ring(128)
        rig.start([1: ring])
        for round in 0..<100 as Range<UInt16> {
            ring.offer([(0x20_0000, 1 << 20, false)])
            let turns = rig.run(1)
            #expect(turns >= 4 && turns <= 6)
            #expect(ring.usedIndex == round + 1)
        }
        #expect(sink.count == 100 << 20)
    }

    @Test func `input waits for buffers and fills them as they come`() throws {
        let console = VirtioConsole(sink: CollectingSink())
        let rig = try VirtioRig(console)
        let ring = rig.ring()
        #expect(offer(console, "early ") == 6)
        rig.start([0: ring])
        rig.run(0)
        #expect(ring.usedIndex == 0)
        #expect(offer(console, "bird") == 4)
        ring.offer([(0x8000, 4, true)], first: 0)
        ring.offer([(0x9000, 3, true), (0x9003, 100, true)], first: 1)
        rig.run(0)
        #expect(ring.usedEntry(0) == (0, 4))
        #expect(ring.usedEntry(1) == (1, 6))
        #expect(rig.memory.read(0x8000, count: 4) == Array("earl".utf8))
        #expect(rig.memory.read(0x9000, count: 6) == Array("y bird".utf8))
    }

    @Test func `H35 input that the guest does not take is held back, and its source hears of room`() throws {
        let gate = CountingGate()
        let console = VirtioConsole(sink: CollectingSink(), gate: gate)
        let rig = try VirtioRig(console)
        let ring = rig.ring()
        rig.start([0: ring])
        let chunk = String(repeating: "x", count: 40_000)
        #expect(offer(console, chunk) == 40_000)
        #expect(offer(console, chunk) == VirtioConsole.backlogLimit - 40_000)
        for _ in 0..<100 { #expect(offer(console, chunk) == 0) }
        #expect(gate.count == 0)
        for index in 0..<16 as Range<UInt16> { ring.offer([(0x20_0000, 4096, true)], first: index) }
        rig.run(0)
        #expect(gate.count == 1)
        #expect(ring.usedIndex == 16)
        #expect(offer(console, "more") == 4)
    }

    @Test func `an input buffer that cannot be written is a broken queue`() throws {
        let console = VirtioConsole(sink: CollectingSink())
        let rig = try VirtioRig(console)
        let ring = rig.ring()
        rig.start([0: ring])
        _ = offer(console, "x")
        ring.offer([(0x8000, 4, false)])
        rig.run(0)
        #expect(rig.function.isBroken)
    }

    @Test func `an emergency byte comes out before anything is set up`() throws {
        let sink = CollectingSink()
        let rig = try VirtioRig(VirtioConsole(sink: sink))
        rig.write(0x2008, 0x21, 4)
        rig.write(0x2000, 0x41, 4)
        rig.write(0x200C, 0x41, 4)
        #expect(sink.text == "!")
        #expect(rig.read(0x2004, 4) == 1)
    }

    @Test func `a reset in the middle of a chain begins afresh`() throws {
        let sink = CollectingSink(room: 2)
        let rig = try VirtioRig(VirtioConsole(sink: sink))
        let ring = rig.ring()
        rig.start([1: ring])
        rig.memory.write(Array("abcd".utf8), at: 0x8000)
        ring.offer([(0x8000, 4, false)])
        rig.run(1)
        rig.status = 0
        sink.makeRoom(100)
        rig.run(1)
        #expect(sink.text == "ab")
        #expect(ring.usedIndex == 0)
        ring.availableIndex = 0
        rig.start([1: ring])
        ring.offer([(0x8000, 4, false)])
        rig.run(1)
        #expect(sink.text == "ababcd")
    }
}
