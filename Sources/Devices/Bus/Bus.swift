import Synchronization

/// Ports, or guest-physical memory that is not RAM: finds who answers an access.
///
/// Reads of what nobody answers are all ones and writes to it vanish. An access that lies in one window whole, with a width of
/// 1, 2, 4 or 8, reaches its device as it is; any other (straddling an edge, or 3, 5, 6 or 7 bytes, as KVM hands over the pieces of
/// a page-crossing access) is taken apart into bytes.
///
/// Lookups come from every vCPU thread; windows change seldom (a guest moves a BAR). The table is an immutable value, so the lock is held only
/// to take hold of it.
package final class Bus: Sendable {
    /// Says what the bus is in errors: "ports", "memory".
    package let name: String
    /// One past the last address, or nil where all 64 bits are used.
    private let limit: UInt64?
    private let table: Mutex<Table>
    /// Counts changes of the table; a cache that remembers an older one is stale.
    private let generation = Atomic<UInt64>(0)

    /// - Parameter limit: one past the last address: 0x1_0000 for ports.
    package init(name: String, limit: UInt64? = nil) {
        self.name = name
        self.limit = limit
        table = Mutex(Table(windows: []))
    }

    // MARK: Accesses

    /// - Parameter count: 1 to 8 bytes; anything else reads as all ones.
    package func read(_ address: UInt64, count: Int) -> UInt64 {
        let table = table.withLock { $0 }
        if let width = AccessWidth(rawValue: count), let (device, offset) = table.find(address, count: UInt64(truncatingIfNeeded: count)) {
            return device.read(offset: offset, width: width) & width.allOnes
        }
        guard (1...8).contains(count) else { return .max }
        var value: UInt64 = 0
        for index in 0..<UInt64(truncatingIfNeeded: count) {
            let (place, wraps) = address.addingReportingOverflow(index)
            var byte: UInt64 = 0xFF
            if !wraps, let (device, offset) = table.find(place, count: 1) {
                byte = device.read(offset: offset, width: .one) & 0xFF
            }
            value |= byte &<< (index &* 8)
        }
        return value
    }

    /// - Parameter count: 1 to 8 bytes; anything else vanishes.
    package func write(_ address: UInt64, count: Int, value: UInt64) {
        let table = table.withLock { $0 }
        if let width = AccessWidth(rawValue: count), let (device, offset) = table.find(address, count: UInt64(truncatingIfNeeded: count)) {
            device.write(offset: offset, width: width, value: value & width.allOnes)
            return
        }
        guard (1...8).contains(count) else { return }
        for index in 0..<UInt64(truncatingIfNeeded: count) {
            let (place, wraps) = address.addingReportingOverflow(index)
            if !wraps, let (device, offset) = table.find(place, count: 1) {
                device.write(offset: offset, width: .one, value: (value &>> (index &* 8)) & 0xFF)
            }
        }
    }

    /// The same, for a vCPU thread that hits one device over and over (a PM timer, a serial port): a repeated window costs no lock and no count of references.
    package func read(_ address: UInt64, count: Int, through cache: inout BusCache) -> UInt64 {
        guard let width = AccessWidth(rawValue: count), refresh(&cache, address, count: UInt64(truncatingIfNeeded: count)),
            let window = cache.window, let device = window.device
        else { return read(address, count: count) }
        return device.read(offset: window.offset &+ (address &- window.address), width: width) & width.allOnes
    }

    /// The same for writes.
    package func write(_ address: UInt64, count: Int, value: UInt64, through cache: inout BusCache) {
        guard let width = AccessWidth(rawValue: count), refresh(&cache, address, count: UInt64(truncatingIfNeeded: count)),
            let window = cache.window, let device = window.device
        else { return write(address, count: count, value: value) }
        device.write(offset: window.offset &+ (address &- window.address), width: width, value: value & width.allOnes)
    }

    /// Makes the cache hold the window around the access; false if there is none.
    private func refresh(_ cache: inout BusCache, _ address: UInt64, count: UInt64) -> Bool {
        // Read before the table, so that a change in between makes the cache stale and not wrong.
        let now = generation.load(ordering: .acquiring)
        if cache.generation == now, let window = cache.window, window.holds(address, count: count) { return true }
        cache.generation = now
        cache.window = table.withLock { $0 }.window(around: address, count: count)
        return cache.window != nil
    }

    // MARK: Windows

    /// Lets `device` answer from `address` on.
    /// - Parameter offset: what the window's first byte is to the device, for devices with several windows.
    /// - Throws: if the window is empty, leaves the bus, or overlaps what is there; then nothing has changed.
    package func attach(_ device: any BusDevice, at address: UInt64, count: UInt64, offset: UInt64 = 0) throws(BusError) {
        try insert(Window(address: address, count: count, offset: offset, device: device))
    }

    /// Keeps `count` bytes from any device: RAM, interrupt controllers, ROM. Accesses that come here anyway meet nobody.
    package func reserve(_ address: UInt64, count: UInt64) throws(BusError) {
        try insert(Window(address: address, count: count, offset: 0, device: nil))
    }

    /// Takes the window that begins at `address` away from `device`; absent is success.
    package func detach(_ device: any BusDevice, at address: UInt64) {
        table.withLock { table in
            table = Table(windows: table.windows.filter { $0.address != address || $0.device !== device })
        }
        generation.wrappingAdd(1, ordering: .acquiringAndReleasing)
    }

    private func insert(_ window: Window) throws(BusError) {
        let (end, wraps) = window.address.addingReportingOverflow(window.count)
        guard window.count > 0, !wraps, end <= limit ?? .max else {
            throw BusError.outside(bus: name, address: window.address, count: window.count)
        }
        try table.withLock { (table) throws(BusError) in
            let place = table.windows.firstIndex { $0.address >= window.address } ?? table.windows.endIndex
            if place > 0, table.windows[place - 1].end > window.address {
                throw BusError.overlap(bus: name, address: window.address, count: window.count, with: table.windows[place - 1].address)
            }
            if place < table.windows.endIndex, table.windows[place].address < end {
                throw BusError.overlap(bus: name, address: window.address, count: window.count, with: table.windows[place].address)
            }
            var windows = table.windows
            windows.insert(window, at: place)
            table = Table(windows: windows)
        }
        generation.wrappingAdd(1, ordering: .acquiringAndReleasing)
    }

    fileprivate struct Window {
        let address: UInt64
        let count: UInt64
        let offset: UInt64
        /// Nil where the range is only reserved.
        let device: (any BusDevice)?

        /// Cannot wrap: `insert` saw to it.
        var end: UInt64 { address &+ count }

        func holds(_ place: UInt64, count: UInt64) -> Bool { place >= address && place < end && count <= end &- place }
    }

    /// Windows in ascending order, none overlapping.
    private final class Table: Sendable {
        let windows: [Window]

        init(windows: [Window]) {
            self.windows = windows
        }

        func find(_ address: UInt64, count: UInt64) -> (device: any BusDevice, offset: UInt64)? {
            guard let window = window(around: address, count: count), let device = window.device else { return nil }
            return (device, window.offset &+ (address &- window.address))
        }

        /// The window that holds the whole access.
        func window(around address: UInt64, count: UInt64) -> Window? {
            var low = 0
            var high = windows.count
            while low < high {
                let middle = (low + high) / 2
                if windows[middle].end <= address { low = middle + 1 } else { high = middle }
            }
            guard low < windows.count, windows[low].holds(address, count: count) else { return nil }
            return windows[low]
        }
    }
}

/// What one vCPU thread remembers of a bus: the window it last used. One per thread and bus; starts empty.
package struct BusCache: ~Copyable {
    fileprivate var generation: UInt64 = .max
    fileprivate var window: Bus.Window?

    package init() {}
}

/// Why a window cannot be where it was wanted.
package enum BusError: Error, Equatable, CustomStringConvertible {
    case outside(bus: String, address: UInt64, count: UInt64)
    case overlap(bus: String, address: UInt64, count: UInt64, with: UInt64)

    package var description: String {
        switch self {
        case .outside(let bus, let address, let count):
            "\(count) bytes at 0x\(String(address, radix: 16)) do not fit on the bus \"\(bus)\""
        case .overlap(let bus, let address, let count, let other):
            "\(count) bytes at 0x\(String(address, radix: 16)) overlap the window at 0x\(String(other, radix: 16)) on the bus \"\(bus)\""
        }
    }
}
