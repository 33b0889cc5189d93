internal import PortStream

/// Frames that came over the port's stream and wait for the guest: records, whole or still arriving, in one bounded buffer.
///
/// Where records begin is known from the stream's first byte on, or from its mark on (`PortRecord`): until then everything is thrown away.
struct FrameBacklog: Sendable {
    /// Room for a few of the largest frames, or a burst of small ones; what does not fit stays in the stream.
    static let limit = 256 << 10

    private enum Step {
        case inStep
        /// Everything before the mark is left over from whoever wrote to the stream before.
        case seeking
        /// A mark came that is not this one: the port is being taken up anew, and its new mark will be told here too.
        case superseded
        /// The stream said something that is no record: where the next one begins is unknown until there is a mark.
        case broken
    }

    private(set) var bytes: [UInt8] = []
    private var taken = 0
    private var step: Step
    /// With its prefix; empty if there is none.
    private let mark: [UInt8]
    /// The mark was found, and is to be said once more.
    var hasFoundMark = false

    /// - Parameter mark: 16 bytes; nil: in step from the first byte.
    init(mark: [UInt8]? = nil) {
        self.mark = mark.map { PortRecord.markPrefix + $0 } ?? []
        step = mark == nil ? .inStep : .seeking
    }

    var isBroken: Bool { if case .broken = step { true } else { false } }

    private var count: Int { bytes.count - taken }

    /// Takes bytes from the front, as many as there is room for.
    mutating func append(_ span: RawSpan) -> Int {
        switch step {
        case .inStep, .seeking: break
        // Swallowed, so that the writer does not wait for ever.
        case .superseded, .broken: return span.byteCount
        }
        if taken == bytes.count {
            bytes.removeAll(keepingCapacity: true)
            taken = 0
        } else if taken >= Self.limit / 2 {
            bytes.removeFirst(taken)
            taken = 0
        }
        let accepted = min(span.byteCount, Self.limit - count)
        // Safe because the buffer is the span's own, and is copied here.
        unsafe span.withUnsafeBytes { source in
            unsafe bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: source[..<accepted]))
        }
        if case .seeking = step { seek() }
        return accepted
    }

    /// Throws away all that comes before the mark's end, but for what may be the mark's beginning.
    private mutating func seek() {
        while count >= mark.count {
            if startsWithMark {
                taken += mark.count
                step = .inStep
                hasFoundMark = true
                return
            }
            taken = bytes[(taken + 1)...].firstIndex(of: mark[0]) ?? bytes.count
        }
    }

    private var startsWithMark: Bool { bytes[taken..<min(taken + mark.count, bytes.count)].elementsEqual(mark) }

    /// Whether half of the room is free, so that it pays to ask for more.
    var hasRoom: Bool { count <= Self.limit / 2 }

    /// Where header and frame of the first whole record lie in `bytes`.
    mutating func first() -> Range<Int>? {
        guard case .inStep = step else { return nil }
        while count >= PortRecord.prefixCount {
            var length = 0
            for offset in 0..<PortRecord.prefixCount { length = length << 8 | Int(bytes[taken + offset]) }
            let start = taken + PortRecord.prefixCount
            if PortRecord.counts.contains(length) { return bytes.count - start >= length ? start..<(start + length) : nil }
            let isMark = bytes[taken..<start].elementsEqual(PortRecord.markPrefix)
            if isMark, count < PortRecord.prefixCount + PortRecord.markCount { return nil }
            guard isMark, !mark.isEmpty, startsWithMark else {
                step = isMark ? .superseded : .broken
                bytes = []
                taken = 0
                return nil
            }
            taken += mark.count
        }
        return nil
    }

    /// Puts other bytes in the place of a record's first ones.
    mutating func rewrite(at place: Int, with replacement: [UInt8]) {
        for (offset, byte) in replacement.enumerated() { bytes[place + offset] = byte }
    }

    mutating func removeFirst() {
        if let record = first() { taken = record.upperBound }
    }

    /// Forgets whole records; one that is still arriving stays, or the stream would be out of step.
    mutating func removeWhole() {
        while let record = first() { taken = record.upperBound }
    }
}
