import Devices
import Testing

@Suite struct `a guest receives frames` {
    private static let plainRecord = NetworkFrames.record(NetworkFrames.header(), NetworkFrames.plain(60))

    @Test func `a frame lands in one buffer, which it says`() throws {
        let rig = try NetworkRig()
        rig.give(2, of: 2048)
        rig.arrive(Self.plainRecord)
        #expect(rig.receive.usedIndex == 1)
        #expect(rig.receive.usedEntry(0) == (0, 72))
        #expect(rig.get(72, at: NetworkRig.buffers) == NetworkFrames.header(buffers: 1) + NetworkFrames.plain(60))
        #expect(rig.device.counters.received == 1)
    }

    @Test func `a record that arrives a byte at a time is one frame`() throws {
        let rig = try NetworkRig()
        rig.give(1, of: 2048)
        for byte in Self.plainRecord {
            #expect(rig.receive.usedIndex == 0)
            rig.arrive([byte])
        }
        #expect(rig.receive.usedIndex == 1)
    }

    @Test func `frames wait for buffers, and for no more than the backlog holds`() throws {
        let rig = try NetworkRig()
        var accepted = 0
        var offered = 0
        while true {
            let count = rig.arrive(Self.plainRecord)
            accepted += count
            offered += 1
            if count < Self.plainRecord.count { break }
        }
        #expect(accepted == 256 << 10)
        #expect(rig.arrive(Self.plainRecord) == 0)
        #expect(rig.gate.count == 0)
        let whole = accepted / Self.plainRecord.count
        for round in 0..<(whole / 64) {
            rig.give(64, of: 1024)
            rig.rig.run(0)
            #expect(rig.receive.usedIndex == UInt16(truncatingIfNeeded: 64 * (round + 1)))
        }
        #expect(rig.gate.count == 1)
        // The one that was cut off by the limit goes on where it was.
        rig.give(64, of: 1024)
        rig.arrive(Array(Self.plainRecord.dropFirst(accepted % Self.plainRecord.count)))
        #expect(rig.device.counters.received == whole + 1)
    }

    @Test func `a large frame is spread over buffers that appear all at once`() throws {
        let rig = try NetworkRig(features: NetworkBit.mergeable | NetworkBit.receiving)
        let (frame, start) = NetworkFrames.tcp(payload: 5000, version: 4)
        let header = NetworkFrames.header(flags: 1, type: 1, headerCount: 54, size: 1448, start: start, offset: 16)
        rig.give(1, of: 1024)
        rig.arrive(Self.plainRecord + NetworkFrames.record(header, frame))
        // The small frame does not wait for the large one.
        #expect(rig.receive.usedIndex == 1)
        for number in 1...4 as ClosedRange<UInt16> {
            rig.receive.offer([(NetworkRig.buffers + UInt64(number) * 1024, 1024, true)], first: number)
            rig.rig.run(0)
            #expect(rig.receive.usedIndex == 1)
        }
        rig.receive.offer([(NetworkRig.buffers + 5 * 1024, 1024, true)], first: 5)
        rig.rig.run(0)
        #expect(rig.receive.usedIndex == 6)
        var expected = header + frame
        expected[10] = 5
        #expect(rig.get(expected.count, at: NetworkRig.buffers + 1024) == expected)
        #expect((1...5).map { rig.receive.usedEntry($0).length } == [1024, 1024, 1024, 1024, UInt32(expected.count - 4096)])
    }

    @Test func `buffers that are too small for a frame cost the guest that frame only`() throws {
        let rig = try NetworkRig()
        rig.give(1, of: 64)
        rig.arrive(Self.plainRecord + NetworkFrames.record(NetworkFrames.header(), NetworkFrames.plain(40)))
        #expect(rig.receive.usedIndex == 1)
        #expect(rig.receive.usedEntry(0).length == 52)
        #expect(rig.device.counters.receiveDropped == 1)
    }

