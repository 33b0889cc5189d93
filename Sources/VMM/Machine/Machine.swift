internal import Devices
internal import Glibc
internal import Host
internal import Synchronization

/// A machine for the life of its process: the outside world, and one run after another until it is off.
package final class Machine {
    private let configuration: MachineConfiguration
    private let kvm: KVM
    private let loop: EventLoop
    private let ram: GuestRAM
    private let plan: BootPlan
    private let kernel: BlobFile
    private let initrd: BlobFile?
    private let disks: [any Disk]
    private let sockets: Board.Sockets
    private let serial: Stream?
    private let console: Stream?
    private var control: ControlChannel
    private let signals: SignalDescriptor
    private let serialRoom: EventCounter
    private let consoleRoom: EventCounter
    private let clockTimer: TimerDescriptor
    private let powerTimer: TimerDescriptor
    private let startTime: UInt64
    /// The run that is going on.
    private var life: Run?
    private var runControl: RunControl?
    private var hasAnnounced = false
    /// A stop was asked for: it holds even when the run was just ending for another reason, such as a reset.
    private var mustStop = false

    /// Opens and checks everything the command line names, before there is a virtual machine.
    ///
    /// - Parameter startTime: when the program began, in nanoseconds of the monotonic clock.
    package init(_ configuration: MachineConfiguration, startTime: UInt64) throws(MachineFailure) {
        self.configuration = configuration
        self.startTime = startTime
        var descriptors = DescriptorTable()

        // The boot inputs: a kernel that is none is found first.
        do {
            let kernel = try BlobFile(descriptors.take(configuration.kernel, for: "--kernel"))
            let initrd: BlobFile? =
                if let number = configuration.initrd { try BlobFile(descriptors.take(number, for: "--initrd")) } else { nil }
            plan = try BootPlan.make(
                configuration.boot, kernel: kernel, initrd: initrd, commandLine: Array(configuration.commandLine.utf8),
                ram: configuration.ram)
            self.kernel = kernel
            self.initrd = initrd
        } catch let error as BootError {
            throw MachineFailure(.bootInput, "\(error)")
        } catch let error as MachineFailure {
            throw error
        } catch {
            throw MachineFailure(.inputOutput, "the boot input cannot be read: \(error)")
        }

        // The host's KVM.
        do throws(KVMError) {
            kvm = try KVM()
            let limit = try kvm.maximumCPUs()
            guard configuration.cpus <= limit else { throw .lacks("\(configuration.cpus) vCPUs in one machine; it has \(limit)") }
        } catch {
            throw MachineFailure(.unavailable, "\(error)")
        }

        // The outside world.
        var disks: [any Disk] = []
        for unit in configuration.disks {
            do {
                let base = try descriptors.takeWhole(unit.descriptor, for: "--disk")
                if let delta = unit.delta {
                    disks.append(
                        try DeltaDisk(
                            base: base, delta: try descriptors.takeWhole(delta, for: "--disk delta="), isReadOnly: unit.isReadOnly))
                } else {
                    disks.append(try FileDisk(base, isReadOnly: unit.isReadOnly))
                }
            } catch let failure as MachineFailure {
                throw failure
            } catch {
                throw MachineFailure(.inputOutput, "disk \(unit.id): \(error)")
            }
        }
        self.disks = disks
        do {
            loop = try EventLoop()
            signals = try SignalDescriptor([SIGTERM, SIGINT, SIGHUP])
            ram = try GuestRAM(configuration.ram)
            serial = try Self.openStream("serial", configuration.serial, canWait: false, &descriptors, loop)
            console = try Self.openStream("console", configuration.console, canWait: true, &descriptors, loop)
            let controlStream = try Self.openStream("control", configuration.control, canWait: false, &descriptors, loop)
            control = ControlChannel(controlStream) { _ in }
            serialRoom = try EventCounter(isBlocking: false)
            consoleRoom = try EventCounter(isBlocking: false)
            clockTimer = try TimerDescriptor()
            powerTimer = try TimerDescriptor()
            let poster = controlStream.map { EventPoster(output: $0.output) }
            let limiter = TroubleLimiter()
            let consoleSocket: Board.Sockets.Console? =
                if let console {
                    Board.Sockets.Console(
                        output: console.output, gate: CounterGate(counter: consoleRoom), bell: try EventCounter(isBlocking: false))
                } else { nil }
            let units = zip(configuration.disks, disks)
            sockets = Board.Sockets(
                serial: serial?.output ?? NowhereSink(), serialGate: CounterGate(counter: serialRoom), console: consoleSocket,
                disks: try units.map { unit, disk in
                    Board.Sockets.DiskUnit(id: unit.id, storage: DiskStorage(disk: disk), bell: try EventCounter(isBlocking: true))
                },
                entropyBell: try EventCounter(isBlocking: false), clockAlarm: LoopAlarm(timer: clockTimer),
                timerAlarm: LoopAlarm(timer: powerTimer),
                trouble: { device, detail in
                    if limiter.allows(at: EventLoop.now()) { poster?.send(.deviceError(device: device, detail: detail)) }
                })
            control = ControlChannel(controlStream) { [weak self] in self?.obey($0) }
        } catch let failure as MachineFailure {
            throw failure
        } catch {
            throw MachineFailure(.system, "\(error)")
        }
    }

    private static func openStream(
        _ name: String, _ ends: MachineConfiguration.StreamEnds?, canWait: Bool, _ descriptors: inout DescriptorTable, _ loop: EventLoop
    ) throws -> Stream? {
        guard let ends else { return nil }
        return try Stream(
            name, input: descriptors.take(ends.input, for: "--\(name)"), output: descriptors.take(ends.output, for: "--\(name)"),
            canWait: canWait, loop: loop)
    }

    // MARK: Running

    /// Runs the machine until it is off; nothing is left running after it.
    package func run() -> (status: ExitStatus, reason: String?) {
        RunControl.installKickHandler()
        var result: (status: ExitStatus, reason: String?)
        do throws(MachineFailure) {
            try connect()
            result = try live()
        } catch {
            result = (error.status, error.reason)
        }
        // What the guest was told is written is on the disk's medium before anybody hears of the end.
        for (unit, disk) in zip(configuration.disks, disks) {
            do throws(DiskError) {
                try disk.flush()
            } catch {
                control.send(.deviceError(device: "disk \(unit.id)", detail: "\(error)"))
                if result.status == .success { result = (.inputOutput, "disk \(unit.id): \(error)") }
            }
        }
        control.send(.exiting(status: result.status.rawValue))
        serial?.finish(milliseconds: 1000)
        console?.finish(milliseconds: 1000)
        control.finish()
        return result
    }

    private func live() throws(MachineFailure) -> (ExitStatus, String?) {
        while true {
            let runControl = RunControl(loop: loop.remote)
            let run = try Run(
                configuration, kvm: kvm, ram: ram, plan: plan, kernel: kernel, initrd: initrd, sockets: sockets, control: runControl)
            self.life = run
            self.runControl = runControl
            // Bells may have been rung in the life before.
            for unit in run.board.units { unit.bell.signal() }
            if !hasAnnounced {
                hasAnnounced = true
                control.send(.started(microseconds: (EventLoop.now() - startTime) / 1000))
            }
            try run.start()
            releaseStartupCode()
            do throws(OSError) {
                while !runControl.hasEnded { try loop.run() }
            } catch {
                runControl.end(.stopped)
                run.finish()
                throw MachineFailure(.system, "\(error)")
            }
            run.finish()
            self.life = nil
            self.runControl = nil
            switch runControl.ending ?? .stopped {
            case .reset(let cause):
                control.send(.reset(cause: cause))
                if mustStop { return (.success, nil) }
                ram.clear()
            case .poweredOff:
                control.send(.poweredOff)
                return (.success, nil)
            case .stopped: return (.success, nil)
            case .fault(let fault):
                control.send(.guestFault(kind: fault.kind.rawValue, detail: fault.detail))
                return (.guestFault, "guest fault: \(fault.kind.rawValue): \(fault.detail)")
            case .failed(let error): return (.system, "\(error)")
            }
        }
    }

    private func obey(_ word: ControlChannel.Word) {
        switch word {
        case .powerButton: life?.board.power.pressPowerButton()
        case .reset: runControl?.end(.reset(cause: "host"))
        case .stop:
            mustStop = true
            runControl?.end(.stopped)
        }
    }

    // MARK: The loop

    /// Joins streams, bells and timers to whatever board there is at the moment.
    private func connect() throws(MachineFailure) {
        do throws(OSError) {
            try loop.watch(signals.number, .read) { [weak self] _ in
                while let self, (try? self.signals.next()) ?? nil != nil { self.obey(.stop) }
            }
            try loop.watch(clockTimer.number, .read) { [weak self] _ in
                self?.clockTimer.take()
                self?.life?.board.cmos.alarmFired()
            }
            try loop.watch(powerTimer.number, .read) { [weak self] _ in
                self?.powerTimer.take()
                self?.life?.board.power.alarmFired()
            }
            try watchBell(sockets.entropyBell) { $0.entropy }
            if let console = sockets.console { try watchBell(console.bell) { $0.console } }
            try watchRoom(serialRoom, serial)
            try watchRoom(consoleRoom, console)
        } catch {
            throw MachineFailure(.system, "\(error)")
        }
        serial?.onInput = { [weak self] bytes in
            // Safe because bytes are bytes.
            unsafe self?.life?.board.serial.receive(bytes.span.bytes) ?? bytes.count
        }
        console?.onInput = { [weak self] bytes in
            guard let board = self?.life?.board, let device = board.consoleDevice else { return bytes.count }
            let taken = unsafe device.offer(bytes.span.bytes)
            board.console?.bell.signal()
            return taken
        }
        console?.onRoom = { [weak self] in self?.life?.board.console?.bell.signal() }
        serial?.start()
        console?.start()
        control.start()
    }

    private func watchBell(_ bell: EventCounter, _ unit: @escaping (Board) -> Board.Unit?) throws(OSError) {
        try loop.watch(bell.number, .read) { [weak self] _ in
            bell.take()
            guard let board = self?.life?.board, let device = unit(board)?.device else { return }
            var hasMore = false
            for queue in 0..<device.queueCount where device.process(queue: queue) { hasMore = true }
            // Others on this thread get their turn first.
            if hasMore { bell.signal() }
        }
    }

    private func watchRoom(_ counter: EventCounter, _ stream: Stream?) throws(OSError) {
        guard let stream else { return }
        try loop.watch(counter.number, .read) { [weak stream] _ in
            counter.take()
            stream?.roomForInput()
        }
    }
}

