import Devices
import Testing

/// When the driver is interrupted, and when it is asked to ring: the fewer of either, the faster the guest.
@Suite struct NotificationTests {
    private func answerOne(_ bench: inout QueueBench) throws {
        bench.ring.offer([(0x8000, 4, true)])
        _ = try bench.queue.next()
        bench.queue.finish(written: 1)
    }

    @Test func `without event indices a flag silences interrupts`() throws {
        var bench = try QueueBench()
        bench.ring.availableFlags = 1
        try answerOne(&bench)
        bench.queue.publish()
        #expect(bench.interrupts.count == 0)
        bench.ring.availableFlags = 0
        try answerOne(&bench)
        bench.queue.publish()
        #expect(bench.interrupts.count == 1)
    }

    @Test func `many answers published at once are one index update and one interrupt`() throws {
        var bench = try QueueBench()
        for _ in 0..<5 { try answerOne(&bench) }
        #expect(bench.ring.usedIndex == 0)
        #expect(bench.queue.unpublished == 5)
        bench.queue.publish()
        bench.queue.publish()
        #expect(bench.ring.usedIndex == 5)
        #expect(bench.interrupts.count == 1)
    }

    @Test(arguments: [0, 1, 5, 0x7FFE, 0xFFFB, 0xFFFC, 0xFFFF] as [UInt16])
    func `with event indices exactly the entry asked for interrupts, across the wrap too`(position: UInt16) throws {
        for wish in -3..<6 {
            var bench = try QueueBench(hasEventIndex: true, position: position)
            let event = position &+ UInt16(truncatingIfNeeded: wish)
            bench.ring.usedEvent = event
            for _ in 0..<3 { try answerOne(&bench) }
            bench.queue.publish()
            // Entries position ..< position + 3 became visible.
            #expect(bench.interrupts.count == ((0..<3).contains(wish) ? 1 : 0), "wish \(wish)")
        }
    }

    @Test func `with event indices the flag means nothing`() throws {
        var bench = try QueueBench(hasEventIndex: true)
        bench.ring.availableFlags = 1
        bench.ring.usedEvent = 0
        try answerOne(&bench)
        bench.queue.publish()
        #expect(bench.interrupts.count == 1)
    }

    @Test func `without event indices a flag silences doorbells while the queue is served`() throws {
        var bench = try QueueBench()
        bench.queue.suppressNotifications()
        #expect(bench.ring.usedFlags == 1)
        #expect(try !bench.queue.resumeNotifications())
        #expect(bench.ring.usedFlags == 0)
    }

    @Test func `with event indices the driver is asked to ring for the next chain only`() throws {
        var bench = try QueueBench(hasEventIndex: true, position: 0xFFFE)
        bench.queue.suppressNotifications()
        #expect(bench.ring.usedFlags == 0)
        for _ in 0..<3 { try answerOne(&bench) }
        #expect(bench.ring.availableEvent == 0)
        #expect(try !bench.queue.resumeNotifications())
        #expect(bench.ring.availableEvent == 1)
    }

    @Test func `a chain that came while notifications were off is not forgotten`() throws {
        for hasEventIndex in [false, true] {
            var bench = try QueueBench(hasEventIndex: hasEventIndex)
            bench.queue.suppressNotifications()
            #expect(try !bench.queue.next())
            bench.ring.offer([(0x8000, 1, true)])
            #expect(try bench.queue.resumeNotifications())
            #expect(try bench.queue.next())
        }
    }

    @Test func `H14 a random event index never does more than interrupt`() throws {
        var random = Seeded(seed: 0x5EED_0014)
        var bench = try QueueBench(hasEventIndex: true)
        for round in 1...20_000 {
            bench.ring.usedEvent = UInt16.random(in: 0...UInt16.max, using: &random)
            try answerOne(&bench)
            bench.queue.publish()
            #expect(bench.interrupts.count <= round)
        }
        #expect(bench.ring.usedIndex == 20_000)
    }
}
