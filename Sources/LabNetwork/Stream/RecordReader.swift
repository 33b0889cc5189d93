internal import PortStream

/// The input of one stream of counted records, in one buffer that is filled in gulps: any split of the stream does.
///
/// Whole records are read where they lie (`bytes`), by a `RecordCursor`; then `finish` keeps the part of one that is still arriving.
package struct RecordReader: Sendable {
    /// What a count may be; everything else breaks the stream.
    package let counts: ClosedRange<Int>
    /// Made when the stream is first read: a port that is never taken up costs nothing.
    private var buffer: [UInt8] = []
    /// What is in the buffer; the rest of it is room.
    private var held = 0
    /// The port's mark, with its prefix; empty where there is none.
    private var mark: [UInt8] = []
    private var isAwaitingMark = false
    /// The mark has come, and is to be said once more.
    private var hasFoundMark = false
    /// Why nothing more can be read; nil while all is well.
    package private(set) var fault: String?

    /// - Parameter counts: at most half of `Limits.gulp`.
    package init(counts: ClosedRange<Int>) {
        self.counts = counts
    }

    /// Forgets everything, and takes nothing for a record before the mark.
    /// - Parameter mark: its 16 bytes; nil: the stream begins with a record.
    package mutating func begin(mark: [UInt8]?) {
        held = 0
        fault = nil
        self.mark = mark.map { PortRecord.markPrefix + $0 } ?? []
        isAwaitingMark = mark != nil
        hasFoundMark = false
    }

    /// Lets `read` put bytes into the room there is, from the given place on; it says how many.
    /// - Returns: what `read` said.
    package mutating func fill<Failure: Error>(_ read: (inout MutableSpan<UInt8>, Int) throws(Failure) -> Int?) throws(Failure) -> Int? {
        if buffer.isEmpty { buffer = [UInt8](repeating: 0, count: Limits.gulp) }
        let first = held
        var span = buffer.mutableSpan
        let count = try read(&span, first)
        if let count { held = min(held + max(count, 0), buffer.count) }
        return count
    }

    package var bytes: Span<UInt8> {
        @_lifetime(borrow self)
        borrowing get { buffer.span.extracting(first: held) }
    }

    /// Where the first record begins, once the stream is in step.
    package mutating func start() -> RecordCursor {
        guard fault == nil else { return RecordCursor(position: held, counts: counts) }
        guard isAwaitingMark else { return RecordCursor(position: 0, counts: counts, mark: mark) }
        var position = 0
        while position + mark.count <= held {
            if buffer[position] == mark[0], buffer[position..<(position + mark.count)].elementsEqual(mark) {
                isAwaitingMark = false
                hasFoundMark = true
                return RecordCursor(position: position + mark.count, counts: counts, mark: mark)
            }
            position += 1
        }
        // The mark may have begun in what is left.
        return RecordCursor(position: held, counts: counts, kept: min(held, mark.count - 1))
    }

    /// The port's mark (16 bytes), once after it has come: it is then to be said once more.
    package mutating func takeFoundMark() -> [UInt8]? {
        guard hasFoundMark else { return nil }
        hasFoundMark = false
        return Array(mark.dropFirst(PortRecord.prefixCount))
    }

    /// Throws away what the cursor has passed.
    package mutating func finish(_ cursor: RecordCursor) {
        if cursor.isBroken {
            fault = "a record of \(cursor.count) bytes"
            held = 0
            return
        }
        let first = max(0, min(cursor.position - cursor.kept, held))
        guard first > 0 else { return }
        let left = held - first
        if left > 0 {
            // Safe because both places lie in the buffer; a move may overlap.
            unsafe buffer.withUnsafeMutableBytes { all in
                unsafe all.baseAddress?.copyMemory(from: UnsafeRawPointer(all.baseAddress! + first), byteCount: left)
            }
        }
        held = left
    }
}

/// Goes from record to record in a reader's bytes.
package struct RecordCursor: Sendable {
    fileprivate(set) var position: Int
    let counts: ClosedRange<Int>
    /// Bytes before the position that must stay.
    fileprivate var kept = 0
    fileprivate(set) var isBroken = false
    fileprivate var count = 0
    /// May stand between records; empty where there is none.
    private let mark: [UInt8]

    fileprivate init(position: Int, counts: ClosedRange<Int>, mark: [UInt8] = [], kept: Int = 0) {
        self.mark = mark
        self.position = position
        self.counts = counts
        self.kept = kept
    }

    /// The next whole record, with its prefix; nil when there is none, or when no more can be told apart.
    package mutating func next(in bytes: Span<UInt8>) -> Range<Int>? {
        while !isBroken, bytes.count - position >= PortRecord.prefixCount {
            let start = position
            let count = Int(
                UInt32(bytes[start]) << 24 | UInt32(bytes[start + 1]) << 16 | UInt32(bytes[start + 2]) << 8 | UInt32(bytes[start + 3]))
            if counts.contains(count) {
                let end = start + PortRecord.prefixCount + count
                guard end <= bytes.count else { return nil }
                position = end
                return start..<end
            }
            switch hasMark(in: bytes) {
            case true?: position = start + mark.count
            case false?:
                isBroken = true
                self.count = count
            case nil: return nil
            }
        }
        return nil
    }

    /// Whether the mark stands at the position; nil if that is not known yet.
    private func hasMark(in bytes: Span<UInt8>) -> Bool? {
        guard !mark.isEmpty else { return false }
        for offset in mark.indices {
            guard position + offset < bytes.count else { return nil }
            guard bytes[position + offset] == mark[offset] else { return false }
        }
        return true
    }
}
