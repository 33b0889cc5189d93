/// One channel's bus master: where in guest memory a drive's data goes, or comes from.
///
///     0  command: bit 0 start, bit 3 to memory
///     2  status: bit 0 active, bit 1 error, bit 2 interrupt (1 and 2 are cleared by writing them), bits 5 and 6 the firmware's
///     4  place of the descriptor table, 32 bits
///
///     descriptor    { address: u32, count: u16 (0: 64 KiB), flags: u16 (bit 15: the last one) }
///
/// Programming Interface for Bus Master IDE Controller 1.0, sections 1.2 and 2. Addresses and counts are even; their lowest bit is ignored. The table does not
/// cross a boundary of 64 KiB, so it ends there: what a guest can make the machine walk has an end. A table or a piece that is not RAM ends the
/// transfer with the error bit, before any byte of that piece is moved.
struct BusMaster: Sendable {
    private enum Bit {
        static let start: UInt8 = 1 << 0
        static let toMemory: UInt8 = 1 << 3
        static let active: UInt8 = 1 << 0
        static let error: UInt8 = 1 << 1
        static let interrupt: UInt8 = 1 << 2
        /// Set by firmware where a drive can do DMA; remembered only.
        static let capable: UInt8 = 0b0110_0000
    }

    private var command: UInt8 = 0
    private var status: UInt8 = 0
    private var table: UInt32 = 0
    private var next = Next.none

    private enum Next {
        case descriptor(at: UInt32)
        /// The one at hand is the last.
        case none
        /// The table has gone on for 64 KiB.
        case cut
    }

    /// What is left of the descriptor at hand.
    private var address: UInt64 = 0
    private var count: UInt64 = 0

    /// Started, and neither stopped, at its end, nor failed.
    var isActive: Bool { status & Bit.active != 0 }
    var isToMemory: Bool { command & Bit.toMemory != 0 }

    /// The channel's interrupt rose.
    mutating func interruptRose() { status |= Bit.interrupt }

    // MARK: Registers

    func read(_ offset: UInt64) -> UInt8 {
        switch offset {
        case 0: command
        case 2: status
        case 4..<8: UInt8(truncatingIfNeeded: table >> UInt32(8 * (offset - 4)))
        default: 0
        }
    }

    mutating func write(_ offset: UInt64, _ value: UInt8) {
        switch offset {
        case 0:
            let wasStarted = command & Bit.start != 0
            // The direction holds for as long as a transfer does.
            command = isActive && value & Bit.start != 0 ? command | Bit.start : value & (Bit.start | Bit.toMemory)
            if command & Bit.start == 0 {
                status &= ~Bit.active
            } else if !wasStarted {
                status |= Bit.active
                next = .descriptor(at: table)
                count = 0
            }
        case 2:
            status = (status & (Bit.active | Bit.error | Bit.interrupt) & ~(value & (Bit.error | Bit.interrupt))) | (value & Bit.capable)
        case 4..<8:
            let shift = UInt32(8 * (offset - 4))
            table = (table & ~(0xFF << shift) | UInt32(value) << shift) & ~3
        default: break
        }
    }

    // MARK: Transfer

    /// A piece of guest memory, RAM throughout.
    typealias Piece = (address: UInt64, count: UInt64)

    /// The next piece, at most `limit` bytes; nil when the descriptors are used up or wrong, and the transfer has ended.
    mutating func take(_ limit: UInt64, in memory: GuestMemory) -> Piece? {
        guard isActive else { return nil }
        if count == 0 {
            switch next {
            case .descriptor(let place) where fetch(UInt64(place), in: memory): break
            case .none:
                end()
                return nil
            case .descriptor, .cut:
                fail()
                return nil
            }
        }
        let piece = (address: address, count: min(limit, count))
        address &+= piece.count
        count -= piece.count
        return piece
    }

    /// The drive has no more data: if the descriptors are used up as well, the transfer is over.
    mutating func driveIsDone() {
        if isActive, count == 0, case .none = next { end() }
    }

    /// Memory, or the direction, is wrong.
    mutating func fail() {
        status |= Bit.error
        end()
    }

    private mutating func end() { status &= ~Bit.active }

    private mutating func fetch(_ place: UInt64, in memory: GuestMemory) -> Bool {
        // One load: the guest may be changing the descriptor.
        guard let descriptor = memory.load(UInt64.self, at: place) else { return false }
        address = descriptor & 0xFFFF_FFFE
        let size = (descriptor >> 32) & 0xFFFE
        count = size == 0 ? 0x1_0000 : size
        guard memory.contains(address, count: count) else { return false }
        let following = UInt32(truncatingIfNeeded: place &+ 8)
        let isLast = descriptor >> 63 != 0
        next = isLast ? .none : following & 0xFFFF < 8 ? .cut : .descriptor(at: following)
        return true
    }
}
