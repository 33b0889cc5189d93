import CPU

/// Memory for what Swift allocates (arrays, classes), and whole pages for devices.
///
/// Blocks come in powers of two, each behind a 16-byte header that holds its class; a freed block goes onto its class's list.
/// Nothing is zeroed and nothing merged: a shell that runs for hours needs no more.
struct Heap {
    /// 16 bytes ... 1 MiB. Larger requests are refused, which Swift answers with a trap.
    private static let classes = 4...20
    private static let headerSize: UInt64 = 16
    private static let pageSize: UInt64 = 4096
    private static let mostPages = 32

    private var freeBlocks = InlineArray<21, UInt64>(repeating: 0)
    private var freePages = InlineArray<33, UInt64>(repeating: 0)
    private var next: UInt64 = 0
    private var end: UInt64 = 0

    /// Takes the memory from `start` up to `end`. Called once, before anything is allocated.
    mutating func use(from start: UInt64, to end: UInt64) {
        next = (start &+ 15) & ~15
        self.end = end
    }

    mutating func extend(to end: UInt64) {
        self.end = max(self.end, end)
    }

    var bytesLeft: UInt64 { end &- next }

    mutating func allocate(_ size: Int) -> UInt64? {
        guard let order = Self.classes.first(where: { size <= 1 << $0 }) else { return nil }
        if freeBlocks[order] != 0 {
            let block = freeBlocks[order]
            freeBlocks[order] = load64(block)
            return block
        }
        let needed = Self.headerSize &+ (1 << UInt64(order))
        guard end &- next >= needed else { return nil }
        store64(next, UInt64(order))
        let block = next &+ Self.headerSize
        next &+= needed
        return block
    }

    mutating func free(_ block: UInt64) {
        let order = Int(truncatingIfNeeded: load64(block &- Self.headerSize))
        guard Self.classes.contains(order) else { return }
        store64(block, freeBlocks[order])
        freeBlocks[order] = block
    }

    /// Zeroed pages in a row: rings and buffers of devices. They come back to whoever asks for as many again.
    mutating func pages(_ count: Int) -> UInt64? {
        guard (1...Self.mostPages).contains(count) else { return nil }
        let size = UInt64(count) &* Self.pageSize
        var start = freePages[count]
        if start != 0 {
            freePages[count] = load64(start)
        } else {
            start = (next &+ Self.pageSize &- 1) & ~(Self.pageSize &- 1)
            guard start <= end, end &- start >= size else { return nil }
            next = start &+ size
        }
        fill_bytes(start, 0, size)
        return start
    }

    mutating func free(pages start: UInt64, _ count: Int) {
        guard (1...Self.mostPages).contains(count) else { return }
        store64(start, freePages[count])
        freePages[count] = start
    }
}

/// The one heap. Safe because pulse has one thread and interrupts allocate nothing.
nonisolated(unsafe) var heap = Heap()

/// What Swift knows as `posix_memalign` (Entry/memory.S).
@c(pulse_allocate)
func allocateForSwift(_ result: UnsafeMutablePointer<UnsafeMutableRawPointer?>, _ alignment: UInt, _ size: UInt) -> Int32 {
    let outOfMemory: Int32 = 12
    guard alignment <= 16, let block = unsafe heap.allocate(Int(truncatingIfNeeded: size)) else { return outOfMemory }
    // Safe because the block is ours alone until it is freed.
    unsafe result.pointee = UnsafeMutableRawPointer(bitPattern: UInt(block))
    return 0
}

/// What Swift knows as `free`.
@c(pulse_free)
func freeForSwift(_ block: UnsafeMutableRawPointer?) {
    guard let block = unsafe block else { return }
    unsafe heap.free(UInt64(UInt(bitPattern: block)))
}
