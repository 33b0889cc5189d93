extension IDEChannel {
    /// What the channel's lock guards: the drives' registers, and the one command that is going on.
    struct State: Sendable {
        private var drives: [(any IDEDrive)?]
        private var registers = [TaskFile(), TaskFile()]
        private let memory: GuestMemory
        var master = BusMaster()
        var isMasterAllowed = false
        /// What the line was last told.
        var lineLevel = false
        /// An interrupt was withdrawn: the line drops before whatever comes next, so that the next one is an edge also if it comes at once.
        var hasWithdrawn = false
        /// The worker has not been told yet.
        var hasNewJob = false

        private var selected = 0
        private var isInterruptDisabled = false
        private var showsPrevious = false
        private var phase = Phase.rest
        /// Counts commands and resets: a job of an older one is void.
        private var command: UInt64 = 0
        private var job: Job?

        // The data of the command: a chunk in `bytes`, of which `position` is next and `blockEnd` is as far as the host goes now.
        private var bytes: [UInt8] = []
        private var position = 0
        private var blockEnd = 0
        private var mode = DataMode.none
        /// What storage has still to give or to take after this chunk.
        private var rest = StorageRange(offset: 0, count: 0)
        private var isFlushing = false

        /// What the selected drive is at.
        private enum Phase {
            case rest
            /// The reset bit is set.
            case resetting
            /// Storage is at work.
            case waiting
            /// The host is to read, or to write, the data register.
            case toHost, fromHost, packet
            /// The bus master is to move data.
            case directToHost, directFromHost
        }

        /// What one chunk moves at most; a host waits for it, and this process keeps so much for a channel.
        static let chunk: UInt64 = 64 << 10
        private static let packetCount = 12

        init(drives: [(any IDEDrive)?], memory: GuestMemory) {
            self.drives = drives
            self.memory = memory
            powerOn()
        }

        // MARK: Resets

        mutating func powerOn() {
            master = BusMaster()
            isInterruptDisabled = false
            resetDrives()
        }

        /// Both drives, as after a hardware or a software reset: their signatures, and drive 0 is selected.
        private mutating func resetDrives() {
            abandon()
            for unit in 0..<2 {
                drives[unit]?.reset()
                withdraw(unit)
                registers[unit] = TaskFile()
                sign(unit)
            }
            selected = 0
            showsPrevious = false
        }

        private mutating func sign(_ unit: Int) {
            guard let drive = drives[unit] else { return }
            registers[unit].sign(mid: drive.signature.mid, high: drive.signature.high)
            // Diagnostic code: no fault (section 9.13, table 26).
            registers[unit].error = 1
            registers[unit].status = drive.restingStatus
            withdraw(unit)
        }

        private mutating func withdraw(_ unit: Int) {
            guard registers[unit].isInterrupting else { return }
            registers[unit].isInterrupting = false
            hasWithdrawn = true
        }

        private mutating func abandon() {
            command &+= 1
            job = nil
            hasNewJob = false
            phase = .rest
            bytes = []
            rest.count = 0
        }

        // MARK: Registers

        var isInterrupting: Bool { !isInterruptDisabled && drives[selected] != nil && registers[selected].isInterrupting }

        private var isEmpty: Bool { drives[0] == nil && drives[1] == nil }

        private var status: UInt8 {
            switch phase {
            case .resetting, .waiting: TaskFile.Status.busy
            case .rest: registers[selected].status
            case .toHost, .fromHost, .packet, .directToHost, .directFromHost: TaskFile.Status.rest | TaskFile.Status.dataRequest
            }
        }

        /// - Parameter register: 1 to 7, or `control`.
        mutating func readRegister(_ register: UInt64) -> UInt8 {
            if isEmpty { return EmptyIDEPorts.floating }
            let isStatus = register == 7 || register == IDEChannel.control
            if drives[selected] == nil {
                guard drives[0] != nil else { return EmptyIDEPorts.floating }
                if phase == .resetting { return TaskFile.Status.busy }
                return isStatus ? 0 : registers[0].read(Int(truncatingIfNeeded: register), isPrevious: showsPrevious)
            }
            if isStatus {
                if register == 7 { withdraw(selected) }
                return status
            }
            // While a drive is busy, all of its registers show its status.
            if status & TaskFile.Status.busy != 0 { return status }
            return registers[selected].read(Int(truncatingIfNeeded: register), isPrevious: showsPrevious)
        }

        mutating func writeRegister(_ register: UInt64, _ value: UInt8) {
            switch register {
            case IDEChannel.control: writeControl(value)
            case 7: start(value)
            default:
                showsPrevious = false
                guard phase == .rest else { return }
                for unit in 0..<2 { registers[unit].write(Int(truncatingIfNeeded: register), value) }
                if register == 6 { selected = value & TaskFile.Device.number == 0 ? 0 : 1 }
            }
        }

        private mutating func writeControl(_ value: UInt8) {
            isInterruptDisabled = value & 0x02 != 0
            showsPrevious = value & 0x80 != 0
            if value & 0x04 != 0 {
                abandon()
                phase = .resetting
                for unit in 0..<2 { withdraw(unit) }
            } else if phase == .resetting {
                resetDrives()
                showsPrevious = value & 0x80 != 0
            }
        }

        // MARK: Commands

        private mutating func start(_ code: UInt8) {
            showsPrevious = false
            let command = ATACommand(rawValue: code)
            if command == .executeDeviceDiagnostic, phase == .rest, !isEmpty { return diagnose() }
            guard drives[selected] != nil else { return }
            // A packet device can be reset while it is busy; anything else waits its turn.
            guard phase == .rest || (command == .deviceReset && phase != .resetting && drives[selected] is ATAPIDrive) else { return }
            abandon()
            withdraw(selected)
            guard let action = drives[selected]?.execute(code, &registers[selected]) else { return }
            follow(action)
        }

        /// Both drives test themselves, whichever is selected (section 8.11).
        private mutating func diagnose() {
            abandon()
            for unit in 0..<2 {
                registers[unit].device = 0
                sign(unit)
            }
            selected = 0
            registers[0].isInterrupting = drives[0] != nil
        }

        private mutating func follow(_ action: DriveAction) {
            phase = .rest
            switch action {
            case .ended: registers[selected].isInterrupting = true
            case .wasReset: sign(selected)
            case .finished: finish()
            case .answer(let answer, _) where answer.isEmpty: finish()
            case .answer(let answer, let mode):
                self.mode = mode
                bytes = answer
                position = 0
                rest.count = 0
                offer()
            case .read(let range, let mode):
                self.mode = mode
                rest = range
                fetch()
            case .write(let range, let mode, let flush):
                self.mode = mode
                isFlushing = flush
                rest = range
                collect(isFirst: true)
            case .flush: ask(.flush)
            case .packet:
                bytes = [UInt8](repeating: 0, count: Self.packetCount)
                position = 0
                blockEnd = Self.packetCount
                phase = .packet
            }
        }

        private mutating func finish() {
            phase = .rest
            bytes = []
            drives[selected]?.finish(&registers[selected])
            registers[selected].isInterrupting = true
            master.driveIsDone()
        }

        // MARK: Storage

        var hasJob: Bool { job != nil }

        private mutating func ask(_ work: Job.Work, _ bytes: [UInt8] = []) {
            phase = .waiting
            job = Job(unit: selected, command: command, work: work, bytes: bytes)
            hasNewJob = true
        }

        mutating func takeJob() -> Job? {
            defer { job = nil }
            return job
        }

        mutating func end(_ job: Job, _ failure: StorageError?) {
            guard job.command == command, phase == .waiting else { return }
            switch job.work {
            case .flush:
                if failure == nil { finish() } else { fail(.flush, at: 0) }
            case .read(let range):
                if failure != nil { return fail(.read, at: range.offset) }
                bytes = job.bytes
                position = 0
                offer()
            case .write(let range, _):
                if failure != nil { return fail(.write, at: range.offset) }
                if rest.count > 0 { collect(isFirst: false) } else { finish() }
            }
        }

        private mutating func fail(_ attempt: DriveAttempt, at offset: UInt64) {
            phase = .rest
            bytes = []
            rest.count = 0
            drives[selected]?.fail(attempt, at: offset, &registers[selected])
            registers[selected].isInterrupting = true
            master.driveIsDone()
        }

        private mutating func nextChunk() -> StorageRange {
            let range = StorageRange(offset: rest.offset, count: min(rest.count, Self.chunk))
            rest.offset += range.count
            rest.count -= range.count
            return range
        }

        // MARK: Data for the host

        private mutating func fetch() {
            if rest.count == 0 { finish() } else { ask(.read(nextChunk())) }
        }

        private mutating func offer() {
            switch mode {
            case .none: fetch()
            case .programmed(let block):
                blockEnd = min(bytes.count, position + block)
                phase = .toHost
                drives[selected]?.announce(block: blockEnd - position, &registers[selected])
                registers[selected].isInterrupting = true
            case .direct:
                phase = .directToHost
                pump()
            }
        }

        mutating func readData() -> UInt16 {
            guard phase == .toHost else { return isEmpty ? 0xFF00 | UInt16(EmptyIDEPorts.floating) : 0xFFFF }
            // The last word of an odd block has one byte.
            let low = UInt16(bytes[position])
            let high = position + 1 < blockEnd ? UInt16(bytes[position + 1]) << 8 : 0
            position = min(position + 2, blockEnd)
            if position == blockEnd { blockRead() }
            return high | low
        }

        private mutating func blockRead() {
            if position < bytes.count {
                offer()
            } else if rest.count > 0 {
                fetch()
            } else if drives[selected]?.interruptsAfterReading == true {
                finish()
            } else {
                phase = .rest
                bytes = []
                drives[selected]?.finish(&registers[selected])
            }
        }

        // MARK: Data from the host

        private mutating func collect(isFirst: Bool) {
            // A chunk fits an Int.
            bytes = [UInt8](repeating: 0, count: Int(min(rest.count, Self.chunk)))
            position = 0
            switch mode {
            case .programmed(let block): want(block, isFirst: isFirst)
            case .direct, .none:
                phase = .directFromHost
                pump()
            }
        }

        /// The first block is wanted without an interrupt.
        private mutating func want(_ block: Int, isFirst: Bool) {
            blockEnd = min(bytes.count, position + block)
            phase = .fromHost
            if !isFirst { registers[selected].isInterrupting = true }
        }

        mutating func writeData(_ value: UInt16) {
            guard phase == .fromHost || phase == .packet else { return }
            bytes[position] = UInt8(truncatingIfNeeded: value)
            if position + 1 < blockEnd { bytes[position + 1] = UInt8(truncatingIfNeeded: value >> 8) }
            position = min(position + 2, blockEnd)
            guard position == blockEnd else { return }
            if phase == .packet {
                let packet = bytes
                if let action = drives[selected]?.execute(packet: packet, &registers[selected]) { follow(action) }
            } else if position < bytes.count, case .programmed(let block) = mode {
                want(block, isFirst: false)
            } else {
                deliver()
            }
        }

        private mutating func deliver() {
            let range = nextChunk()
            let chunk = bytes
            bytes = []
            ask(.write(range, flush: isFlushing && rest.count == 0), chunk)
        }

        // MARK: Data by the bus master

        /// Moves what can be moved now: at most one chunk.
        mutating func pump() {
            let isToHost = phase == .directToHost
            guard isToHost || phase == .directFromHost, isMasterAllowed, master.isActive else { return }
            guard master.isToMemory == isToHost else { return master.fail() }
            while position < bytes.count {
                guard let piece = master.take(UInt64(bytes.count - position), in: memory) else { return }
                guard move(piece, isToHost: isToHost) else { return master.fail() }
                position += Int(piece.count)
            }
            if !isToHost { deliver() } else if rest.count > 0 { fetch() } else { finish() }
        }

        private mutating func move(_ piece: BusMaster.Piece, isToHost: Bool) -> Bool {
            // Safe because the piece lies in guest memory whole, and in the chunk from `position` on: it is at most what is left of it.
            guard let place = unsafe memory.hostRange(piece.address, count: piece.count) else { return false }
            let range = position..<(position + Int(piece.count))
            unsafe bytes.withUnsafeMutableBytes { chunk in
                let part = unsafe UnsafeMutableRawBufferPointer(rebasing: chunk[range])
                if isToHost {
                    unsafe place.copyMemory(from: UnsafeRawBufferPointer(part))
                } else {
                    unsafe part.copyMemory(from: UnsafeRawBufferPointer(place))
                }
            }
            return true
        }
    }
}
