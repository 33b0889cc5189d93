import LabModel
import LabNetwork
import PortStream
import Testing

@Suite struct `a shaped link` {
    private static let count = 10_000
    private static func numbered(_ number: Int) -> [UInt8] {
        frame(to: Rig.mac(1), from: Rig.mac(0), [UInt8(number >> 8 & 0xFF), UInt8(number & 0xFF)] + [UInt8](repeating: 0x33, count: 98))
    }
    private static func number(_ frame: [UInt8]) -> Int { Int(frame[14]) << 8 | Int(frame[15]) }

    /// Sends 10,000 numbered frames, one each millisecond, over a network with that shape.
    private func run(seed: UInt64 = 7, onPort: Bool = false, _ shape: (inout LinkShape) -> Void) -> (rig: Rig, heard: [[UInt8]]) {
        let rig = Rig(["a/lan", "b/lan"], seed: seed) { settings in
            if onPort { shape(&settings.ports[1].link) } else { shape(&settings.networks[0].link) }
        }
        var heard: [[UInt8]] = []
        for number in 0..<Self.count {
            rig.send(Self.numbered(number), from: 0)
            rig.wait(1_000_000)
            // Unknown to the switch: it would take the sender for a storm otherwise.
            heard += rig.heard(1)
        }
        rig.wait(10_000_000_000)
        return (rig, heard + rig.heard(1))
    }

    /// Whether a count of so many in 10,000 is within three standard deviations of its share.
    private func isFair(_ found: Int, _ ppm: Double) -> Bool {
        let p = ppm / 1e6
        return abs(Double(found) / Double(Self.count) - p) <= 3 * (p * (1 - p) / Double(Self.count)).squareRoot()
    }

    @Test(arguments: [(5_000 as UInt32, false), (20_000, true), (300_000, false)])
    func `loses its share, the same frames each time`(ppm: UInt32, onPort: Bool) {
        let first = run(onPort: onPort) { $0.lossPPM = ppm }
        #expect(isFair(Self.count - first.heard.count, Double(ppm)), "\(Self.count - first.heard.count) lost")
        #expect(first.rig.drops(1, .loss) == UInt64(Self.count - first.heard.count))
        #expect(run(onPort: onPort) { $0.lossPPM = ppm }.heard == first.heard)
        #expect(run(seed: 8, onPort: onPort) { $0.lossPPM = ppm }.heard != first.heard)
        // A delay changes when they come, not which.
        let delayed = run(onPort: onPort) { shape in
            shape.lossPPM = ppm
            shape.delayMicroseconds = 300
        }
        #expect(delayed.heard == first.heard)
    }

    @Test func `duplicates its share`() {
        let heard = run { $0.duplicatePPM = 30_000 }.heard.map(Self.number)
        #expect(Set(heard).count == Self.count)
        #expect(isFair(heard.count - Self.count, 30_000))
    }

    @Test func `turns over one bit of its share`() {
        let heard = run { $0.corruptPPM = 30_000 }.heard
        #expect(heard.count == Self.count)
        var damaged = 0
        for (number, frame) in heard.enumerated() {
            let difference = zip(frame, Self.numbered(number)).reduce(0) { $0 + ($1.0 ^ $1.1).nonzeroBitCount }
            #expect(difference <= 1)
            damaged += difference
        }
        #expect(isFair(damaged, 30_000))
    }

    @Test func `lets its share overtake those before`() {
        let heard = run { shape in
            shape.reorderPPM = 20_000
            shape.delayMicroseconds = 1500
        }.heard.map(Self.number)
        #expect(heard.sorted() == Array(0..<Self.count))
        // One that is not delayed comes before the one that set out a millisecond earlier, unless that one was not delayed either.
        let overtakers = zip(heard, heard.dropFirst()).filter { $0.0 > $0.1 }.count
        #expect(isFair(overtakers, 20_000 * 0.98))
    }

    @Test func `delays by what it says, each way`() {
        let rig = Rig { $0.networks[0].link.delayMicroseconds = 40_000 }
        rig.send(Self.numbered(0), from: 0)
        rig.wait(39_999_999)
        #expect(rig.heard(1).isEmpty)
        rig.wait(1)
        #expect(rig.heard(1).count == 1)
        rig.send(frame(to: Rig.mac(0), from: Rig.mac(1)), from: 1)
        rig.wait(39_999_999)
        #expect(rig.heard(0).isEmpty)
        rig.wait(1)
        #expect(rig.heard(0).count == 1)
    }

    @Test func `of a port delays what comes and what goes, on top of the network's`() {
        let rig = Rig(["a/lan", "b/lan"]) { settings in
            settings.networks[0].link.delayMicroseconds = 100
            settings.ports[0].link.delayMicroseconds = 1000
            settings.ports[1].link.delayMicroseconds = 20
        }
        rig.send(Self.numbered(0), from: 0)
        rig.wait(1_119_999)
        #expect(rig.heard(1).isEmpty)
        rig.wait(1)
        #expect(rig.heard(1).count == 1)
    }

