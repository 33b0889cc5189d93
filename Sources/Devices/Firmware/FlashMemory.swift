import Synchronization

/// Where a guest sees a flash chip: memory that it reads without leaving, or a device that answers.
package protocol FlashVisibility: Sendable {
    /// Called with the chip's lock held, on the vCPU thread whose access changes it.
    func show(asMemory: Bool)
}

/// A flash chip by Intel's command set (JEDEC CFI 0x0001), 8 bits wide, in blocks of 4 KiB: how firmware keeps its variables.
///
///     write 0xFF  read the array            write 0x50  clear the status
///     write 0x10 or 0x40, then a byte: programs it (bits only fall)
///     write 0x20, then 0xD0: erases the block (all ones)
///     write 0x70  read the status: ready 7, erase failed 5, program failed 4
///     write 0x90  read the maker (0x89) and the device (0x18)
///
/// While the array is read the guest sees plain memory; the first command takes that away, so that reads reach the chip too, and 0xFF brings it back. What changed
/// is written to the storage then, and whenever a block is erased. If the storage refuses, the status says so, the chip goes on with what it holds, and every later
/// save tries again. A cleared status reads as zero, by which firmware tells a chip from RAM and ROM.
package final class FlashMemory: BusDevice, ResettableDevice {
    package static let blockSize: UInt64 = 4096

    private enum Status {
        static let ready: UInt8 = 0x80
        static let eraseFailed: UInt8 = 0x20
        static let programFailed: UInt8 = 0x10
    }

    private enum Mode { case array, status, identity }

    private enum Pending { case program, erase }

    private struct State {
        var mode = Mode.array
        var pending: Pending?
        var status = Status.ready
        /// What the storage does not have yet.
        var unsaved: Range<UInt64>?
    }

    private let contents: GuestMemory
    private let byteCount: UInt64
    private let storage: any BlockStorage
    private let visibility: any FlashVisibility
    private let trouble: @Sendable (StorageError) -> Void
    private let state = Mutex(State())

    /// - Parameters:
    ///   - contents: the array, as memory from address 0; filled from the storage by the caller.
    ///   - byteCount: whole blocks.
    ///   - trouble: told when the storage refuses.
    package init(
        contents: GuestMemory, byteCount: UInt64, storage: any BlockStorage, visibility: any FlashVisibility,
        trouble: @escaping @Sendable (StorageError) -> Void
    ) {
        self.contents = contents
        self.byteCount = byteCount
        self.storage = storage
        self.visibility = visibility
        self.trouble = trouble
    }

    /// The array is read again; what it holds stays, and what could not be saved is not forgotten.
    package func reset() {
        state.withLock { state in
            save(&state)
            enter(.array, &state)
            state.status = Status.ready
        }
    }

    package func read(offset: UInt64, width: AccessWidth) -> UInt64 {
        state.withLock { state in
            switch state.mode {
            case .array:
                return width.gathered { contents.load(UInt8.self, at: offset &+ $0) ?? 0xFF }
            case .status: return UInt64(state.status) &* 0x0101_0101_0101_0101
            case .identity: return [0: 0x89, 1: 0x18][offset & 0xFF] ?? 0
            }
        }
    }

    package func write(offset: UInt64, width: AccessWidth, value: UInt64) {
        state.withLock { state in
            switch state.pending {
            case .program:
                program(offset, width, value, &state)
                state.pending = nil
            case .erase:
                if UInt8(truncatingIfNeeded: value) == 0xD0 {
                    erase(offset, &state)
                } else {
                    state.status |= Status.eraseFailed | Status.programFailed  // a command sequence error
                }
                state.pending = nil
            case nil: command(UInt8(truncatingIfNeeded: value), &state)
            }
        }
    }

    private func command(_ command: UInt8, _ state: inout State) {
        switch command {
        case 0x10, 0x40: enter(.status, pending: .program, &state)
        case 0x20: enter(.status, pending: .erase, &state)
        case 0x50:
            state.status = 0
            enter(.status, &state)
        case 0x70: enter(.status, &state)
        case 0x90: enter(.identity, &state)
        default:
            save(&state)
            enter(.array, &state)
        }
    }

    private func enter(_ mode: Mode, pending: Pending? = nil, _ state: inout State) {
        state.pending = pending
        if (mode == .array) != (state.mode == .array) { visibility.show(asMemory: mode == .array) }
        state.mode = mode
    }

    private func program(_ offset: UInt64, _ width: AccessWidth, _ value: UInt64, _ state: inout State) {
        width.scatter(value) { index, byte in
            let place = offset &+ index
            guard let old = contents.load(UInt8.self, at: place) else { return }
            contents.store(old & byte, at: place)
            touch(place..<place + 1, &state)
        }
        state.status |= Status.ready
    }

    private func erase(_ offset: UInt64, _ state: inout State) {
        let start = offset & ~(Self.blockSize - 1)
        contents.write([UInt8](repeating: 0xFF, count: Int(Self.blockSize)), at: start)
        touch(start..<start + Self.blockSize, &state)
        state.status |= Status.ready
        save(&state)
        if state.unsaved != nil { state.status |= Status.eraseFailed }
    }

    private func touch(_ range: Range<UInt64>, _ state: inout State) {
        guard let unsaved = state.unsaved else { return state.unsaved = range }
        state.unsaved = min(unsaved.lowerBound, range.lowerBound)..<max(unsaved.upperBound, range.upperBound)
    }

    // MARK: The storage

    /// Writes what the storage does not have yet, as at the end of the machine.
    /// - Returns: whether it has everything now.
    @discardableResult
    package func save() -> Bool {
        state.withLock { state in
            save(&state)
            return state.unsaved == nil
        }
    }

    private func save(_ state: inout State) {
        guard let unsaved = state.unsaved else { return }
        // Whole sectors: the storage may be a block device.
        let start = unsaved.lowerBound & ~511
        let end = min((unsaved.upperBound + 511) & ~511, byteCount)
        do throws(StorageError) {
            // Safe because the range lies in the array, and the storage is done with it when the call returns.
            guard let range = unsafe contents.hostRange(start, count: end - start) else { return }
            try unsafe storage.write(at: start, from: [range])
            state.unsaved = nil
        } catch {
            state.status |= Status.programFailed
            trouble(error)
        }
    }
}
