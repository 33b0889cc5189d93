internal import Devices
internal import Host

/// The one board of every machine: buses, bridges, legacy devices, virtio devices, and what they are wired to.
///
/// Built anew at every reset, over the same outside world (`Sockets`).
final class Board: Sendable {
    /// What the board is plugged into.
    struct Sockets: Sendable {
        struct DiskUnit: Sendable {
            let id: String
            let storage: any BlockStorage
            let bell: EventCounter
        }

        struct Line: Sendable {
            let output: any ByteSink
            let gate: any InputGate
        }

        struct Console: Sendable {
            let output: any ByteSink
            let gate: any InputGate
            let bell: EventCounter
        }

        struct NetworkPlug: Sendable {
            let id: String
            let address: [UInt8]
            let mtu: UInt16
            let input: FrameInput
            let output: any FrameSink
            let bell: EventCounter
        }

        var serial: any ByteSink
        /// Whether anybody is behind it: firmware then shows its screen there.
        var hasSerial: Bool
        var debug: (any ByteSink)?
        var serialGate: any InputGate
        var secondSerial: Line?
        var console: Console?
        /// virtio's.
        var disks: [DiskUnit]
        var drives: DrivePlaces?
        var networks: [NetworkPlug]
        var entropyBell: EventCounter
        var clockAlarm: any Alarm
        var timerAlarm: any Alarm
        /// Only with an HPET.
        var eventAlarm: (any Alarm)?
        /// Told of a device's trouble: which, and what.
        var trouble: @Sendable (String, String) -> Void
        /// Told that a driver is at work on a device.
        var driven: @Sendable (String) -> Void
    }

    /// A virtio device and the bell that its worker waits for.
    struct Unit: Sendable {
        let name: String
        let device: VirtioPCI
        let bell: EventCounter
    }

    /// An IDE channel and the bell that its worker waits for.
    struct Channel: Sendable {
        let name: String
        let device: IDEChannel
        let bell: EventCounter
    }

    /// A network interface: its card, in the transport's hands.
    struct Network: Sendable {
        let unit: Unit
        let card: VirtioNetwork

        /// Plugs the cable in or pulls it; the driver is told if that is news.
        func setLink(up: Bool) {
            if card.setLink(up: up) { unit.device.configurationChanged() }
        }
    }

    let ports = Bus(name: "ports", limit: 0x1_0000)
    let windows = Bus(name: "memory")
    let serial: UART16550
    let cmos: CMOS
    let power: PowerBlock
    let hpet: HPET?
    let keyboard: KeyboardController
    let display: TextDisplay
    /// COM2, where something is plugged in.
    let secondSerial: UART16550?
    let disks: [Unit]
    /// The IDE channels, where there are drives on them.
    let channels: [Channel]
    let networks: [Network]
    let entropy: Unit
    let console: Unit?
    let consoleDevice: VirtioConsole?
    private let pci: PCIBus
    private let pciPorts: PCIConfigPorts
    private let pciWindow: PCIConfigWindow