/// The descriptors of the command line: each is taken over once, whatever names it.
private struct DescriptorTable {
    private var taken: [Int32: SharedDescriptor] = [:]
    private var whole: Set<Int32> = []

    mutating func take(_ number: Int32, for option: String) throws(MachineFailure) -> SharedDescriptor {
        if let known = taken[number] { return known }
        guard !whole.contains(number), fcntl(number, F_GETFD) >= 0 else {
            throw MachineFailure(
                .usage, "\(option): descriptor \(number) is not open\(whole.contains(number) ? " any more: a disk has it" : "")")
        }
        let shared = SharedDescriptor(Descriptor(owning: number))
        taken[number] = shared
        return shared
    }

    /// For what has one owner.
    mutating func takeWhole(_ number: Int32, for option: String) throws(MachineFailure) -> Descriptor {
        guard taken[number] == nil, !whole.contains(number), fcntl(number, F_GETFD) >= 0 else {
            throw MachineFailure(.usage, "\(option): descriptor \(number) is not open, or is used twice")
        }
        whole.insert(number)
        return Descriptor(owning: number)
    }
}

/// At most so many reports of trouble in so long, whatever the guest does.
private final class TroubleLimiter: Sendable {
    private static let count = 10
    private static let window: UInt64 = 5_000_000_000

    private let recent = Mutex<[UInt64]>([])

    func allows(at now: UInt64) -> Bool {
        recent.withLock { recent in
            recent.removeAll { now - $0 > Self.window }
            guard recent.count < Self.count else { return false }
            recent.append(now)
            return true
        }
    }
}
