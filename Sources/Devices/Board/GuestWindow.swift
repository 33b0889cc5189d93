import Synchronization

/// A bounds-checked piece of guest RAM whose place on the host was looked up once.
///
/// Offsets are bytes from the window's start. An access that does not fit reads zero and writes nothing: offsets are computed from
/// frozen geometry and always fit, and a mistake there must not become a way for a guest to reach past its memory or to end the
/// process. Every load happens exactly once; the compiler may not repeat it.
@safe package struct GuestWindow: @unchecked Sendable {
    // Sendable by hand: the pointer is to memory that the guest shares by nature; accesses that need an order are atomic.
    private let start: UnsafeMutableRawPointer
    package let byteCount: Int

    /// - Parameter start: must stay readable and writable for `byteCount` bytes while the window is in use.
    @unsafe init(start: UnsafeMutableRawPointer, byteCount: Int) {
        unsafe self.start = unsafe start
        self.byteCount = byteCount
    }

    private func fits(_ offset: Int, _ count: Int) -> Bool {
        let (end, wraps) = offset.addingReportingOverflow(count)
        return offset >= 0 && !wraps && end <= byteCount
    }

    // MARK: Ring indices: 16 bits, naturally aligned

    /// Everything the guest stored before it stored this value is seen after this load.
    @inline(__always)
    package func loadAcquiring16(at offset: Int) -> UInt16 {
        guard let cell = unsafe cell16(at: offset) else { return 0 }
        return unsafe cell.pointee.load(ordering: .acquiring)
    }

    @inline(__always)
    package func loadRelaxed16(at offset: Int) -> UInt16 {
        guard let cell = unsafe cell16(at: offset) else { return 0 }
        return unsafe cell.pointee.load(ordering: .relaxed)
    }

    /// Everything stored before this store is seen by a guest that sees this value.
    @inline(__always)
    package func storeReleasing16(_ value: UInt16, at offset: Int) {
        guard let cell = unsafe cell16(at: offset) else { return }
        unsafe cell.pointee.store(value, ordering: .releasing)
    }

    @inline(__always)
    package func storeRelaxed16(_ value: UInt16, at offset: Int) {
        guard let cell = unsafe cell16(at: offset) else { return }
        unsafe cell.pointee.store(value, ordering: .relaxed)
    }

    @inline(__always)
    private func cell16(at offset: Int) -> UnsafeMutablePointer<Atomic<UInt16>>? {
        guard fits(offset, 2) else { return nil }
        let place = unsafe start + offset
        guard UInt(bitPattern: place) & 1 == 0 else { return nil }
        // Safe because the place lies in the window, is aligned, and Atomic<UInt16> has the layout of UInt16.
        return unsafe place.assumingMemoryBound(to: Atomic<UInt16>.self)
    }

    // MARK: Numbers of any width and alignment

    /// A little-endian number; where it is naturally aligned and up to 64 bits wide it is read whole, else byte by byte.
    @inline(__always)
    package func load<T: FixedWidthInteger & BitwiseCopyable>(_: T.Type, at offset: Int) -> T {
        let size = MemoryLayout<T>.size
        guard fits(offset, size) else { return 0 }
        // Safe because the place lies in the window; relaxed atomics have the layout of their integers.
        let place = unsafe start + offset
        guard UInt(bitPattern: place) & UInt(bitPattern: size &- 1) == 0 else { return unsafe loadBytes(T.self, from: place) }
        switch size {
        case 1: return unsafe T(truncatingIfNeeded: place.assumingMemoryBound(to: Atomic<UInt8>.self).pointee.load(ordering: .relaxed))
        case 2: return unsafe T(truncatingIfNeeded: place.assumingMemoryBound(to: Atomic<UInt16>.self).pointee.load(ordering: .relaxed))
        case 4: return unsafe T(truncatingIfNeeded: place.assumingMemoryBound(to: Atomic<UInt32>.self).pointee.load(ordering: .relaxed))
        case 8: return unsafe T(truncatingIfNeeded: place.assumingMemoryBound(to: Atomic<UInt64>.self).pointee.load(ordering: .relaxed))
        default: return unsafe loadBytes(T.self, from: place)
        }
    }

    private func loadBytes<T: FixedWidthInteger>(_: T.Type, from place: UnsafeMutableRawPointer) -> T {
        var value: T = 0
        for index in stride(from: MemoryLayout<T>.size - 1, through: 0, by: -1) {
            // Safe because the caller checked all of T's bytes.
            let byte = unsafe (place + index).assumingMemoryBound(to: Atomic<UInt8>.self).pointee.load(ordering: .relaxed)
            value = (value << 8) | T(truncatingIfNeeded: byte)
        }
        return value
    }

    /// Stores a little-endian number of any alignment.
    @inline(__always)
    package func store<T: FixedWidthInteger & BitwiseCopyable>(_ value: T, at offset: Int) {
        guard fits(offset, MemoryLayout<T>.size) else { return }
        // Safe because the place lies in the window.
        unsafe (start + offset).storeBytes(of: value.littleEndian, as: T.self)
    }
}