    @Test func `spreads its jitter evenly around the delay`() {
        let rig = Rig(["a/lan", "b/lan"]) { settings in
            settings.networks[0].link.delayMicroseconds = 10_000
            settings.networks[0].link.jitterMicroseconds = 5_000
        }
        var delays: [Double] = []
        for number in 0..<2000 {
            rig.send(Self.numbered(number), from: 0)
            let start = rig.now
            rig.now = rig.bridge.nextDeadline ?? 0
            rig.wait(0)
            #expect(rig.heard(1).count == 1)
            delays.append(Double(rig.now - start) / 1e6)
        }
        #expect(delays.allSatisfy { (5.0...15.0).contains($0) })
        // Kolmogorov and Smirnov: for an even spread, a distance beyond 1.63 / sqrt(n) has a chance of one in a hundred.
        var distance = 0.0
        for (index, delay) in delays.sorted().enumerated() {
            let expected = (Double(index) + 0.5) / 2000
            distance = max(distance, abs((delay - 5) / 10 - expected))
        }
        #expect(distance < 1.63 / 2000.0.squareRoot())
    }

    @Test func `carries its rate and no more, and drops what would wait too long`() {
        let rig = Rig(["a/lan", "b/lan"]) { $0.networks[0].link.bitsPerSecond = 10_000_000 }
        rig.send(frame(to: .broadcast, from: Rig.mac(1)), from: 1)
        let large = frame(to: Rig.mac(1), from: Rig.mac(0), [UInt8](repeating: 1, count: 1486))
        // Twice the rate for ten seconds.
        var bits = 0
        for _ in 0..<16_667 {
            rig.send(large, from: 0)
            rig.wait(600_000)
            bits += rig.heard(1).reduce(0) { $0 + $1.count * 8 }
        }
        #expect((98_000_000...100_100_000).contains(bits), "\(bits)")
        #expect(rig.drops(1, .linkFull) > 7000)
    }

    @Test func `changes while it runs, and is a plain wire again once it is cleared`() throws {
        let rig = Rig(["a/lan", "b/lan"])
        func order(_ text: String) throws {
            guard case .link(let name, let order) = try ControlWord(text) else { throw SettingsError(text) }
            try rig.bridge.order(name, order, now: rig.now)
        }
        rig.send(Self.numbered(0), from: 0)
        #expect(rig.heard(1).count == 1)
        try order("link lan delay=1000")
        rig.send(Self.numbered(1), from: 0)
        #expect(rig.heard(1).isEmpty)
        try order("link b/lan loss=1000000")
        rig.send(Self.numbered(2), from: 0)
        rig.wait(5_000_000)
        #expect(rig.heard(1).isEmpty, "the second wire lost what was on the first")
        try order("link b/lan clear")
        rig.send(Self.numbered(3), from: 0)
        try order("link lan clear")
        rig.wait(5_000_000)
        rig.send(Self.numbered(4), from: 0)
        #expect(rig.heard(1).map(Self.number) == [3, 4])
        #expect(rig.bridge.nextDeadline == nil)
    }

    @Test(arguments: ["rate=100000000", "delay=1000 rate=0", "clear"])
    func `that was slow holds nothing up any more once it is faster`(change: String) throws {
        for slow in ["rate=1000", "delay=3600000000"] {
            let rig = Rig(["a/lan", "b/lan"])
            func order(_ text: String) throws {
                guard case .link(let name, let order) = try ControlWord("link lan \(text)") else { throw SettingsError(text) }
                try rig.bridge.order(name, order, now: rig.now)
            }
            rig.send(frame(to: .broadcast, from: Rig.mac(1)), from: 1)
            try order(slow)
            for number in 0..<1000 { rig.send(Self.numbered(number), from: 0) }
            rig.wait(1_000_000)
            #expect(rig.heard(1).isEmpty)
            try order("delay=0")
            try order(change)
            let before = rig.drops(1, .linkFull)
            rig.wait(150_000_000)
            rig.send(Self.numbered(1000), from: 0)
            rig.wait(150_000_000)
            #expect(rig.drops(1, .linkFull) == before)
            let heard = rig.heard(1).map(Self.number)
            #expect(heard == (0..<heard.count - 1) + [1000] && heard.count > 900, "\(slow), \(change): \(heard.count)")
        }
    }

    @Test func `holds only so much`() {
        let rig = Rig(["a/lan", "b/lan"]) { $0.networks[0].link.delayMicroseconds = LinkShape.longestDelay }
        rig.send(frame(to: .broadcast, from: Rig.mac(1)), from: 1)
        let large = frame(to: Rig.mac(1), from: Rig.mac(0), [UInt8](repeating: 1, count: 1486))
        for _ in 0..<20_000 { rig.send(large, from: 0) }
        #expect(rig.drops(1, .linkFull) > 5000)
        rig.wait(LinkShape.longestDelay * 1000)
        #expect(rig.heard(1).count * large.count <= Limits.bytesInFlight)
    }

    @Test func `damages one frame of a large segment, so that its receiver can tell`() {
        let rig = Rig(["a/lan", "b/lan"]) { $0.networks[0].link.corruptPPM = 1_000_000 }
        let record = largeSegment(payload: 5000, segment: 1400)
        rig.feed(record, from: 0)
        let heard = rig.records(1)
        #expect(heard.count == 4 && heard.allSatisfy { $0[4..<16].allSatisfy { $0 == 0 } })
        var plain: [[UInt8]] = []
        PlainRecord.forEachFrame(header: record[4..<16], frame: Array(record[16...])) {
            plain.append($0)
            return true
        }
        let bits = zip(heard, plain).map { zip($0.0[16...], $0.1).reduce(0) { $0 + ($1.0 ^ $1.1).nonzeroBitCount } }
        #expect(bits.sorted() == [0, 0, 0, 1])
        // One that stands for more frames than can be is lost.
        rig.feed(largeSegment(payload: 60_000, segment: 1), from: 0)
        #expect(rig.records(1).isEmpty)
    }
}
