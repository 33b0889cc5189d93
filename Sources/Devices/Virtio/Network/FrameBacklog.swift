internal import PortStream

/// Frames that came over the port's stream and wait for the guest: records, whole or still arriving, in one bounded buffer.
///
///     record   { count: u32, big-endian; header: 12 bytes; frame: count - 12 bytes }
struct FrameBacklog: Sendable {
    /// Room for a few of the largest frames, or a burst of small ones; what does not fit stays in the stream.
    static let limit = 256 << 10
    static let prefixCount = PortRecord.prefixCount

    private(set) var bytes: [UInt8] = []
    private var taken = 0
    /// The stream said something that is no record: where the next one begins is unknown for good.
    private(set) var isBroken = false

    private var count: Int { bytes.count - taken }

    /// Takes bytes from the front, as many as there is room for.
    mutating func append(_ span: RawSpan) -> Int {
        // A broken stream is swallowed, so that its writer does not wait for ever.
        guard !isBroken else { return span.byteCount }
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
        return accepted
    }

    /// Whether half of the room is free, so that it pays to ask for more.
    var hasRoom: Bool { count <= Self.limit / 2 }

    /// Where header and frame of the first whole record lie in `bytes`.
    mutating func first() -> Range<Int>? {
        guard !isBroken, count >= Self.prefixCount else { return nil }
        let length = bytes[taken..<(taken + Self.prefixCount)].reduce(0) { $0 << 8 | Int($1) }
        let smallest = NetworkHeader.byteCount + NetworkHeader.ethernetCount
        guard length >= smallest, length <= NetworkHeader.byteCount + VirtioNetwork.frameLimit else {
            isBroken = true
            bytes = []
            taken = 0
            return nil
        }
        let start = taken + Self.prefixCount
        return bytes.count - start >= length ? start..<(start + length) : nil
    }

    mutating func removeFirst() {
        if let record = first() { taken = record.upperBound }
    }

    /// Forgets whole records; one that is still arriving stays, or the stream would be out of step.
    mutating func removeWhole() {
        while let record = first() { taken = record.upperBound }
    }
}
