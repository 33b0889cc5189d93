internal import Synchronization
internal import SystemPackage

/// An immutable base with a machine's own changes over it, copied by grains of 64 KiB on the first write to each.
///
/// What a crash leaves: bits are written only in `flush`, and only when the grains they stand for are on the medium. So after a crash the disk is
/// as the last flush left it, with writes after that there or not, grain by grain; never with a bit that points at nothing.
package final class DeltaDisk: Disk {
    package let byteCount: UInt64
    package let isReadOnly: Bool
    package let canDiscard: Bool
    private let base: DiskFile
    private let delta: DiskFile
    private let state: Mutex<State>

    private struct State {
        /// As in the format; what this process believes, ahead of the file until `flush`.
        var bitmap: [UInt8]
        /// Pages of the bitmap that differ from the file, by number.
        var changed: Set<Int> = []
        var hasHeader: Bool
        /// The first failure to flush, for good.
        var lost: DiskError?

        func has(_ grain: UInt64) -> Bool { bitmap[Int(grain / 8)] & 1 << UInt8(grain % 8) != 0 }

        mutating func set(_ grain: UInt64) {
            bitmap[Int(grain / 8)] |= 1 << UInt8(grain % 8)
            changed.insert(Int(grain / 8) / DeltaDisk.bitmapPage)
        }
    }

    /// The bitmap goes to the file in pieces of this size.
    private static let bitmapPage = 4096

    /// How long an empty delta of a base must be: all that its maker needs to know.
    package static func length(forBaseOf byteCount: UInt64) -> UInt64 {
        DeltaFormat.dataStart(byteCount) + DeltaFormat.grains(byteCount) * DeltaFormat.grain
    }

    /// Opens a delta and checks that it is one of this base.
    package init(base: consuming Descriptor, delta: consuming Descriptor, isReadOnly: Bool) throws(DiskError) {
        let base = try DiskFile(base)
        let delta = try DiskFile(delta)
        let byteCount = try base.size()
        guard byteCount <= DeltaFormat.baseLimit else {
            throw .delta("its base of \(byteCount) bytes is larger than \(DeltaFormat.baseLimit)")
        }
        let needed = Self.length(forBaseOf: byteCount)
        let length = try delta.size()
        // A block device may be longer.
        guard length >= needed else { throw .delta("it is \(length) bytes long, its base needs \(needed)") }
        let header = try delta.read(at: 0, count: DeltaFormat.headerCount)
        let isEmpty = header.allSatisfy { $0 == 0 }
        guard isEmpty || header.starts(with: DeltaFormat.magic.dropLast()) else { throw .delta("it is not a delta") }
        guard isEmpty || header.starts(with: DeltaFormat.magic) else { throw .delta("its version is \(header[7]), this program knows 1") }
        guard isEmpty || header == DeltaFormat.header(byteCount) else {
            throw .delta("it belongs to a base of another size or has other grains")
        }
        let bitmap = try delta.read(at: DeltaFormat.grain, count: Int(DeltaFormat.bitmapCount(byteCount)))
        if isEmpty, bitmap.contains(where: { $0 != 0 }) { throw .delta("it has data but no header") }
        let spare = UInt64(bitmap.count) * 8 - DeltaFormat.grains(byteCount)
        if let last = bitmap.last, spare > 0, last >> UInt8(8 - spare) != 0 { throw .delta("its bitmap goes past the end of the disk") }
        self.byteCount = byteCount
        self.isReadOnly = isReadOnly
        canDiscard = !isReadOnly && delta.isRegular
        self.base = base
        self.delta = delta
        state = Mutex(State(bitmap: bitmap, hasHeader: !isEmpty))
    }

    // MARK: Reading

    package func read(at offset: UInt64, into pieces: [UnsafeMutableRawBufferPointer]) throws(DiskError) {
        let count = unsafe UInt64(pieces.reduce(0) { $0 + $1.count })
        try checkRange(offset, count)
        var position = offset
        while position < offset + count {
            // As far as one file has it in one piece.
            let (isOwn, end) = run(from: position, to: offset + count)
            let part = unsafe slice(pieces, from: Int(position - offset), count: Int(end - position))
            if isOwn {
                try unsafe delta.transfer(part, at: DeltaFormat.dataStart(byteCount) + position, .read)
            } else {
                try unsafe base.transfer(part, at: position, .read)
            }
            position = end
        }
    }

    private func run(from start: UInt64, to limit: UInt64) -> (isOwn: Bool, end: UInt64) {
        state.withLock { state in
            var grain = start / DeltaFormat.grain
            let isOwn = state.has(grain)
            repeat { grain += 1 } while grain * DeltaFormat.grain < limit && state.has(grain) == isOwn
            return (isOwn, min(grain * DeltaFormat.grain, limit))
        }
    }

    // MARK: Writing

    package func write(at offset: UInt64, from pieces: [UnsafeMutableRawBufferPointer]) throws(DiskError) {
        let count = unsafe UInt64(pieces.reduce(0) { $0 + $1.count })
        try change(offset, count) { (position, part) throws(DiskError) in
            let source = unsafe slice(pieces, from: Int(position - offset), count: Int(part))
            try unsafe delta.transfer(source, at: DeltaFormat.dataStart(byteCount) + position, .write)
        }
    }

    package func writeZeros(at offset: UInt64, count: UInt64) throws(DiskError) {
        try change(offset, count) { (position, part) throws(DiskError) in
            try delta.zero(at: DeltaFormat.dataStart(byteCount) + position, count: part)
        }
    }

    /// Changes a range: whole grains at once, the cut ones at its ends after they are copied from the base.
    private func change(
        _ offset: UInt64, _ count: UInt64, _ body: (_ position: UInt64, _ count: UInt64) throws(DiskError) -> Void
    ) throws(DiskError) {
        guard !isReadOnly else { throw .readOnly }
        try checkRange(offset, count)
        guard count > 0 else { return }
        let end = offset + count
        // Only the first and the last grain can be cut.
        for position in Set([offset, end - 1]).sorted() {
            let grain = position / DeltaFormat.grain
            let start = grain * DeltaFormat.grain
            let isWhole = offset <= start && end >= min(start + DeltaFormat.grain, byteCount)
            if !isWhole, !state.withLock({ $0.has(grain) }) { try copy(grain) }
        }
        try body(offset, count)
        state.withLock { state in
            for grain in offset / DeltaFormat.grain...(end - 1) / DeltaFormat.grain where !state.has(grain) { state.set(grain) }
        }
    }

    private func copy(_ grain: UInt64) throws(DiskError) {
        let start = grain * DeltaFormat.grain
        let bytes = try base.read(at: start, count: Int(min(DeltaFormat.grain, byteCount - start)))
        try delta.write(bytes, at: DeltaFormat.dataStart(byteCount) + start)
        state.withLock { $0.set(grain) }
    }

    package func discard(at offset: UInt64, count: UInt64) throws(DiskError) {
        guard !isReadOnly else { throw .readOnly }
        try checkRange(offset, count)
        guard canDiscard else { return }
        // Only whole grains that the delta has: what it does not have costs nothing, and the base is nobody's to change.
        var grain = (offset + DeltaFormat.grain - 1) / DeltaFormat.grain
        let end = (offset + count) / DeltaFormat.grain
        while grain < end {
            let (isOwn, next) = run(from: grain * DeltaFormat.grain, to: end * DeltaFormat.grain)
            let start = grain * DeltaFormat.grain
            if isOwn { _ = try delta.punch(at: DeltaFormat.dataStart(byteCount) + start, count: next - start) }
            grain = next / DeltaFormat.grain
        }
    }

    // MARK: Making it last

    package func flush() throws(DiskError) {
        if isReadOnly { return }
        let (changed, needsHeader, lost) = state.withLock { ($0.changed.sorted(), !$0.hasHeader, $0.lost) }
        if let lost { throw lost }
        do throws(DiskError) {
            try delta.synchronize()
            guard !changed.isEmpty else { return }
            if needsHeader {
                try delta.write(DeltaFormat.header(byteCount), at: 0)
                try delta.synchronize()
                state.withLock { $0.hasHeader = true }
            }
            for page in changed {
                // One thread serves a disk, so every bit taken here is of a grain that was synchronised above.
                let bytes = state.withLock { state in
                    state.changed.remove(page)
                    return Array(state.bitmap[page * Self.bitmapPage..<min((page + 1) * Self.bitmapPage, state.bitmap.count)])
                }
                try delta.write(bytes, at: DeltaFormat.grain + UInt64(page * Self.bitmapPage))
            }
            try delta.synchronize()
        } catch {
            state.withLock { $0.lost = error }
            throw error
        }
    }

    private func checkRange(_ offset: UInt64, _ count: UInt64) throws(DiskError) {
        let (end, wraps) = offset.addingReportingOverflow(count)
        guard !wraps, end <= byteCount else { throw .truncated }
    }
}
