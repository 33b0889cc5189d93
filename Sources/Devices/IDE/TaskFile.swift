/// The registers of one drive (ATA/ATAPI-6, section 7), as a host reads and writes them through its channel.
///
///     1  error / features     4  LBA mid      7  status / command
///     2  sector count         5  LBA high
///     3  LBA low              6  device
///
/// Registers 1 to 5 remember the write before the last, which the 48-bit commands use (section 6.20).
struct TaskFile: Sendable {
    struct Pair: Sendable {
        var current: UInt8 = 0
        var previous: UInt8 = 0

        mutating func push(_ value: UInt8) {
            previous = current
            current = value
        }

        mutating func set(_ value: UInt8) {
            current = value
            previous = 0
        }

        fileprivate var word: UInt64 { UInt64(previous) << 8 | UInt64(current) }
    }

    enum Status {
        static let error: UInt8 = 1 << 0
        static let dataRequest: UInt8 = 1 << 3
        /// Seek complete, which older drivers still look at.
        static let seekComplete: UInt8 = 1 << 4
        static let fault: UInt8 = 1 << 5
        static let ready: UInt8 = 1 << 6
        static let busy: UInt8 = 1 << 7
        /// Nothing going on.
        static let rest: UInt8 = ready | seekComplete
    }

    enum Failure {
        static let aborted: UInt8 = 1 << 2
        static let notFound: UInt8 = 1 << 4
        static let uncorrectable: UInt8 = 1 << 6
    }

    enum Device {
        /// The drive number.
        static let number: UInt8 = 1 << 4
        /// Addresses are block numbers, not cylinders, heads and sectors.
        static let isLBA: UInt8 = 1 << 6
    }

    var features = Pair()
    var count = Pair()
    var low = Pair()
    var mid = Pair()
    var high = Pair()
    var device: UInt8 = 0
    var error: UInt8 = 0
    /// What the status register shows while the drive is at rest.
    var status: UInt8 = 0
    /// The drive wants the host's attention; reading the status register answers it.
    var isInterrupting = false

    func read(_ register: Int, isPrevious: Bool) -> UInt8 {
        func value(_ pair: Pair) -> UInt8 { isPrevious ? pair.previous : pair.current }
        return switch register {
        case 1: error
        case 2: value(count)
        case 3: value(low)
        case 4: value(mid)
        case 5: value(high)
        default: device
        }
    }

    mutating func write(_ register: Int, _ value: UInt8) {
        switch register {
        case 1: features.push(value)
        case 2: count.push(value)
        case 3: low.push(value)
        case 4: mid.push(value)
        case 5: high.push(value)
        default: device = value
        }
    }

    /// The 28-bit block number.
    var shortAddress: UInt64 {
        UInt64(device & 15) << 24 | UInt64(high.current) << 16 | UInt64(mid.current) << 8 | UInt64(low.current)
    }

    /// The 48-bit block number.
    var longAddress: UInt64 {
        UInt64(high.previous) << 40 | UInt64(mid.previous) << 32 | UInt64(low.previous) << 24
            | UInt64(high.current) << 16 | UInt64(mid.current) << 8 | UInt64(low.current)
    }

    /// Sectors of a 28-bit command: 0 is 256.
    var shortCount: UInt64 { count.current == 0 ? 256 : UInt64(count.current) }

    /// Sectors of a 48-bit command: 0 is 65536.
    var longCount: UInt64 { count.word == 0 ? 0x1_0000 : count.word }

    /// Cylinder, head and sector.
    var geometryAddress: (cylinder: UInt64, head: UInt64, sector: UInt64) {
        (UInt64(high.current) << 8 | UInt64(mid.current), UInt64(device & 15), UInt64(low.current))
    }

    /// Shows where something went wrong.
    mutating func point(atBlock block: UInt64) {
        low = Pair(current: UInt8(truncatingIfNeeded: block), previous: UInt8(truncatingIfNeeded: block >> 24))
        mid = Pair(current: UInt8(truncatingIfNeeded: block >> 8), previous: UInt8(truncatingIfNeeded: block >> 32))
        high = Pair(current: UInt8(truncatingIfNeeded: block >> 16), previous: UInt8(truncatingIfNeeded: block >> 40))
        device = device & 0xF0 | UInt8(truncatingIfNeeded: block >> 24) & 15
    }

    /// What tells a disk from a packet device after a reset (section 9.12).
    mutating func sign(mid midValue: UInt8, high highValue: UInt8) {
        count.set(1)
        low.set(1)
        mid.set(midValue)
        high.set(highValue)
    }

    /// The command ends.
    mutating func end(failure: UInt8 = 0, isFault: Bool = false) {
        error = failure
        status = Status.rest | (failure == 0 ? 0 : Status.error) | (isFault ? Status.fault : 0)
    }
}
