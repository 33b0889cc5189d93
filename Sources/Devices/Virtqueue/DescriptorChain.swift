/// One chain of buffers as a device sees it: range-checked host ranges, first those it may read, then those it may write.
///
/// The descriptors were copied once and the copies checked, so a guest that rewrites its table changes nothing here. The *bytes* in the
/// buffers stay the guest's: whatever a device decides on it copies out first (`read`), and judges the copy.
@safe package struct DescriptorChain: @unchecked Sendable {
    // Sendable by hand: the ranges are guest RAM, which the guest's memory keeps mapped.
    /// Index of the first descriptor; below the queue's size.
    package internal(set) var head: UInt16 = 0
    private var readable: [UnsafeMutableRawBufferPointer] = unsafe []
    private var writable: [UnsafeMutableRawBufferPointer] = unsafe []
    /// Bytes the device may read; below 4 GiB.
    package private(set) var readableCount = 0
    /// Bytes the device may write; below 4 GiB together with the readable ones.
    package private(set) var writableCount = 0

    /// Forgets the ranges but keeps their room.
    mutating func removeAll() {
        unsafe readable.removeAll(keepingCapacity: true)
        unsafe writable.removeAll(keepingCapacity: true)
        readableCount = 0
        writableCount = 0
    }

    /// - Parameter range: never empty.
    mutating func append(_ range: UnsafeMutableRawBufferPointer, isWritable: Bool) throws(VirtqueueError) {
        guard readableCount &+ writableCount &+ range.count <= Int(UInt32.max) else { throw .tooManyBytes }
        if isWritable {
            unsafe writable.append(range)
            writableCount &+= range.count
        } else {
            guard unsafe writable.isEmpty else { throw .readableAfterWritable }
            unsafe readable.append(range)
            readableCount &+= range.count
        }
    }

    // MARK: Copies

    /// Copies readable bytes from `offset` on into `bytes`; false, with `bytes` half filled at worst, if there are too few.
    package func read(at offset: Int, into bytes: inout MutableRawSpan) -> Bool {
        let wanted = bytes.byteCount
        guard offset >= 0, offset <= readableCount, wanted <= readableCount &- offset else { return false }
        // Safe because the pieces add up to exactly the bytes asked for.
        unsafe bytes.withUnsafeMutableBytes { target in
            var done = 0
            unsafe Self.forEachPiece(of: readable, from: offset, count: wanted) { piece in
                unsafe UnsafeMutableRawBufferPointer(rebasing: target[done..<(done + piece.count)]).copyMemory(
                    from: UnsafeRawBufferPointer(piece))
                done += piece.count
            }
        }
        return true
    }

    /// Copies readable bytes out; nil if there are fewer. `count` must be bounded by the device, not by the guest.
    package func read(at offset: Int, count: Int) -> [UInt8]? {
        guard count >= 0, count <= readableCount else { return nil }
        var bytes = [UInt8](repeating: 0, count: count)
        var span = bytes.mutableSpan
        // Safe because bytes are bytes.
        var raw = unsafe span.mutableBytes
        return read(at: offset, into: &raw) ? bytes : nil
    }

    /// Copies `bytes` to the writable part from `offset` on, as far as there is room.
    /// - Returns: how many bytes were written.
    @discardableResult
    package func write(_ bytes: RawSpan, at offset: Int) -> Int {
        guard offset >= 0, offset <= writableCount else { return 0 }
        let count = min(bytes.byteCount, writableCount &- offset)
        // Safe because the pieces add up to `count` bytes, and there are as many in `bytes`.
        unsafe bytes.withUnsafeBytes { source in
            var done = 0
            unsafe Self.forEachPiece(of: writable, from: offset, count: count) { piece in
                unsafe piece.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[done..<(done + piece.count)]))
                done += piece.count
            }
        }
        return count
    }

    /// Copies `bytes` to the writable part from `offset` on, as far as there is room.
    @discardableResult
    package func write(_ bytes: [UInt8], at offset: Int) -> Int {
        // Safe because bytes are bytes.
        unsafe write(bytes.span.bytes, at: offset)
    }

    // MARK: Ranges for bulk data

    /// The host ranges of readable bytes `offset ..< offset + count`, cut to what there is.
    @unsafe package func readableRanges(from offset: Int, count: Int) -> [UnsafeMutableRawBufferPointer] {
        var pieces: [UnsafeMutableRawBufferPointer] = unsafe []
        unsafe Self.forEachPiece(of: readable, from: offset, count: count) { unsafe pieces.append($0) }
        return unsafe pieces
    }

    /// The host ranges of writable bytes `offset ..< offset + count`, cut to what there is.
    @unsafe package func writableRanges(from offset: Int, count: Int) -> [UnsafeMutableRawBufferPointer] {
        var pieces: [UnsafeMutableRawBufferPointer] = unsafe []
        unsafe Self.forEachPiece(of: writable, from: offset, count: count) { unsafe pieces.append($0) }
        return unsafe pieces
    }

    /// Calls `body` with the non-empty parts of `ranges` that make up bytes `offset ..< offset + count`.
    private static func forEachPiece(
        of ranges: [UnsafeMutableRawBufferPointer], from offset: Int, count: Int, _ body: (UnsafeMutableRawBufferPointer) -> Void
    ) {
        guard offset >= 0 else { return }
        var skip = offset
        var left = count
        for index in unsafe ranges.indices {
            let range = unsafe ranges[index]
            guard left > 0 else { return }
            guard skip < range.count else {
                skip &-= range.count
                continue
            }
            let take = min(left, range.count &- skip)
            // Safe because `skip + take` is at most the range's count.
            unsafe body(UnsafeMutableRawBufferPointer(rebasing: range[skip..<(skip + take)]))
            skip = 0
            left &-= take
        }
    }
}
