/// Guest RAM as devices reach it: regions of host memory at guest-physical addresses.
///
/// Only RAM that a device may read *and* write is a region. ROM, device windows and holes are not, so nothing a guest points
/// a device at can make it touch them: such a range is simply absent. A range is given out only if it lies in one region whole;
/// regions that continue each other in the guest and on the host count as one.
///
/// The guest and its vCPUs change this memory at any moment. Whatever is decided on must be copied out once (`read`,
/// `GuestWindow.load...`) and the copy judged; a host range is for bulk data whose content does not matter to the host.
@safe package struct GuestMemory: Sendable {
    private let regions: [Region]
    /// Keeps the mapping behind the regions alive for as long as any device can reach it.
    private let keeper: (any AnyObject & Sendable)?

    /// - Parameters:
    ///   - regions: in any order; they must not overlap, wrap, or be empty, and each host pointer must be 16-aligned like its guest address
    ///     (a broken list is a mistake of the program, not of a guest, and traps).
    ///   - keeper: the owner of the host memory.
    package init(_ regions: [Region], keeper: (any AnyObject & Sendable)? = nil) {
        var merged: [Region] = []
        for region in regions.sorted(by: { $0.address < $1.address }) {
            precondition(region.byteCount > 0 && region.end > region.address, "an empty or wrapping region of guest memory")
            // Safe because only the pointer's value is looked at.
            let isAligned = unsafe (UInt64(UInt(bitPattern: region.host)) ^ region.address) & 15 == 0
            precondition(isAligned, "host and guest address of a region disagree in their low bits")
            guard let last = merged.last else {
                merged.append(region)
                continue
            }
            precondition(region.address >= last.end, "overlapping regions of guest memory")
            // Safe because only the pointers' values are compared.
            if unsafe region.address == last.end && last.host + last.byteCount == region.host {
                unsafe merged[merged.count - 1] = Region(
                    address: last.address, host: last.host, byteCount: last.byteCount + region.byteCount)
            } else {
                merged.append(region)
            }
        }
        self.regions = merged
        self.keeper = keeper
    }

    /// One piece of guest RAM.
    @safe package struct Region: @unchecked Sendable {
        /// Guest-physical address of the first byte.
        package let address: UInt64
        /// Where the first byte lies on the host.
        package let host: UnsafeMutableRawPointer
        package let byteCount: Int

        /// - Parameter host: must stay mapped, readable and writable, for `byteCount` bytes while the memory is in use.
        @unsafe package init(address: UInt64, host: UnsafeMutableRawPointer, byteCount: Int) {
            self.address = address
            unsafe self.host = unsafe host
            self.byteCount = byteCount
        }

        var end: UInt64 { address &+ UInt64(truncatingIfNeeded: byteCount) }
    }

    // MARK: Ranges

    /// The guest-physical ranges, in ascending order.
    package var ranges: [Range<UInt64>] { regions.map { $0.address..<$0.end } }

    /// Whether all of `count` bytes from `address` are RAM, in one piece. Never wraps; an empty range is in nothing.
    package func contains(_ address: UInt64, count: UInt64) -> Bool {
        unsafe locate(address, count: count) != nil
    }

    /// The host's view of a guest range, for disk and stream I/O; nil unless all of it is RAM. The bytes may change at any moment.
    @unsafe package func hostRange(_ address: UInt64, count: UInt64) -> UnsafeMutableRawBufferPointer? {
        guard let start = unsafe locate(address, count: count) else { return nil }
        // `locate` found `count` bytes in a region, and a region's size is an Int.
        return unsafe UnsafeMutableRawBufferPointer(start: start, count: Int(truncatingIfNeeded: count))
    }

    /// A bounds-checked view for structures that are looked at often, such as a ring; nil unless all of it is RAM.
    package func window(_ address: UInt64, count: UInt64) -> GuestWindow? {
        guard let start = unsafe locate(address, count: count) else { return nil }
        // Safe because `locate` vouched for the range and the window checks every access against its count.
        return unsafe GuestWindow(start: start, byteCount: Int(truncatingIfNeeded: count))
    }

    private func locate(_ address: UInt64, count: UInt64) -> UnsafeMutableRawPointer? {
        guard count > 0 else { return nil }
        let (end, wraps) = address.addingReportingOverflow(count)
        guard !wraps else { return nil }
        for region in regions where address >= region.address && address < region.end {
            guard end <= region.end else { return nil }
            return unsafe region.host + Int(truncatingIfNeeded: address &- region.address)
        }
        return nil
    }

    // MARK: Copies

    /// Copies guest bytes out; nil unless all of them are RAM. `count` must come from the program, not from a guest.
    package func read(_ address: UInt64, count: Int) -> [UInt8]? {
        guard let count64 = UInt64(exactly: count), let range = unsafe hostRange(address, count: count64) else { return nil }
        // Safe because the range is RAM; a racing guest gives torn bytes at worst.
        return unsafe [UInt8](range)
    }

    /// Copies guest bytes into `bytes`, filling it; false, with `bytes` as it was, unless all of them are RAM.
    package func read(_ address: UInt64, into bytes: inout MutableRawSpan) -> Bool {
        guard let range = unsafe hostRange(address, count: UInt64(truncatingIfNeeded: bytes.byteCount)) else { return false }
        // Safe because both sides have exactly `bytes.byteCount` bytes.
        unsafe bytes.withUnsafeMutableBytes { unsafe $0.copyMemory(from: UnsafeRawBufferPointer(range)) }
        return true
    }

    /// Copies bytes into the guest; false, with nothing written, unless the whole place is RAM.
    @discardableResult
    package func write(_ bytes: RawSpan, at address: UInt64) -> Bool {
        guard let range = unsafe hostRange(address, count: UInt64(truncatingIfNeeded: bytes.byteCount)) else { return bytes.isEmpty }
        // Safe because both sides have exactly `bytes.byteCount` bytes.
        unsafe bytes.withUnsafeBytes { unsafe range.copyMemory(from: $0) }
        return true
    }

    /// Copies bytes into the guest; false, with nothing written, unless the whole place is RAM.
    @discardableResult
    package func write(_ bytes: [UInt8], at address: UInt64) -> Bool {
        // Safe because bytes are bytes.
        unsafe write(bytes.span.bytes, at: address)
    }

    /// One little-endian number out of the guest, read once; nil unless it is RAM. Any alignment.
    package func load<T: FixedWidthInteger & BitwiseCopyable>(_: T.Type, at address: UInt64) -> T? {
        window(address, count: UInt64(truncatingIfNeeded: MemoryLayout<T>.size)).map { $0.load(T.self, at: 0) }
    }

    /// Stores one little-endian number; false unless it is RAM. Any alignment.
    @discardableResult
    package func store<T: FixedWidthInteger & BitwiseCopyable>(_ value: T, at address: UInt64) -> Bool {
        guard let window = window(address, count: UInt64(truncatingIfNeeded: MemoryLayout<T>.size)) else { return false }
        window.store(value, at: 0)
        return true
    }
}
