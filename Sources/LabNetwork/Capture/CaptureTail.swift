/// The two files of a capture ring, as whoever reads them sees them.
package protocol CaptureSource {
    /// Up to `limit` bytes of a file from an offset on; empty past its end, and while there is no such file.
    func read(_ file: Int, at offset: UInt64, upTo limit: Int) -> [UInt8]
}

/// Reads a capture ring in order of time while it is being written: the older section, then the newer, then whatever comes.
///
/// What it hands out is whole blocks, a readable capture at any moment. It goes from file to file as the ring does, without a
/// gap and without a repeat; where the ring was faster, it goes on with the oldest that is left and counts what is missing.
package struct CaptureTail: Sendable {
    /// Packets before this moment are left out, in nanoseconds since 1970.
    private let since: UInt64
    private var place: Place?
    private var last: CaptureSection?
    /// Frames of the current run up to the place.
    private var reached: UInt64 = 0

    /// Packets handed out.
    package private(set) var packets: UInt64 = 0
    /// Frames that were recorded, and gone or never written when we came.
    package private(set) var missed: UInt64 = 0
    /// How often reading began at the front of a file.
    package private(set) var filesBegun = 0

    private struct Place {
        var file: Int
        /// The section at the beginning of the file: as long as it is there, the file is the same.
        var section: CaptureSection
        var offset: UInt64
    }

    /// More than any block of a ring has.
    private static let pieceCount = 256 << 10
    /// More than the header of any section has.
    private static let headerCount = 1024

    package init(since: UInt64 = 0) { self.since = since }

    /// Whole blocks that come next, possibly none at all of interest; nil when there is nothing more now.
    package mutating func next(from source: some CaptureSource) -> [UInt8]? {
        while true {
            guard let place = place ?? find(in: source) else { return nil }
            if let blocks = read(place, source) { return blocks }
            guard self.place != nil else { continue }
            // The ring begins a file only after the last word in the other: with a newer one there, one more look is the last.
            guard let other = Self.section(of: 1 - place.file, source), place.section.isBefore(other) else { return nil }
            if let blocks = read(place, source) { return blocks }
            self.place = nil
        }
    }

    /// The oldest section that comes after all that was read.
    private mutating func find(in source: some CaptureSource) -> Place? {
        var best: Place?
        for file in 0..<2 {
            guard let section = Self.section(of: file, source), last.map({ $0.isBefore(section) }) ?? true else { continue }
            if best.map({ section.isBefore($0.section) }) ?? true { best = Place(file: file, section: section, offset: 0) }
        }
        if best != nil { filesBegun += 1 }
        place = best
        return best
    }

    private static func section(of file: Int, _ source: some CaptureSource) -> CaptureSection? {
        CaptureSection(beginningOf: source.read(file, at: 0, upTo: headerCount))
    }

    /// Nil when there is no whole block, or the file was emptied: then there is no place any more either.
    private mutating func read(_ place: Place, _ source: some CaptureSource) -> [UInt8]? {
        let bytes = source.read(place.file, at: place.offset, upTo: Self.pieceCount)
        // Only bytes that were read before the file changed are of this section.
        guard Self.section(of: place.file, source) == place.section else {
            last = place.section
            self.place = nil
            return nil
        }
        var blocks = CaptureBlocks(bytes)
        var kept: [UInt8] = []
        kept.reserveCapacity(bytes.count)
        while let block = blocks.next() {
            if block.type == PCAPNG.Block.section { enter(block, bytes) }
            if let time = block.time(in: bytes) {
                reached &+= 1
                if time < since { continue }
                packets &+= 1
            }
            kept += bytes[block.range]
        }
        if blocks.end == 0 { return nil }
        self.place?.offset += UInt64(blocks.end)
        last = place.section
        return kept
    }

    private mutating func enter(_ block: CaptureBlocks.Block, _ bytes: [UInt8]) {
        guard let section = block.sectionComment(in: bytes).flatMap({ CaptureSection(comment: $0) }) else { return }
        // What was there before the first look was never promised.
        let isFirst = last == nil
        let expected = section.run == last?.run ? reached : 0
        if !isFirst, section.framesBefore > expected { missed &+= section.framesBefore - expected }
        reached = section.framesBefore
    }
}
