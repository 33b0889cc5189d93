import CPU

/// Everything that pulse found and drives.
final class Kernel {
    /// How long other processors may take to wake.
    private static let wakingMilliseconds = 1000
    /// How long the start waits for leases, in microseconds. Later ones are taken as well.
    private static let leasePatience: UInt64 = 5_000_000

    static let version: StaticString = "1.0"

    let startInfo: StartInfo
    let options: Options
    let acpi: ACPI
    let interrupts: Interrupts
    let power: Power
    private(set) var clock = Clock()
    private(set) var functions: [Function] = []
    /// Each function's configuration before anybody touched it.
    private(set) var asFound: [FunctionState] = []
    private(set) var disks: [BlockDevice] = []
    private(set) var entropy: EntropyDevice?
    /// There if there is a card.
    private(set) var network: Network?
    private(set) var terminals: [Terminal] = []
    /// What a device said no with, told once there is somewhere to tell it.
    private var complaints: [Text] = []

    /// The start as a recipe.
    init(_ startInfo: StartInfo) {
        self.startInfo = startInfo
        options = Options(startInfo.commandLine)
        acpi = ACPI(rootPointer: startInfo.rootPointer)
        interrupts = Interrupts(options.interrupts, ioapic: acpi.ioapic)
        power = Power(registers: acpi.power)
        clock.timerPort = acpi.power.timer
        openSerialPort()
        functions = Bus.scan()
        asFound = functions.map { FunctionState(of: $0) }
        for function in functions where function.vendor == Transport.vendor { drive(function) }
        armPowerButton()
    }

    /// After blind writes: every register that the start had set, set again, and every virtio device reset and begun anew.
    func recover() {
        for state in asFound { state.restore() }
        for function in functions {
            guard let transport = transport(of: function) else { continue }
            function.enable(lineInterrupt: false)
            transport.reset()
        }
        interrupts.reset()
        network?.timer.forgetAlarm()
        interrupts.route(acpi.serialInterrupt, to: Interrupts.Vector.serial)
        armPowerButton()
        disks = []
        entropy = nil
        for function in functions where function.vendor == Transport.vendor { drive(function) }
        for terminal in terminals { terminal.reconfigure() }
    }

    private func openSerialPort() {
        guard let port = SerialPort(interrupts: interrupts) else { return }
        interrupts.route(acpi.serialInterrupt, to: Interrupts.Vector.serial)
        terminals.append(Terminal(.serial(port)))
    }

    private func drive(_ function: Function) {
        do throws(Fault) {
            switch Self.deviceType(of: function) {
            case BlockDevice.deviceType: disks.append(try BlockDevice(function, interrupts: interrupts))
            case EntropyDevice.deviceType where entropy == nil: entropy = try EntropyDevice(function, interrupts: interrupts)
            case ConsoleDevice.deviceType: open(try ConsoleDevice(function, interrupts: interrupts))
            case NetworkDevice.deviceType: connect(try networkDevice(function))
            default: return
            }
        } catch {
            complaints.append("pulse: \(hex: function.bus, width: 2):\(hex: function.device, width: 2): \(error.text)")
        }
    }

    /// A console that is known already, and was begun anew, keeps its terminal and the line being typed there.
    private func open(_ console: ConsoleDevice) {
        for terminal in terminals where terminal.transport?.function == console.transport.function {
            return terminal.use(console)
        }
        terminals.append(Terminal(.console(console)))
    }

    /// - Parameter extra: features beyond those that pulse wants by itself.
    func networkDevice(_ function: Function, extra: UInt64 = 0, isListening: Bool = true) throws(Fault) -> NetworkDevice {
        let features = extra | (options.hasOffloads ? NetworkDevice.Feature.offloads : 0)
        return try NetworkDevice(function, extra: features, isListening: isListening, interrupts: interrupts)
    }

    private func connect(_ device: NetworkDevice) {
        let network = network ?? Network(timer: Timer(clock: clock, interrupts: interrupts))
        self.network = network
        network.add(device, setting: options.network(network.interfaces.count))
    }

    /// Modern ids are 0x1040 and the type; transitional ones begin at 0x1000 in an order of their own.
    private static func deviceType(of function: Function) -> UInt16 {
        switch function.identity {
        case 0x1040...0x107F: function.identity - 0x1040
        case 0x1000: NetworkDevice.deviceType
        case 0x1001: BlockDevice.deviceType
        case 0x1003: ConsoleDevice.deviceType
        case 0x1005: EntropyDevice.deviceType
        default: 0
        }
    }