    @Test func `a guest whose mergeable buffers are all too small together does not stall its port`() throws {
        let rig = try NetworkRig(features: NetworkBit.mergeable)
        rig.give(64, of: 16)
        rig.arrive(NetworkFrames.record(NetworkFrames.header(), NetworkFrames.plain(1500)))
        #expect(rig.receive.usedIndex == 64)
        #expect(rig.device.counters.receiveDropped == 1)
        rig.give(1, of: 2048)
        rig.arrive(Self.plainRecord)
        #expect(rig.device.counters.received == 1)
    }

    @Test(arguments: [false, true])
    func `a buffer that cannot be written asks for a reset`(isMergeable: Bool) throws {
        let rig = try NetworkRig(features: isMergeable ? NetworkBit.mergeable : 0)
        rig.receive.offer([(NetworkRig.buffers, 2048, false)])
        rig.arrive(Self.plainRecord)
        #expect(rig.rig.function.isBroken)
        rig.receive.availableIndex = 0
        rig.rig.memory.store(UInt16(0), at: rig.receive.used + 2)
        rig.start(0)
        rig.give(1, of: 2048)
        rig.arrive(Self.plainRecord)
        #expect(rig.receive.usedIndex == 1)
    }

    @Test(arguments: [4, 6])
    func `a checksum that was left open is completed for a guest that wants it so`(version: Int) throws {
        let rig = try NetworkRig()
        let (frame, start) = NetworkFrames.tcp(payload: 1001, version: version)
        rig.give(1, of: 2048)
        rig.arrive(NetworkFrames.record(NetworkFrames.header(flags: 1, start: start, offset: 16), frame))
        let got = rig.get(12 + frame.count, at: NetworkRig.buffers)
        #expect(Array(got.prefix(12)) == NetworkFrames.header(buffers: 1))
        let ip = version == 4 ? Int(start) - 20 : Int(start) - 40
        var expected = frame
        // IPv4's own checksum is the sender's business: only TCP's field differs.
        expected.replaceSubrange(Int(start) + 16..<Int(start) + 18, with: got[(12 + Int(start) + 16)..<(12 + Int(start) + 18)])
        #expect(Array(got.dropFirst(12)) == expected)
        let pseudo = version == 4 ? Array(frame[(ip + 12)..<(ip + 20)]) : Array(frame[(ip + 8)..<(ip + 40)])
        let tcp = Array(expected[Int(start)...])
        #expect(NetworkFrames.sum(pseudo + [0, 6] + tcp, plus: tcp.count) == 0xFFFF)
    }

    @Test(arguments: [(4, false, 1448, 7), (6, false, 1440, 7), (4, true, 1000, 10), (4, false, 9999, 1)])
    func `a large segment is cut for a guest that cannot take it`(version: Int, isTagged: Bool, size: Int, count: Int) throws {
        let rig = try NetworkRig()
        let payload = 9999
        let (frame, start) = NetworkFrames.tcp(payload: payload, version: version, isTagged: isTagged)
        let type: UInt8 = version == 4 ? 0x81 : 0x84
        rig.give(UInt16(count) + 1, of: 16384)
        rig.arrive(
            NetworkFrames.record(NetworkFrames.header(flags: 1, type: type, size: UInt16(size), start: start, offset: 16), frame)
                + Self.plainRecord)
        #expect(Int(rig.receive.usedIndex) == count + 1)
        var body: [UInt8] = []
        for number in 0..<count {
            let length = Int(rig.receive.usedEntry(UInt16(number)).length)
            let got = rig.get(length, at: NetworkRig.buffers + UInt64(number) * 16384)
            #expect(Array(got.prefix(12)) == NetworkFrames.header(buffers: 1))
            let piece = Array(got.dropFirst(12))
            #expect(NetworkFrames.isSound(piece, start: Int(start), version: version), "piece \(number)")
            let sequence = piece[(Int(start) + 4)..<(Int(start) + 8)].reduce(0 as UInt32) { $0 << 8 | UInt32($1) }
            #expect(sequence == 0xFFFF_F000 &+ UInt32(number * size))
            let flags = piece[Int(start) + 13]
            #expect(flags & 0x09 == (number == count - 1 ? 0x09 : 0), "FIN and PSH belong to the last")
            #expect(flags & 0x80 == (number == 0 ? 0x80 : 0), "CWR belongs to the first")
            body += piece[(Int(start) + 20)...]
        }
        let isWhole = body == (0..<payload).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        #expect(isWhole)
    }