    init(
        machine: VirtualMachine, ram: GuestRAM, _ configuration: MachineConfiguration, beginning: Beginning, sockets: Sockets,
        control: any MachineControl
    ) throws(BusError) {
        let clock = SystemClock()
        let memory = ram.memory
        func line(_ number: UInt32) -> KVMLine { KVMLine(machine: machine, number: number) }

        // What KVM answers itself, and RAM, must never become a device's window.
        for piece in ram.layout.pieces { try windows.reserve(piece.address, count: piece.count) }
        for range in [AddressMap.textMemory, AddressMap.ioAPIC, AddressMap.localAPIC, AddressMap.kvmPages] {
            try windows.reserve(range.lowerBound, count: range.upperBound - range.lowerBound)
        }

        // Legacy devices.
        serial = UART16550(sink: sockets.serial, line: line(AddressMap.com1IRQ), gate: sockets.serialGate)
        let clockLine = SwitchedLine(line(AddressMap.rtcIRQ))
        cmos = CMOS(
            clock: clock, line: clockLine, lowMemory: ram.layout.low, highMemory: ram.layout.high,
            processors: configuration.cpus,
            alarm: sockets.clockAlarm)
        power = PowerBlock(clock: clock, line: line(AddressMap.sciIRQ), machine: control, alarm: sockets.timerAlarm)
        if let alarm = sockets.eventAlarm {
            let hpet = HPET(clock: clock, lines: (0..<24).map { line($0) }, alarm: alarm) { isReplaced in
                clockLine.connect(!isReplaced)
                do throws(KVMError) {
                    try machine.setIntervalTimer(isReplaced: isReplaced)
                } catch {
                    sockets.trouble("hpet", "\(error)")
                }
            }
            try windows.attach(hpet, at: AddressMap.hpet, count: HPET.byteCount)
            self.hpet = hpet
        } else {
            hpet = nil
        }
        if configuration.board == .cloudHypervisor {
            try ports.attach(SleepControl(timer: power, machine: control), at: AddressMap.sleepControl, count: SleepControl.byteCount)
        }
        keyboard = KeyboardController(line: line(AddressMap.keyboardIRQ), machine: control)
        try ports.attach(serial, at: AddressMap.com1, count: 8)
        try ports.attach(cmos, at: AddressMap.cmos, count: 2)
        try ports.attach(keyboard, at: AddressMap.keyboardData, count: 1, offset: 0)
        try ports.attach(keyboard, at: AddressMap.keyboardCommand, count: 1, offset: 4)
        display = TextDisplay(clock: clock)
        try ports.attach(display, at: AddressMap.display, count: AddressMap.displayByteCount)
        if let outside = sockets.secondSerial {
            let serial = UART16550(sink: outside.output, line: line(AddressMap.com2IRQ), gate: outside.gate)
            try ports.attach(serial, at: AddressMap.com2, count: 8)
            secondSerial = serial
        } else {
            secondSerial = nil
        }
        try ports.attach(SystemControl(machine: control), at: AddressMap.systemControl, count: 1)

        if configuration.hasTestDevices {
            try ports.attach(DebugExit(machine: control), at: AddressMap.debugExit, count: 4)
            let lines = (0..<UInt32(TestDevices.lineCount)).map { line($0) }
            try TestDevices(lines: lines, flush: { ram.dropTranslation(of: $0) }).attach(ports: ports, memory: windows)
        }
        if let debug = sockets.debug { try ports.attach(DebugConsole(sink: debug), at: AddressMap.debugConsole, count: 1) }

        // PCI: bridges, then virtio devices in the order given: disks, networks, console, entropy.
        let isaBridge = ISABridge(lines: (0..<16).map { line($0) })
        let powerFunction = PowerFunction(block: power, ports: ports, base: configuration.board.pmBase, isOpen: !beginning.isFirmware)
        var functions: [PCIAddress: any PCIFunction] = [
            AddressMap.hostBridge: HostBridge(device: configuration.board.hostBridge),
            AddressMap.isaBridge: isaBridge,
            AddressMap.powerFunction: powerFunction,
        ]
        if let drives = sockets.drives {
            channels = drives.channels(memory: memory, trouble: sockets.trouble) { line(AddressMap.ideIRQs[$0]) }
            functions[AddressMap.ideFunction] = IDEController(channels: channels.map(\.device), ports: ports)
        } else {
            channels = []
            let empty = EmptyIDEPorts()
            for port in AddressMap.ideCommands { try ports.attach(empty, at: port, count: 8) }
            for port in AddressMap.ideControls { try ports.attach(empty, at: port, count: 1) }
        }
        let messages = MessageInterrupts(machine) { sockets.trouble("interrupts", $0) }
        var slot = AddressMap.firstFreeSlot
        let windows = windows
        let ports = ports
        func plug(_ name: String, _ device: any VirtioDevice, _ bell: EventCounter) -> Unit {
            let address = PCIAddress(device: slot)
            let function = VirtioPCI(
                device, at: address, memory: memory, bus: windows, ports: configuration.isTransitional ? ports : nil,
                sink: messages.sink(vectors: device.queueSizes.count + 1),
                pin: isaBridge.line(device: slot, pin: 1), doorbells: DeviceBell(machine: machine, event: bell),
                whenDriven: { sockets.driven(name == device.identity.name ? name : "\(device.identity.name) \(name)") })
            functions[address] = function
            slot += 1
            return Unit(name: name, device: function, bell: bell)
        }
        disks = sockets.disks.map { unit in
            plug(
                unit.id,
                VirtioBlock(storage: unit.storage, serial: unit.id, trouble: { sockets.trouble("disk \(unit.id)", $0.reason) }), unit.bell)
        }
        networks = sockets.networks.map { socket in
            let card = VirtioNetwork(address: socket.address, mtu: socket.mtu, input: socket.input, output: socket.output)
            return Network(unit: plug(socket.id, card, socket.bell), card: card)
        }
        if let outside = sockets.console {
            let device = VirtioConsole(sink: outside.output, gate: outside.gate)
            console = plug("virtio-console", device, outside.bell)
            consoleDevice = device
        } else {
            console = nil
            consoleDevice = nil
        }
        entropy = plug("virtio-rng", VirtioEntropy(source: KernelEntropy()), sockets.entropyBell)

        pci = PCIBus(functions)
        pciPorts = PCIConfigPorts(bus: pci, machine: control)
        try ports.attach(pciPorts, at: AddressMap.pciConfig, count: 8)
        pciWindow = PCIConfigWindow(bus: pci)
        switch beginning {
        case .kernel:
            let ecam = AddressMap.ecam
            try windows.attach(pciWindow, at: ecam.lowerBound, count: ecam.upperBound - ecam.lowerBound)
            pci.placeWindows()
        case .firmware(let firmware, _, let payload):
            // Firmware places windows itself, and is told of the machine.
            try firmware.attach(to: windows)
            let layout = ram.layout
            let items = FirmwareItems(
                cpus: configuration.cpus, ram: layout, payload: payload,
                disks: disks.map { FirmwareItems.name(ofDiskAt: $0.device.address) } + (sockets.drives?.bootNames ?? []),
                hasSerialConsole: sockets.hasSerial,
                setting: {
                    var setting = ACPITables.Setting()
                    setting.pmBase = powerFunction.base ?? AddressMap.pmBase
                    setting.ecam = nil
                    setting.hasHPET = configuration.hasHPET
                    setting.pciMemory = max(layout.low, AddressMap.firmwarePCIFloor)..<AddressMap.ioAPIC.lowerBound
                    return setting
                })
            try ports.attach(
                items.device(memory: memory), at: AddressMap.firmwareConfiguration, count: FirmwareConfiguration.portCount)
        }
    }

    var units: [Unit] { disks + networks.map(\.unit) + [entropy] + (console.map { [$0] } ?? []) }

    /// No device touches guest memory or interrupts after this, and the board is taken apart: buses know devices and devices know buses, so it would
    /// not go away by itself.
    func shutDown() {
        for unit in units { unit.device.shutDown() }
        pci.reset()
        ports.detach(pciPorts, at: AddressMap.pciConfig)
        if let hpet { windows.detach(hpet, at: AddressMap.hpet) }
        windows.detach(pciWindow, at: AddressMap.ecam.lowerBound)
    }
}
