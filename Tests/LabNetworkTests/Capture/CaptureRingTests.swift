import LabNetwork
import Testing

@Suite struct `a capture ring` {
    @Test func `holds every frame until it is full, and the latest ones after`() {
        for seed in 0..<40 {
            var generator = SystemRandomNumberGenerator()
            let bytes = UInt64(seed < 20 ? 4096 : 40_000)
            var ring = CaptureRing.test(bytes: bytes, snap: 200)
            var files = MemoryFiles()
            let count = Int.random(in: 1...400, using: &generator)
            for number in 0..<count {
                ring.record(Frames.echo(number, payload: Int.random(in: 0...300, using: &generator)), at: UInt64(2_000 + number))
                if Int.random(in: 0..<10, using: &generator) == 0 { ring.drain(into: &files) }
            }
            ring.drain(into: &files)
            let seen = numbers(files.whole)
            #expect(seen == Array((count - seen.count)..<count), "the latest, in order, each once")
            #expect(files.largest <= Int(bytes))
            #expect(ring.frames == UInt64(count) && ring.lost == 0)
            // At least a quarter of the ring is the past: one file was full before the other was begun.
            if seen.count < count { #expect(files.files[0].count + files.files[1].count >= Int(bytes) / 4) }
        }
    }

    @Test func `a cut at any byte of the last block leaves all blocks before it`() {
        var ring = CaptureRing.test()
        var files = MemoryFiles()
        for number in 0..<5 { ring.record(Frames.echo(number), drop: number == 4 ? .loss : nil, at: UInt64(number)) }
        ring.drain(into: &files)
        let all = files.files[0]
        #expect(numbers(all) == [0, 1, 2, 3, 4])
        var blocks = CaptureBlocks(all)
        var last = 0..<0
        while let block = blocks.next() { last = block.range }
        #expect(last.upperBound == all.count)
        for cut in last.lowerBound..<all.count {
            files.files[0] = Array(all[..<cut])
            #expect(files.whole == Array(all[..<last.lowerBound]), "cut at \(cut)")
        }
        // Within the header of the file nothing is readable, and nothing is handed out.
        for cut in 0..<64 {
            files.files[0] = Array(all[..<cut])
            #expect(files.whole.isEmpty)
        }
    }

    @Test func `a medium that is full costs frames, counted, and never a torn block`() {
        for room in stride(from: 0, to: 6000, by: 37) {
            var ring = CaptureRing.test(bytes: 8192, snap: 200)
            var files = MemoryFiles(room: room)
            files.canCut = room % 2 == 0
            for number in 0..<60 {
                ring.record(Frames.echo(number), at: UInt64(number))
                if number % 7 == 6 { ring.drain(into: &files) }
            }
            ring.drain(into: &files)
            let kept = numbers(files.whole)
            #expect(UInt64(kept.count) + ring.lost <= 60)
            #expect(kept == kept.sorted() && Set(kept).count == kept.count)
            // Room again: it goes on, and says in words how much is missing.
            files.room = nil
            let lost = ring.lost
            for number in 60..<70 { ring.record(Frames.echo(number), at: UInt64(number)) }
            ring.drain(into: &files)
            #expect(ring.lost == lost)
            #expect(Array(numbers(files.whole).suffix(10)) == Array(60..<70), "room \(room)")
            #expect(files.largest <= 8192)
            if lost > 0 {
                #expect(String(decoding: files.whole, as: UTF8.self).contains(", \(lost) of them not written"))
            }
        }
    }

    @Test func `a file that cannot be emptied keeps what it has`() {
        var ring = CaptureRing.test(bytes: 4096, snap: 200)
        var files = MemoryFiles()
        var number = 0
        while files.files[1].isEmpty {
            ring.record(Frames.echo(number), at: UInt64(number))
            ring.drain(into: &files)
            number += 1
        }
        let older = files.files[0]
        files.canEmpty = false
        for number in number..<(number + 40) {
            ring.record(Frames.echo(number), at: UInt64(number))
            ring.drain(into: &files)
        }
        #expect(files.files[0] == older)
        #expect(ring.lost > 0)
        files.canEmpty = true
        ring.record(Frames.echo(999), at: 1000)
        ring.drain(into: &files)
        #expect(numbers(files.whole).last == 999)
    }

    @Test func `an owner that never drains loses frames, not memory`() {
        var ring = CaptureRing.test(bytes: 64 << 20, snap: 2048)
        let frame = [UInt8](repeating: 0x55, count: 1500)
        for number in 0..<5000 { ring.record(frame, at: UInt64(number)) }
        #expect(ring.lost > 0 && ring.lost < 5000)
        var files = MemoryFiles()
        ring.drain(into: &files)
        #expect(files.largest < 3 << 20)
    }

    @Test func `a ring too small for its own header records nothing, and does not fail`() {
        var ring = CaptureRing.test(bytes: 64)
        var files = MemoryFiles()
        ring.record(Frames.echo(1), at: 1)
        ring.drain(into: &files)
        #expect(ring.lost == 1 && files.largest == 0)
    }

    @Test func `a port that appears later is declared before its first frame, in every section`() {
        var ring = CaptureRing.test(bytes: 4096, snap: 100)
        var files = MemoryFiles()
        ring.drain(into: &files)
        for port in 0..<12 {
            ring.add(CaptureInterface(name: "late-\(port)/lan", mac: nil))
            ring.record(Frames.echo(port), on: 3 + port, at: UInt64(port))
            ring.drain(into: &files)
            for file in files.files { #expect(everyInterfaceIsDeclared(file)) }
        }
        #expect(ring.lost == 0)
        #expect(files.largest <= 4096)
    }

    @Test func `the clock may go back; times in a file do not`() {
        var ring = CaptureRing.test()
        var files = MemoryFiles()
        for time in [5_000_000_000, 4, 6_000_000_000, 1] as [UInt64] { ring.record(Frames.echo(0), at: time) }
        ring.drain(into: &files)
        #expect(times(files.files[0]) == [5_000_000_000, 5_000_000_000, 6_000_000_000, 6_000_000_000])
    }

    @Test func `hostile headers complete nothing outside the frame`() {
        var ring = CaptureRing.test(bytes: 1 << 20)
        var generator = SystemRandomNumberGenerator()
        for number in 0..<2000 {
            var header = (0..<12).map { _ in UInt8.random(in: 0...255, using: &generator) }
            header[0] |= 1
            ring.record(
                (0..<Int.random(in: 0...80, using: &generator)).map { UInt8($0) }, header: header,
                on: Int.random(in: -1...4, using: &generator), at: UInt64(number))
        }
        var files = MemoryFiles()
        ring.drain(into: &files)
        #expect(UInt64(times(files.whole).count) + ring.lost == 2000)
    }
}

/// Sequence numbers of the echo requests, as the packets' bytes have them.
func numbers(_ bytes: [UInt8]) -> [Int] {
    packets(bytes).map { Int(bytes[$0.lowerBound + 28 + 40]) << 8 | Int(bytes[$0.lowerBound + 28 + 41]) }
}

func times(_ bytes: [UInt8]) -> [UInt64] {
    var blocks = CaptureBlocks(bytes)
    var times: [UInt64] = []
    while let block = blocks.next() {
        if let time = block.time(in: bytes) { times.append(time) }
    }
    return times
}

private func packets(_ bytes: [UInt8]) -> [Range<Int>] {
    var blocks = CaptureBlocks(bytes)
    var ranges: [Range<Int>] = []
    while let block = blocks.next() {
        if block.type == PCAPNG.Block.packet { ranges.append(block.range) }
    }
    return ranges
}

private func everyInterfaceIsDeclared(_ bytes: [UInt8]) -> Bool {
    var blocks = CaptureBlocks(bytes)
    var declared = 0
    while let block = blocks.next() {
        switch block.type {
        case PCAPNG.Block.section: declared = 0
        case PCAPNG.Block.interface: declared += 1
        default: if Int(bytes[block.range.lowerBound + 8]) >= declared { return false }
        }
    }
    return blocks.end == bytes.count
}