    @Test func `a sender that asks for segments of one byte gets them a few at a time`() throws {
        let rig = try NetworkRig()
        let (frame, start) = NetworkFrames.tcp(payload: 500, version: 4)
        rig.arrive(NetworkFrames.record(NetworkFrames.header(flags: 1, type: 1, size: 1, start: start, offset: 16), frame))
        var seen = 0
        while seen < 500 {
            rig.give(50, of: 256)
            rig.rig.run(0)
            seen += 50
            #expect(Int(rig.receive.usedIndex) == seen)
        }
        rig.give(1, of: 256)
        rig.arrive(Self.plainRecord)
        #expect(rig.device.counters.received == 501)
    }

    @Test(arguments: [
        NetworkFrames.header(flags: 1, type: 1, size: 100, start: 20, offset: 16),
        NetworkFrames.header(flags: 1, type: 1, size: 100, start: 38, offset: 16),
        NetworkFrames.header(flags: 1, type: 4, size: 100, start: 34, offset: 16),
        NetworkFrames.header(flags: 1, type: 1, size: 100, start: 34, offset: 6),
        NetworkFrames.header(flags: 1, type: 1, size: 100, start: 1030, offset: 16),
        NetworkFrames.header(flags: 1, type: 5, size: 100, start: 34, offset: 16),
        NetworkFrames.header(flags: 1, start: 2000, offset: 0),
    ])
    func `a neighbour's header that is not true of its frame is dropped here too`(header: [UInt8]) throws {
        let rig = try NetworkRig()
        rig.give(4, of: 2048)
        rig.arrive(NetworkFrames.record(header, NetworkFrames.tcp(payload: 1000, version: 4).frame) + Self.plainRecord)
        #expect(rig.device.counters.receiveDropped == 1)
        #expect(rig.device.counters.received == 1)
        #expect(rig.receive.usedIndex == 1)
    }

    @Test(arguments: [[0, 0, 0, 5], [0xFF, 0xFF, 0xFF, 0xFF], [0, 1, 0, 0x22]] as [[UInt8]])
    func `a stream that says nonsense is broken until it is taken up anew, and is swallowed`(prefix: [UInt8]) throws {
        let rig = try NetworkRig()
        rig.give(4, of: 2048)
        rig.arrive(prefix)
        #expect(rig.input.isBroken)
        let flood = [UInt8](repeating: 1, count: 1 << 20)
        #expect(rig.arrive(flood) == flood.count)
        #expect(rig.receive.usedIndex == 0)
        rig.send(NetworkFrames.header() + NetworkFrames.plain(60))
        #expect(rig.device.counters.sent == 1)
    }

    @Test func `a reset forgets frames that waited, and keeps the stream in step`() throws {
        let rig = try NetworkRig(features: NetworkBit.mergeable)
        rig.arrive(Self.plainRecord + Self.plainRecord + Self.plainRecord.prefix(30))
        rig.start(0)
        rig.give(4, of: 2048)
        rig.arrive(Array(Self.plainRecord.dropFirst(30)))
        #expect(rig.receive.usedIndex == 1)
        #expect(rig.get(72, at: NetworkRig.buffers) == NetworkFrames.header(buffers: 1) + NetworkFrames.plain(60))
    }

    @Test func `frames that come while no driver takes them are lost, and the stream stays in step`() throws {
        let rig = try NetworkRig()
        rig.rig.status = 0
        let half = Self.plainRecord.count / 2
        for _ in 0..<10_000 { rig.arrive(Self.plainRecord) }
        rig.arrive(Array(Self.plainRecord.prefix(half)))
        rig.start(0)
        rig.give(2, of: 2048)
        rig.arrive(Array(Self.plainRecord.dropFirst(half)) + Self.plainRecord)
        #expect(rig.receive.usedIndex == 2)
        #expect(rig.gate.count == 0)
    }
}
