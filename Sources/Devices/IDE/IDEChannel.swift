import Synchronization

/// One IDE channel: the ports of its two drives, their interrupt, and their way to memory.
///
///     0  data, 16 bits         7  status / command
///     1  to 6: `TaskFile`      8  alternate status / device control: bit 1 no interrupts, bit 2 reset, bit 7 read what was written before
///
/// ATA/ATAPI-6 (T13 1410D), sections 7 and 9. Writes go to both drives; the one that the device register selects answers. While a drive is busy or wants
/// data, writes to its registers vanish, except a reset. Drive 0 answers for an absent drive 1: its own registers, and a status of zero (section 9.16.1). A
/// channel without drives reads as a floating cable, whose bit 7 is pulled down. A byte read from the data register takes a whole word, of which it is the low half.
///
/// Storage is only reached by the channel's worker thread, in chunks: it calls `process()` each time `ring` was called. What it brings is handed on under the
/// lock, and is dropped if the drive was reset meanwhile; so after a reset, or when the bus master is stopped, nothing reaches the guest's memory.
package final class IDEChannel: BusDevice {
    /// The offset of the control port; the others are 0 to 7.
    package static let control: UInt64 = 8

    private let state: Mutex<State>
    private let drives: [(any IDEDrive)?]
    private let line: any InterruptLine
    private let ring: @Sendable () -> Void
    private let trouble: @Sendable (Int, StorageError) -> Void

    /// A drive as the board describes it.
    package enum Plug: Sendable {
        /// - Parameter serial: at most 20 bytes.
        case disk(any BlockStorage, serial: String)
        /// A drive with a medium of blocks of 2048 bytes, never written to.
        case cd(any BlockStorage, serial: String)
    }

    /// - Parameters:
    ///   - plugs: drive 0 and drive 1.
    ///   - line: the channel's own ISA interrupt.
    ///   - memory: what the bus master reaches.
    ///   - ring: asks for a turn of `process()`; any thread, with the channel's lock held; must not block.
    ///   - trouble: told of a drive's storage errors, on the worker's thread.
    package init(
        _ plugs: [Plug?], line: any InterruptLine, memory: GuestMemory, ring: @escaping @Sendable () -> Void,
        trouble: @escaping @Sendable (Int, StorageError) -> Void = { _, _ in }
    ) {
        precondition(plugs.count == 2)
        drives = plugs.map { plug in
            switch plug {
            case .disk(let storage, let serial): ATADisk(storage, serial: serial)
            case .cd(let storage, let serial): ATAPIDrive(storage, serial: serial)
            case nil: nil
            }
        }
        self.line = line
        self.ring = ring
        self.trouble = trouble
        state = Mutex(State(drives: drives, memory: memory))
    }

    // MARK: Ports

    package func read(offset: UInt64, width: AccessWidth) -> UInt64 {
        state.withLock { state in
            var value: UInt64 = 0
            if offset == 0 {
                // A double word is two words one after the other.
                value = UInt64(state.readData())
                if width == .four || width == .eight { value |= UInt64(state.readData()) << 16 }
                if width == .eight { value |= UInt64(state.readData()) << 32 | UInt64(state.readData()) << 48 }
            } else {
                for index in 0..<UInt64(truncatingIfNeeded: width.rawValue) {
                    value |= UInt64(state.readRegister(offset &+ index)) << (8 * index)
                }
            }
            follow(&state)
            return value
        }
    }

    package func write(offset: UInt64, width: AccessWidth, value: UInt64) {
        state.withLock { state in
            if offset == 0 {
                for shift in stride(from: UInt64(0), to: UInt64(max(2, width.rawValue) * 8), by: 16) {
                    state.writeData(UInt16(truncatingIfNeeded: value >> shift))
                }
            } else {
                for index in 0..<UInt64(truncatingIfNeeded: width.rawValue) {
                    state.writeRegister(offset &+ index, UInt8(truncatingIfNeeded: value >> (8 * index)))
                }
            }
            follow(&state)
        }
    }

    func readMaster(_ offset: UInt64) -> UInt8 { state.withLock { $0.master.read(offset) } }

    func writeMaster(_ offset: UInt64, _ value: UInt8) {
        state.withLock { state in
            state.master.write(offset, value)
            state.pump()
            follow(&state)
        }
    }

    /// Whether the function may reach memory.
    func setMaster(_ isAllowed: Bool) {
        state.withLock { state in
            state.isMasterAllowed = isAllowed
            state.pump()
            follow(&state)
        }
    }

    /// The machine resets.
    func reset() {
        state.withLock { state in
            state.powerOn()
            follow(&state)
        }
    }

    /// Makes the interrupt and the worker follow the state.
    private func follow(_ state: inout State) {
        if state.hasWithdrawn {
            state.hasWithdrawn = false
            drive(false, &state)
        }
        drive(state.isInterrupting, &state)
        if state.hasNewJob {
            state.hasNewJob = false
            ring()
        }
    }

    private func drive(_ level: Bool, _ state: inout State) {
        guard level != state.lineLevel else { return }
        state.lineLevel = level
        line.setLevel(level)
        if level { state.master.interruptRose() }
    }

    // MARK: Work

    /// One turn of the worker: one chunk to or from storage.
    /// - Returns: true if there is more to do at once.
    package func process() -> Bool {
        guard var job = state.withLock({ $0.takeJob() }), let drive = drives[job.unit] else { return false }
        var failure: StorageError?
        do throws(StorageError) {
            try perform(&job, drive.storage)
        } catch {
            failure = error
            trouble(job.unit, error)
        }
        return state.withLock { state in
            state.end(job, failure)
            state.hasNewJob = false
            follow(&state)
            return state.hasJob
        }
    }

    private func perform(_ job: inout Job, _ storage: any BlockStorage) throws(StorageError) {
        var failure: StorageError?
        switch job.work {
        case .flush: try storage.flush()
        case .read(let range):
            // Safe because the buffer is the job's own, used inside the call, and a chunk fits an Int.
            job.bytes = [UInt8](repeating: 0, count: Int(range.count))
            unsafe job.bytes.withUnsafeMutableBytes { buffer in
                do throws(StorageError) { try unsafe storage.read(at: range.offset, into: [buffer]) } catch { failure = error }
            }
        case .write(let range, let flush):
            unsafe job.bytes.withUnsafeMutableBytes { buffer in
                do throws(StorageError) { try unsafe storage.write(at: range.offset, from: [buffer]) } catch { failure = error }
            }
            if failure == nil, flush { try storage.flush() }
        }
        if let failure { throw failure }
    }

    /// What the worker is to do next.
    struct Job: Sendable {
        enum Work: Sendable {
            case read(StorageRange)
            case write(StorageRange, flush: Bool)
            case flush
        }

        let unit: Int
        /// Which of the channel's commands it belongs to.
        let command: UInt64
        let work: Work
        var bytes: [UInt8] = []
    }
}
