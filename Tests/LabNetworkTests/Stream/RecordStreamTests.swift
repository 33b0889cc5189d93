import LabModel
import LabNetwork
import PortStream
import Testing

@Suite struct `a port's stream` {
    private let frames = [
        frame(to: .broadcast, from: Rig.mac(0)), frame(to: .broadcast, from: Rig.mac(0), []),
        frame(to: .broadcast, from: Rig.mac(0), [UInt8](repeating: 9, count: 1500)),
    ]
    private var stream: [UInt8] { frames.flatMap { PlainRecord.make($0) } }

    @Test func `may be split at any byte`() {
        for split in 0...stream.count {
            let rig = Rig()
            rig.feed(Array(stream[..<split]), from: 0)
            rig.feed(Array(stream[split...]), from: 0)
            #expect(rig.heard(1) == frames, "split at \(split)")
        }
        let rig = Rig()
        for byte in stream { rig.feed([byte], from: 0) }
        #expect(rig.heard(1) == frames)
    }

    @Test func `moves many frames of all sizes in one gulp`() {
        let rig = Rig()
        rig.send(frame(to: .broadcast, from: Rig.mac(1)), from: 1)
        var numbers = Numbers(2)
        var sent: [[UInt8]] = []
        var bytes: [UInt8] = []
        for _ in 0..<2000 {
            let payload = (0..<Int.random(in: 0...1500, using: &numbers)).map { UInt8(truncatingIfNeeded: $0) }
            sent.append(frame(to: Rig.mac(1), from: Rig.mac(0), payload))
            bytes += PlainRecord.make(sent[sent.count - 1])
        }
        rig.feed(bytes, from: 0)
        #expect(rig.heard(1) == sent)
    }

    @Test func `is broken by a count that cannot be`() {
        let counts: [UInt32] = [0, 11, 12, 25, UInt32(PortRecord.counts.upperBound + 1), 0x7FFF_FFFF, 0x8000_0010, 0xFFFF_FFFF]
        for count in counts {
            var reader = RecordReader(counts: PortRecord.counts)
            let good = PlainRecord.make(frames[0])
            let bytes = good + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: count >> $0) } + [UInt8](repeating: 0, count: 40)
            #expect(whole(in: &reader, bytes) == 1, "what came before counts")
            #expect(reader.fault != nil, "\(count)")
            #expect(whole(in: &reader, good) == 0, "and nothing after")
            reader.begin(mark: nil)
            #expect(whole(in: &reader, good) == 1)
        }
    }

    @Test func `begins at its mark, whatever lies before it`() {
        let mark = (0..<16).map { UInt8(200 + $0) }
        let whole = PortRecord.markPrefix + mark
        let stale = Array(PlainRecord.make(frames[2]).dropFirst(700))
        let befores: [[UInt8]] = [
            [], stale, stale + PlainRecord.make(frames[0]), Array(whole.dropLast()), Array(whole.prefix(4)) + whole.prefix(10),
            [UInt8](repeating: 0x80, count: 600_000),
        ]
        for before in befores {
            let bytes = before + whole + stream
            for chunk in [1, 7, 19, 20, 21, bytes.count] where chunk > 1 || before.count < 5000 {
                let rig = Rig()
                rig.lower(0)
                rig.raise(0, mark: mark)
                #expect(rig.heard(0).isEmpty)
                for start in stride(from: 0, to: bytes.count, by: chunk) {
                    rig.feed(Array(bytes[start..<min(start + chunk, bytes.count)]), from: 0)
                }
                #expect(rig.heard(1) == frames, "\(before.count) bytes before, in pieces of \(chunk)")
            }
        }
    }

    @Test func `is never in step after another mark`() {
        let rig = Rig()
        rig.lower(0)
        rig.raise(0, mark: [UInt8](repeating: 1, count: 16))
        rig.feed(PortRecord.markPrefix + [UInt8](repeating: 1, count: 15) + [2] + stream, from: 0)
        rig.feed(stream, from: 0)
        #expect(rig.heard(1).isEmpty)
        rig.feed(PortRecord.markPrefix + [UInt8](repeating: 1, count: 16) + stream, from: 0)
        #expect(rig.heard(1) == frames)
    }

    @Test func `sends its mark before anything else`() {
        let rig = Rig()
        let mark = (0..<16).map { UInt8($0) }
        rig.lower(1)
        rig.send(frames[0], from: 0)
        var seen: [UInt8] = []
        rig.bridge.raise(PortIndex(1), mark: mark, now: rig.now)
        rig.bridge.flush(Span()) { _, first, second in
            for index in 0..<first.count { seen.append(first[index]) }
            return first.count + second.count
        }
        #expect(seen == PortRecord.markPrefix + mark)
    }

    @Test func `cut in mid-frame gives nothing of that frame`() {
        let rig = Rig()
        rig.feed(Array(stream.dropLast(700)), from: 0)
        #expect(rig.heard(1) == Array(frames.dropLast()))
        rig.lower(0)
        rig.raise(0)
        rig.feed(stream, from: 0)
        #expect(rig.heard(1) == frames)
    }

    private func whole(in reader: inout RecordReader, _ bytes: [UInt8]) -> Int {
        var found = 0
        _ = reader.fill { span, start in
            let count = min(bytes.count, span.count - start)
            for index in 0..<count { span[start + index] = bytes[index] }
            return count
        }
        var cursor = reader.start()
        while cursor.next(in: reader.bytes) != nil { found += 1 }
        reader.finish(cursor)
        return found
    }
}
