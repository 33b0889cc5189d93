import Devices
import PortStream
import Testing

@Suite struct `a port begins at its mark` {
    private static let mark = (1...16).map { UInt8($0 * 11) }
    private static let whole = PortRecord.markPrefix + mark

    private static func record(_ number: UInt8) -> [UInt8] {
        NetworkFrames.record(NetworkFrames.header(), NetworkFrames.plain(60) + [number])
    }

    /// The last bytes of the frames that the guest got.
    private func got(_ rig: NetworkRig) -> [UInt8] {
        (0..<rig.receive.usedIndex).map { rig.get(73, at: NetworkRig.buffers + UInt64($0) * 2048)[72] }
    }

    /// What somebody else had written before: each must be thrown away, whatever it looks like.
    static let leftovers: [(String, [UInt8])] = [
        ("nothing", []), ("a whole record", record(9)), ("half a record", Array(record(9).prefix(40))),
        ("the end of one", Array(record(9).dropFirst(40))), ("no record at all", [0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0]),
        ("another mark", PortRecord.markPrefix + mark.reversed()), ("the mark but for its end", Array(whole.dropLast())),
        ("the mark's first bytes, again and again", [0x80, 0x80, 0, 0x80, 0, 0, 0x80, 0, 0, 0x10, 0x80]),
        ("more than the backlog holds", Array(repeating: 0x80, count: 300_000)),
    ]

    @Test(arguments: leftovers)
    func `all that comes before the mark is thrown away, all after it counts`(leftover: (what: String, bytes: [UInt8])) throws {
        let rig = try NetworkRig(mark: Self.mark)
        rig.give(4, of: 2048)
        #expect(rig.arrive(leftover.bytes + Self.whole + Self.record(1) + Self.record(2)) == leftover.bytes.count + 20 + 2 * 77)
        #expect(got(rig) == [1, 2], "\(leftover.what)")
    }

    @Test func `a mark is found however the stream is split`() throws {
        let stream = Self.record(9).dropFirst(30) + Self.whole + Self.record(1)
        for size in 1...25 {
            let rig = try NetworkRig(mark: Self.mark)
            rig.give(4, of: 2048)
            var rest = stream[...]
            while !rest.isEmpty {
                rig.arrive(Array(rest.prefix(size)))
                rest = rest.dropFirst(size)
            }
            #expect(got(rig) == [1], "pieces of \(size)")
        }
    }

    @Test func `a port that is taken up anew forgets what waited and the record that was arriving`() throws {
        let rig = try NetworkRig()
        rig.arrive(Self.record(7) + Self.record(8) + Self.record(9).prefix(50))
        rig.input.restart(mark: Self.mark)
        rig.give(4, of: 2048)
        rig.arrive(Self.record(9).dropFirst(50) + Self.whole + Self.record(1))
        #expect(got(rig) == [1])
    }

    @Test func `a frame that was half delivered when its port was taken up anew reaches the guest whole`() throws {
        let rig = try NetworkRig(features: NetworkBit.mergeable)
        rig.give(1, of: 1024)
        let frame = NetworkFrames.plain(1500)
        rig.arrive(NetworkFrames.record(NetworkFrames.header(), frame))
        #expect(rig.receive.usedIndex == 0)
        rig.input.restart(mark: Self.mark)
        rig.arrive(Self.whole + Self.record(1))
        rig.receive.offer([(NetworkRig.buffers + 1024, 1024, true)], first: 1)
        rig.receive.offer([(NetworkRig.buffers + 2048, 1024, true)], first: 2)
        rig.rig.run(0)
        #expect(rig.receive.usedIndex == 3)
        #expect(rig.get(1512, at: NetworkRig.buffers) == NetworkFrames.header(buffers: 2) + frame)
        #expect(rig.get(73, at: NetworkRig.buffers + 2048)[72] == 1)
    }

    @Test func `a broken stream is whole again after its mark`() throws {
        let rig = try NetworkRig()
        rig.give(8, of: 2048)
        rig.arrive(Self.record(1) + [0, 0, 0, 1, 0] + Self.record(2))
        #expect(rig.input.isBroken)
        rig.input.restart(mark: Self.mark)
        #expect(!rig.input.isBroken)
        rig.arrive(Self.record(3) + Self.whole + Self.record(4))
        #expect(got(rig) == [1, 4])
    }

    @Test func `a mark is told once when it is found, and passed over when it comes again between records`() throws {
        let rig = try NetworkRig(mark: Self.mark)
        rig.give(8, of: 2048)
        #expect(!rig.input.takeFoundMark())
        rig.arrive(Self.whole + Self.record(1))
        #expect(rig.input.takeFoundMark())
        for byte in Self.whole + Self.record(2) + Self.whole + Self.whole { rig.arrive([byte]) }
        rig.arrive(Self.record(3))
        #expect(got(rig) == [1, 2, 3])
        #expect(!rig.input.takeFoundMark() && !rig.input.isBroken)
    }

    @Test func `a mark that is not known yet silences the port until it is told, and breaks nothing`() throws {
        let rig = try NetworkRig()
        rig.give(8, of: 2048)
        rig.arrive(Self.record(1) + Self.whole + Self.record(2))
        #expect(rig.arrive([UInt8](repeating: 9, count: 1 << 20)) == 1 << 20)
        #expect(!rig.input.isBroken)
        rig.input.restart(mark: Self.mark)
        rig.arrive(Self.record(8).dropFirst(9) + Self.whole + Self.record(3))
        #expect(got(rig) == [1, 3])
    }

    @Test func `marks are 32 hexadecimal digits`() {
        #expect(PortRecord.mark(hexadecimal: "0102030405060708090a0B0C0d0e0FfF") == Array(1...15) + [0xFF])
        for text in ["", "00", String(repeating: "0", count: 31), String(repeating: "0", count: 33), String(repeating: "g", count: 32)] {
            #expect(PortRecord.mark(hexadecimal: text) == nil)
        }
        #expect(PortRecord.mark(hexadecimal: String(repeating: "é", count: 16)) == nil)
    }
}
