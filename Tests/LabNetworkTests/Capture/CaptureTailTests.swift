import LabNetwork
import Testing

/// A writer and a reader take turns at random; nothing may come twice, and what is missing must be counted.
@Suite struct `following a capture ring` {
    @Test func `a reader that keeps up gets every frame once`() {
        var ring = CaptureRing.test(bytes: 16_384, snap: 200)
        var files = MemoryFiles()
        var tail = CaptureTail()
        var seen: [UInt8] = []
        for number in 0..<2000 {
            ring.record(Frames.echo(number), at: UInt64(number))
            ring.drain(into: &files)
            if number % 20 == 0 { while let blocks = tail.next(from: files) { seen += blocks } }
        }
        while let blocks = tail.next(from: files) { seen += blocks }
        #expect(numbers(seen) == Array(0..<2000))
        #expect(tail.missed == 0 && tail.packets == 2000)
        #expect(tail.filesBegun > 10)
    }

    @Test func `a slow reader misses frames, and knows how many`() {
        for step in [30, 77, 150, 501, 999] {
            var ring = CaptureRing.test(bytes: 8192, snap: 200)
            var files = MemoryFiles()
            var tail = CaptureTail()
            var seen: [UInt8] = []
            for number in 0..<3000 {
                ring.record(Frames.echo(number), at: UInt64(number))
                ring.drain(into: &files)
                // One piece at a time, so that it is overtaken in the middle of a file as well.
                if number % step == 0, let blocks = tail.next(from: files) { seen += blocks }
            }
            while let blocks = tail.next(from: files) { seen += blocks }
            let kept = numbers(seen)
            #expect(kept == kept.sorted() && Set(kept).count == kept.count, "each once, in order")
            #expect(kept.last == 2999)
            #expect(UInt64(kept.count) + tail.missed == 3000, "step \(step)")
        }
    }

    @Test func `frames that a full medium lost are counted as missing`() {
        var ring = CaptureRing.test()
        var files = MemoryFiles()
        var tail = CaptureTail()
        for number in 0..<30 {
            if number == 10 { files.room = 50 }
            if number == 20 { files.room = nil }
            ring.record(Frames.echo(number), at: UInt64(number))
            ring.drain(into: &files)
            while tail.next(from: files) != nil {}
        }
        #expect(tail.packets == 20 && tail.missed == 10)
    }

    @Test func `a new run of the bridge begins with the other file, and the past stays readable`() {
        var files = MemoryFiles()
        var first = CaptureRing.test(run: 100)
        for number in 0..<5 { first.record(Frames.echo(number), at: UInt64(number)) }
        first.drain(into: &files)
        // Killed while it wrote.
        files.files[0] += [6, 0, 0, 0, 200, 0, 0]
        var tail = CaptureTail()
        var seen: [UInt8] = []
        while let blocks = tail.next(from: files) { seen += blocks }
        var second = CaptureRing.test(run: 200, firstFile: 1)
        for number in 5..<9 { second.record(Frames.echo(number), at: UInt64(number)) }
        second.drain(into: &files)
        while let blocks = tail.next(from: files) { seen += blocks }
        #expect(numbers(seen) == Array(0..<9))
        #expect(numbers(files.whole) == Array(0..<9))
        #expect(tail.missed == 0)
    }

    @Test func `only frames since a moment, but all that names them`() {
        var ring = CaptureRing.test(bytes: 8192, snap: 200)
        var files = MemoryFiles()
        for number in 0..<40 { ring.record(Frames.echo(number), at: UInt64(number)) }
        ring.drain(into: &files)
        var tail = CaptureTail(since: 35)
        var seen: [UInt8] = []
        while let blocks = tail.next(from: files) { seen += blocks }
        #expect(numbers(seen) == Array(35..<40))
        #expect(tail.packets == 5)
        #expect(String(decoding: seen, as: UTF8.self).contains("web/lan"))
    }

    @Test func `any bytes at all are read without a trap`() {
        var generator = SystemRandomNumberGenerator()
        var ring = CaptureRing.test(bytes: 8192, snap: 200)
        var files = MemoryFiles()
        for number in 0..<60 { ring.record(Frames.echo(number), at: UInt64(number)) }
        ring.drain(into: &files)
        for _ in 0..<500 {
            var damaged = files
            for _ in 0..<Int.random(in: 1...8, using: &generator) {
                let file = Int.random(in: 0...1, using: &generator)
                guard let place = damaged.files[file].indices.randomElement(using: &generator) else { continue }
                damaged.files[file][place] = UInt8.random(in: 0...255, using: &generator)
            }
            var tail = CaptureTail()
            var steps = 0
            while tail.next(from: damaged) != nil, steps < 1000 { steps += 1 }
            #expect(steps < 1000)
        }
    }

    @Test func `a section's words are read as they were written`() {
        var section = CaptureSection(lab: "shop", network: "lan", run: 7, number: 3, framesBefore: 12)
        #expect(CaptureSection(comment: section.comment) == section)
        section.lost = 5
        #expect(CaptureSection(comment: section.comment) == section)
        for text in ["", ";", "; ", "lab a; run", "lab a, network b; run x, section 1, after 2 frames", "a, b; run 1, section 1, after 2"] {
            #expect(CaptureSection(comment: text) == nil)
        }
    }
}
