import LabModel
import LabNetwork
import PortStream
import Testing

@Suite struct `a port that does not read` {
    @Test func `costs a bounded queue and counted drops, and stalls nobody`() {
        let rig = Rig(["a/lan", "b/lan", "c/lan", "d/lan"])
        for port in 0..<4 { rig.send(frame(to: .broadcast, from: Rig.mac(port)), from: port) }
        for port in 0..<4 { _ = rig.heard(port) }
        rig.stuck = [2]
        let payload = [UInt8](repeating: 7, count: 1000)
        let rounds = 2000
        for _ in 0..<rounds {
            for port in [0, 1] {
                rig.send(
                    frame(to: Rig.mac(2), from: Rig.mac(port), payload), frame(to: Rig.mac(3), from: Rig.mac(port), payload), from: port)
            }
        }
        #expect(rig.heard(3).count == rounds * 2)
        let dropped = Int(rig.drops(2, .queueFull))
        #expect(dropped > 0)
        rig.release(2)
        let heard = rig.heard(2)
        #expect(heard.count + dropped == rounds * 2)
        #expect(heard.count * 1030 <= Limits.queueBytes)
        #expect(heard.allSatisfy { $0.count == 1014 }, "only whole frames")
        rig.send(frame(to: Rig.mac(2), from: Rig.mac(0)), from: 0)
        #expect(rig.heard(2).count == 1)
    }

    @Test func `is told its mark once more however much waits for it`() {
        let rig = Rig(["a/lan", "b/lan"])
        let mark = (0..<16).map { UInt8($0) }
        rig.raise(1, mark: mark)
        let said = PortRecord.markPrefix + mark
        #expect(rig.bytes(1) == said)
        rig.stuck = [1]
        let flood = frame(to: .broadcast, from: Rig.mac(0), [UInt8](repeating: 7, count: 1400))
        while rig.drops(1, .queueFull) == 0 {
            rig.send(flood, from: 0)
            rig.now += 1_000_000
        }
        rig.feed(said, from: 1)
        rig.release(1)
        #expect(rig.bytes(1).suffix(said.count) == said)
    }

    @Test func `takes up where a short write left off`() {
        let settings = Rig().bridge.settings
        var numbers = Numbers(3)
        for _ in 0..<50 {
            var bridge = Bridge(settings)
            for port in 0..<3 { bridge.raise(PortIndex(port), mark: nil, now: 1) }
            var reader = RecordReader(counts: PortRecord.counts)
            var expected: [UInt8] = []
            var written: [UInt8] = []
            // Some are for the second port alone, so that runs break.
            for _ in 0..<40 {
                var gulp: [UInt8] = []
                for _ in 0..<Int.random(in: 1...8, using: &numbers) {
                    let isForAll = Bool.random(using: &numbers)
                    let payload = [UInt8](
                        repeating: UInt8.random(in: 0...255, using: &numbers), count: Int.random(in: 0...200, using: &numbers))
                    let record = PlainRecord.make(frame(to: isForAll ? .broadcast : Rig.mac(0), from: Rig.mac(0), payload))
                    gulp += record
                    if isForAll { expected += record }
                }
                _ = reader.fill { span, start in
                    for index in gulp.indices { span[start + index] = gulp[index] }
                    return gulp.count
                }
                var cursor = reader.start()
                bridge.receive(reader.bytes, &cursor, from: PortIndex(0), Moment(now: 1, wall: 1))
                bridge.resume(.port(PortIndex(1)))
                bridge.flush(reader.bytes) { stream, first, second in
                    guard stream == .port(PortIndex(1)) else { return first.count + second.count }
                    let count = Int.random(in: 0...(first.count + second.count), using: &numbers)
                    for index in 0..<count { written.append(index < first.count ? first[index] : second[index - first.count]) }
                    return count
                }
                reader.finish(cursor)
            }
            bridge.resume(.port(PortIndex(1)))
            bridge.flush(Span()) { stream, first, second in
                if stream == .port(PortIndex(1)) { for index in 0..<first.count { written.append(first[index]) } }
                return first.count + second.count
            }
            #expect(written == expected)
        }
    }
}