    private func armPowerButton() {
        power.armButton()
        interrupts.route(acpi.systemControlInterrupt, to: Interrupts.Vector.systemControl)
    }

    /// Prints on every terminal.
    func say(_ text: Text) {
        for terminal in terminals { terminal.print(text) }
    }

    /// The banner, the commands of the command line, then whatever is typed.
    func run() -> Never {
        say("pulse \(Self.version): \(startInfo.mebibytes) MiB, command line: \(startInfo.commandLine)")
        for complaint in complaints { say(complaint) }
        awaitLeases()
        say("pulse: ready")
        let shell = Shell(self)
        for command in options.commands { for terminal in terminals.prefix(1) { shell.perform(command, on: terminal) } }
        for terminal in terminals { terminal.prompt() }
        while true {
            var isIdle = true
            for terminal in terminals {
                while let line = terminal.readLine() {
                    shell.perform(line[...], on: terminal)
                    terminal.prompt()
                    isIdle = false
                }
            }
            if power.takeButton() { powerOff() }
            if isIdle { wait() }
        }
    }

    private func awaitLeases() {
        guard let network else { return }
        let deadline = network.timer.now &+ Self.leasePatience
        _ = serveNetwork()
        while !network.isReady, network.timer.now < deadline { wait(until: deadline) }
    }

    /// Handles what the network brought; whether that was anything.
    private func serveNetwork() -> Bool {
        guard let network else { return false }
        let wasBusy = network.serve()
        for text in network.takeNews() { say(text) }
        return wasBusy
    }

    /// Sleeps until any device said something, or a time in microseconds has come; the network is served then.
    ///
    /// Nothing is missed in between: interrupts are taken in the sleep only, so one that came before it ends it at once.
    func wait(until deadline: UInt64? = nil) {
        if serveNetwork() { return }
        if let network, let wanted = [deadline, network.deadline].compactMap({ $0 }).min() {
            guard network.timer.now < wanted else { return }
            network.timer.wake(at: wanted)
        }
        interrupts.wait()
        for disk in disks { disk.transport.quiet() }
        entropy?.transport.quiet()
        for interface in network?.interfaces ?? [] { interface.device.transport.quiet() }
        for terminal in terminals { terminal.quiet() }
        _ = serveNetwork()
    }

    /// Flushes, says good-bye and leaves. Returns only if the machine cannot power off.
    func powerOff() {
        for disk in disks where !disk.isReadOnly { try? disk.flush() }
        say("pulse: powering off")
        power.off()
    }

    /// The transport of a function that has a driver.
    func transport(of function: Function) -> Transport? {
        for disk in disks where disk.transport.function == function { return disk.transport }
        if let entropy, entropy.transport.function == function { return entropy.transport }
        for interface in network?.interfaces ?? [] where interface.device.transport.function == function {
            return interface.device.transport
        }
        for terminal in terminals { if let transport = terminal.transport, transport.function == function { return transport } }
        return nil
    }

    /// Wakes the processors that the ACPI tables list; how many run, this one included.
    func wakeProcessors() -> UInt64 {
        let page: UInt64 = 0x8000
        copy_bytes(page, processor_start_address(), processor_start_size())
        let own = UInt8(truncatingIfNeeded: read_cpuid(1).ebx >> 24)
        for processor in acpi.processors where processor != own {
            interrupts.start(processor: processor, page: UInt8(page >> 12), clock: clock)
        }
        let expected = UInt64(max(acpi.processors.count, 1) - 1)
        let counter = page &+ processor_start_size() &- 2
        for _ in 0..<Self.wakingMilliseconds where UInt64(load16(counter)) < expected {
            clock.delay(microseconds: 1000)
        }
        return 1 + UInt64(load16(counter))
    }

    /// Device memory that is mapped and decoded now.
    var bars: [UInt64] {
        var found: [UInt64] = []
        for function in functions where !function.isBridge {
            for index in 0..<6 as Range<UInt8> {
                guard let address = function.bar(index), (try? Pages.map(address, length: 0x5000)) != nil else { continue }
                found.append(address)
            }
        }
        return found
    }
}
