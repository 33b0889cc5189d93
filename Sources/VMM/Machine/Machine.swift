internal import Devices
internal import Glibc
internal import Host
internal import Processor

/// A machine for the life of its process: the outside world, and one run after another until it is off.
package final class Machine {
    private let configuration: MachineConfiguration
    private let kvm: KVM
    private let cpu: GuestCPU
    private let loop: EventLoop
    private let ram: GuestRAM
    private let beginning: Beginning
    private let disks: [any Disk]
    private let ports: [NetworkPort]
    private let sockets: Board.Sockets
    private let serial: Stream?
    private let secondSerial: Stream?
    private let console: Stream?
    private let debug: Stream?
    private var control: ControlChannel
    private let signals: SignalDescriptor
    private let serialRoom: EventCounter
    private let secondSerialRoom: EventCounter
    private let consoleRoom: EventCounter
    private let clockTimer: TimerDescriptor
    private let powerTimer: TimerDescriptor
    /// Only with an HPET.
    private let eventTimer: TimerDescriptor?
    private let startTime: UInt64
    /// The run that is going on.
    private var life: Run?
    private var runControl: RunControl?
    private var hasAnnounced = false
    /// A stop was asked for: it holds even when the run was just ending for another reason, such as a reset.
    private var mustStop = false

    /// Opens and checks everything the command line names, before there is a virtual machine.
    ///
    /// - Parameter startTime: when the program was executed, in nanoseconds of the monotonic clock.
    package init(_ configuration: MachineConfiguration, startTime: UInt64) throws(MachineFailure) {
        self.configuration = configuration
        self.startTime = startTime
        // Before anything is opened here.
        var descriptors = try DescriptorTable(configuration)

        // The boot inputs: a kernel that is none is found first. Words about a device come before the control stream is there.
        let news = TroubleRelay()
        do {
            beginning = try Beginning(configuration, &descriptors, trouble: { news.report("nvram", $0) })
        } catch let error as BootError {
            throw MachineFailure(.bootInput, "\(error)")
        } catch let error as MachineFailure {
            throw error
        } catch {
            throw MachineFailure(.inputOutput, "the boot input cannot be read: \(error)")
        }

        // The host's KVM, and the processors it can give.
        do {
            kvm = try KVM()
            let limit = try kvm.maximumCPUs()
            guard configuration.cpus <= limit else {
                throw KVMError.lacks("\(configuration.cpus) vCPUs in one machine; it has \(limit)")
            }
            if configuration.firmware != nil { try kvm.requireReadOnlyMemory() }
            cpu = try GuestCPU(
                host: try kvm.supportedCPUID(), hasDeadlineTimer: try kvm.hasDeadlineTimer(), choice: configuration.cpu)
        } catch {
            throw MachineFailure(.unavailable, "\(error)")
        }
        guard configuration.ram.top <= 1 << UInt64(cpu.addressBits) else {
            throw MachineFailure(
                .unavailable, "this machine's processors address \(cpu.addressBits) bits, which is less than the memory asked for")
        }

        // The outside world.
        var disks: [any Disk] = []
        for unit in configuration.disks {
            do {
                disks.append(try unit.open(&descriptors))
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
            secondSerial = try Self.openStream("com2", configuration.secondSerial, canWait: false, &descriptors, loop)
            console = try Self.openStream("console", configuration.console, canWait: true, &descriptors, loop)
            debug = try Self.openStream("debug", configuration.debug, canWait: false, &descriptors, loop)
            let controlStream = try Self.openStream("control", configuration.control, canWait: false, &descriptors, loop)
            control = ControlChannel(controlStream) { _ in true }
            let loop = loop
            ports = try configuration.networks.map { unit in
                try NetworkPort(unit.id, stream: try descriptors.share(unit.descriptor), mark: unit.mark, loop: loop)
            }
            serialRoom = try EventCounter(isBlocking: false)
            secondSerialRoom = try EventCounter(isBlocking: false)
            consoleRoom = try EventCounter(isBlocking: false)
            clockTimer = try TimerDescriptor()
            powerTimer = try TimerDescriptor()
            eventTimer = configuration.hasHPET ? try TimerDescriptor() : nil
            let poster = controlStream.map { EventPoster(output: $0.output) }
            let limiter = TroubleLimiter()
            let consoleSocket: Board.Sockets.Console? =
                if let console {
                    Board.Sockets.Console(
                        output: console.output, gate: CounterGate(counter: consoleRoom), bell: try EventCounter(isBlocking: false))
                } else { nil }
            let units = zip(configuration.disks, disks).map { unit, disk in
                (unit: unit, storage: DiskStorage(disk: disk))
            }
            let trouble: @Sendable (String, String) -> Void = { device, detail in
                if limiter.allows(at: EventLoop.now()) { poster?.send(.deviceError(device: device, detail: detail)) }
            }
            news.attach(trouble)
            sockets = Board.Sockets(
                serial: serial?.output ?? NowhereSink(), hasSerial: serial != nil, debug: debug?.output,
                serialGate: CounterGate(counter: serialRoom),
                secondSerial: secondSerial.map { [secondSerialRoom] in
                    Board.Sockets.Line(output: $0.output, gate: CounterGate(counter: secondSerialRoom))
                }, console: consoleSocket,
                disks: try units.filter { $0.unit.bus == .virtio }.map {
                    Board.Sockets.DiskUnit(id: $0.unit.id, storage: $0.storage, bell: try EventCounter(isBlocking: true))
                },
                drives: try DrivePlaces(units.filter { $0.unit.bus != .virtio }),
                networks: zip(configuration.networks, ports).map { unit, port in
                    Board.Sockets.NetworkPlug(
                        id: unit.id, address: unit.address, mtu: unit.mtu, input: port.input, output: port.output, bell: port.bell)
                },
                entropyBell: try EventCounter(isBlocking: false), clockAlarm: LoopAlarm(timer: clockTimer),
                timerAlarm: LoopAlarm(timer: powerTimer), eventAlarm: eventTimer.map { LoopAlarm(timer: $0) }, trouble: trouble,
                driven: DrivenDevices(poster: poster).note)
            control = ControlChannel(controlStream) { [weak self] in self?.obey($0) ?? true }
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
            name, input: descriptors.share(ends.input), output: descriptors.share(ends.output), canWait: canWait, loop: loop)
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
        if let reason = beginning.saveVariables() {
            control.send(.deviceError(device: "nvram", detail: reason))
            if result.status == .success { result = (.inputOutput, "nvram: \(reason)") }
        }
        control.send(.exiting(status: result.status.number))
        debug?.finish(milliseconds: 1000)
        serial?.finish(milliseconds: 1000)
        secondSerial?.finish(milliseconds: 1000)
        console?.finish(milliseconds: 1000)
        control.finish()
        return result
    }

    private func live() throws(MachineFailure) -> (ExitStatus, String?) {
        while true {
            let runControl = RunControl(loop: loop.remote)
            let run = try Run(
                configuration, kvm: kvm, cpu: cpu, ram: ram, beginning: beginning, sockets: sockets, control: runControl)
            self.life = run
            self.runControl = runControl
            for (network, port) in zip(run.board.networks, ports) { network.setLink(up: port.isLinkUp) }
            // Bells may have been rung in the life before.
            for unit in run.board.units { unit.bell.signal() }
            let news = hasAnnounced ? nil : control.poster
            hasAnnounced = true
            try run.start { [startTime, boot = beginning.name] in
                news?.send(.started(microseconds: (EventLoop.now() - startTime) / 1000, boot: boot))
            }
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
            case .debugExit(let value): return (.debugExit(value), nil)
            case .fault(let fault):
                control.send(.guestFault(kind: fault.kind.rawValue, detail: fault.detail))
                return (.guestFault, "guest fault: \(fault.kind.rawValue): \(fault.detail)")
            case .failed(let error): return (.system, "\(error)")
            }
        }
    }

    /// - Returns: false if there is no such thing here as the word speaks of, or the guest has no ear for it.
    private func obey(_ word: ControlChannel.Word) -> Bool {
        switch word {
        case .powerButton: return life?.board.power.pressPowerButton() ?? false
        case .reset: runControl?.end(.reset(cause: "host"))
        case .stop:
            mustStop = true
            runControl?.end(.stopped)
        case .link(let id, let isUp):
            guard let port = ports.first(where: { $0.id == id }) else { return false }
            port.setLink(up: isUp)
        case .portRestart(let id, let mark):
            guard let port = ports.first(where: { $0.id == id }) else { return false }
            port.restart(mark: mark)
        case .screen:
            guard let board = life?.board else { return false }
            let screen = board.display.screen(ram.textMemory)
            control.send(
                .screen(rows: screen?.text ?? [], cursorRow: screen?.cursorRow ?? 0, cursorColumn: screen?.cursorColumn ?? 0))
        case .type(let text): return life?.board.keyboard.type(text: text) ?? false
        }
        return true
    }

    // MARK: The loop

    /// Joins streams, bells and timers to whatever board there is at the moment.
    private func connect() throws(MachineFailure) {
        do throws(OSError) {
            try loop.watch(signals.number, .read) { [weak self] _ in
                while let self, (try? self.signals.next()) ?? nil != nil { _ = self.obey(.stop) }
            }
            try loop.watch(clockTimer.number, .read) { [weak self] _ in
                self?.clockTimer.take()
                self?.life?.board.cmos.alarmFired()
            }
            try loop.watch(powerTimer.number, .read) { [weak self] _ in
                self?.powerTimer.take()
                self?.life?.board.power.alarmFired()
            }
            if let eventTimer {
                try loop.watch(eventTimer.number, .read) { [weak self] _ in
                    eventTimer.take()
                    self?.life?.board.hpet?.alarmFired()
                }
            }
            try watchBell(sockets.entropyBell) { $0.entropy }
            if let console = sockets.console { try watchBell(console.bell) { $0.console } }
            try watchRoom(serialRoom, serial)
            try watchRoom(secondSerialRoom, secondSerial)
            try watchRoom(consoleRoom, console)
            for (index, port) in ports.enumerated() { try connect(port, index) }
        } catch {
            throw MachineFailure(.system, "\(error)")
        }
        serial?.onInput = { [weak self] bytes in
            // Safe because bytes are bytes.
            unsafe self?.life?.board.serial.receive(bytes.span.bytes) ?? bytes.count
        }
        secondSerial?.onInput = { [weak self] bytes in
            // Safe because bytes are bytes.
            unsafe self?.life?.board.secondSerial?.receive(bytes.span.bytes) ?? bytes.count
        }
        console?.onInput = { [weak self] bytes in
            guard let board = self?.life?.board, let device = board.consoleDevice else { return bytes.count }
            let taken = unsafe device.offer(bytes.span.bytes)
            board.console?.bell.signal()
            return taken
        }
        console?.onRoom = { [weak self] in self?.life?.board.console?.bell.signal() }
        serial?.start()
        secondSerial?.start()
        debug?.start()
        console?.start()
        control.start()
    }

    private func connect(_ port: NetworkPort, _ index: Int) throws(OSError) {
        let poster = control.poster
        port.onInput = { [weak self, bell = port.bell] in
            guard let device = self?.life?.board.networks[index].unit.device else { return }
            if device.process(queue: VirtioNetwork.input) { bell.signal() }
        }
        port.onLink = { [weak self, weak port] in
            guard let port else { return }
            self?.life?.board.networks[index].setLink(up: port.isLinkUp)
        }
        port.onBroken = { [id = port.id] in poster?.send(.portBroken(port: id, detail: $0)) }
        try watchBell(port.bell) {
            $0.networks[index].unit
        } then: { [weak port] in
            port?.flush()
        }
        try port.start()
    }

    private func watchBell(_ bell: EventCounter, _ unit: @escaping (Board) -> Board.Unit?, then: @escaping () -> Void = {}) throws(OSError)
    {
        try loop.watch(bell.number, .read) { [weak self] _ in
            bell.take()
            guard let board = self?.life?.board, let device = unit(board)?.device else { return }
            var hasMore = false
            for queue in 0..<device.queueCount where device.process(queue: queue) { hasMore = true }
            then()
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
