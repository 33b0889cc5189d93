import Synchronization

/// The MSI-X vectors of one function: table, masks, pending bits (PCI 3.0 section 6.8).
///
///     capability   { id 0x11, next, control: u16, table: u32 offset|bar, pba: u32 offset|bar }
///     control      bit 15 enable, bit 14 mask all, bits 10:0 number of vectors - 1
///     table entry  { address: u64, data: u32, control: u32 bit 0 masked }
///
/// A vector that is raised while masked becomes pending and is sent when it is unmasked. An address outside the local APICs' window is never used: on
/// hardware such a message is a write to memory, which no driver means.
package final class MSIX: Sendable {
    package static let capability: UInt8 = 0x11
    package static let entryByteCount = 16

    private struct Entry {
        var address: UInt64 = 0
        var data: UInt32 = 0
        var isMasked = true
        var isPending = false
        /// What the sink was last told this vector means.
        var routed: MSIMessage?

        var message: MSIMessage? {
            // 0xFEEx_xxxx and nothing in the upper half.
            address >> 20 == AddressMap.localAPIC.lowerBound >> 20 ? MSIMessage(address: address, data: data) : nil
        }
    }

    private struct State {
        var entries: [Entry]
        var isEnabled = false
        var isMasked = false
    }

    package let count: Int
    private let sink: any MSISink
    private let state: Mutex<State>

    /// - Parameter count: 1 to 2048 vectors.
    package init(count: Int, sink: any MSISink) {
        precondition((1...2048).contains(count))
        self.count = count
        self.sink = sink
        state = Mutex(State(entries: Array(repeating: Entry(), count: count)))
    }

    package var isEnabled: Bool { state.withLock { $0.isEnabled } }

    /// Raises `vector`; one that does not exist, or any while MSI-X is off, vanishes.
    package func send(_ vector: UInt16) {
        state.withLock { state in
            guard state.isEnabled, Int(vector) < count else { return }
            deliver(Int(vector), &state)
        }
    }

    /// The control word of the capability was written.
    package func setControl(enabled: Bool, masked: Bool) {
        state.withLock { state in
            state.isEnabled = enabled
            state.isMasked = masked
            if enabled, !masked { deliverPending(&state) }
        }
    }

    package func reset() {
        state.withLock { $0 = State(entries: Array(repeating: Entry(), count: count)) }
    }

    private func deliver(_ vector: Int, _ state: inout State) {
        if state.isMasked || state.entries[vector].isMasked {
            state.entries[vector].isPending = true
            return
        }
        state.entries[vector].isPending = false
        guard let message = state.entries[vector].message else { return }
        if state.entries[vector].routed != message {
            state.entries[vector].routed = message
            sink.route(vector: vector, to: message)
        }
        sink.send(vector: vector, message: message)
    }

    private func deliverPending(_ state: inout State) {
        for vector in state.entries.indices where state.entries[vector].isPending { deliver(vector, &state) }
    }

    // MARK: Table and pending bits, as the guest sees them

    /// Reads the table; offsets past its end read as zero.
    package func readTable(offset: UInt64, width: AccessWidth) -> UInt64 {
        state.withLock { state in
            gather(offset, width) { place in
                guard let vector = Int(exactly: place / 16), vector < count else { return 0 }
                let entry = state.entries[vector]
                switch (place / 4) % 4 {
                case 0: return UInt32(truncatingIfNeeded: entry.address)
                case 1: return UInt32(truncatingIfNeeded: entry.address >> 32)
                case 2: return entry.data
                default: return entry.isMasked ? 1 : 0
                }
            }
        }
    }

    /// Writes the table: aligned groups of 4 or 8 bytes, as the specification asks of drivers; anything else vanishes.
    package func writeTable(offset: UInt64, width: AccessWidth, value: UInt64) {
        let bytes = UInt64(truncatingIfNeeded: width.rawValue)
        guard bytes >= 4, offset & (bytes &- 1) == 0 else { return }
        state.withLock { state in
            writeLong(offset, UInt32(truncatingIfNeeded: value), &state)
            if width == .eight { writeLong(offset &+ 4, UInt32(truncatingIfNeeded: value >> 32), &state) }
        }
    }

    private func writeLong(_ place: UInt64, _ value: UInt32, _ state: inout State) {
        guard let vector = Int(exactly: place / 16), vector < count else { return }
        switch (place / 4) % 4 {
        case 0: state.entries[vector].address = state.entries[vector].address & 0xFFFF_FFFF_0000_0000 | UInt64(value & ~3)
        case 1: state.entries[vector].address = state.entries[vector].address & 0xFFFF_FFFF | UInt64(value) << 32
        case 2: state.entries[vector].data = value
        default:
            state.entries[vector].isMasked = value & 1 != 0
            if state.isEnabled, state.entries[vector].isPending { deliver(vector, &state) }
        }
    }

    /// Reads the pending bits; writes to them vanish.
    package func readPending(offset: UInt64, width: AccessWidth) -> UInt64 {
        state.withLock { state in
            gather(offset, width) { place in
                var bits: UInt32 = 0
                guard let first = Int(exactly: place &* 8), first < count else { return 0 }
                for bit in 0..<min(32, count - first) where state.entries[first + bit].isPending { bits |= 1 << UInt32(bit) }
                return bits
            }
        }
    }

    /// Makes a read of any width and alignment out of reads of aligned groups of four bytes.
    private func gather(_ offset: UInt64, _ width: AccessWidth, _ long: (_ place: UInt64) -> UInt32) -> UInt64 {
        var value: UInt64 = 0
        for index in 0..<UInt64(truncatingIfNeeded: width.rawValue) {
            let place = offset &+ index
            value |= UInt64((long(place & ~3) >> UInt32(truncatingIfNeeded: (place & 3) * 8)) & 0xFF) << (index * 8)
        }
        return value
    }
}
