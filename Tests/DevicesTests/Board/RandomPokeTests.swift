import Devices
import Testing

/// The whole board under a blind poker: every register of every device, at every width and offset, with values of every kind. Nothing may trap, and in the end each device still works.
@Suite struct RandomPokeTests {
    struct Board {
        let ports = Bus(name: "ports", limit: 0x1_0000)
        let mmio = Bus(name: "memory")
        let memory = makeMemory()
        let machine = RecordingMachine()
        let clock = ManualClock()
        let lines = (0..<16).map { _ in RecordingLine() }
        let storage = MemoryStorage(sectors: 256)
        let uart: UART16550
        let cmos: CMOS
        let power: PowerBlock
        let functions: [VirtioPCI]
        let pci: PCIBus

        init() throws {
            uart = UART16550(sink: CountingSink(), line: lines[4])
            cmos = CMOS(clock: clock, line: lines[8], lowMemory: 1 << 20, highMemory: 0, processors: 1)
            power = PowerBlock(clock: clock, line: lines[9], machine: machine)
            let isa = ISABridge(lines: lines)
            let devices: [any VirtioDevice] = [
                VirtioBlock(storage: storage, serial: "poke"), VirtioEntropy(source: FixedEntropy()),
                VirtioConsole(sink: CountingSink()),
                VirtioNetwork(address: [2, 0, 0, 0, 0, 1], input: FrameInput(), output: RecordSink()),
            ]
            var places: [PCIAddress: any PCIFunction] = [
                AddressMap.hostBridge: HostBridge(), AddressMap.isaBridge: isa,
                AddressMap.powerFunction: PowerFunction(block: power, ports: ports),
            ]
            var functions: [VirtioPCI] = []
            for (index, device) in devices.enumerated() {
                let slot = AddressMap.firstFreeSlot + UInt8(index)
                let function = VirtioPCI(
                    device, at: PCIAddress(device: slot), memory: memory, bus: mmio, sink: RecordingSink(),
                    pin: isa.line(device: slot, pin: 1), doorbells: RecordingDoorbells())
                functions.append(function)
                places[PCIAddress(device: slot)] = function
            }
            self.functions = functions
            pci = PCIBus(places)
            for range in memory.ranges { try mmio.reserve(range.lowerBound, count: range.upperBound - range.lowerBound) }
            try mmio.reserve(AddressMap.ioAPIC.lowerBound, count: 0x1000)
            try mmio.reserve(AddressMap.localAPIC.lowerBound, count: 0x10_0000)
            try ports.attach(PCIConfigPorts(bus: pci, machine: machine), at: AddressMap.pciConfig, count: 8)
            try ports.attach(uart, at: AddressMap.com1, count: 8)
            try ports.attach(cmos, at: AddressMap.cmos, count: 2)
            let keyboard = KeyboardController(line: lines[1], machine: machine)
            try ports.attach(keyboard, at: AddressMap.keyboardData, count: 1)
            try ports.attach(keyboard, at: AddressMap.keyboardCommand, count: 1, offset: 4)
            try ports.attach(SystemControl(machine: machine), at: AddressMap.systemControl, count: 1)
            try ports.attach(DebugExit(machine: machine), at: AddressMap.debugExit, count: 4)
            try ports.attach(DebugConsole(sink: CountingSink()), at: AddressMap.debugConsole, count: 1)
            pci.placeWindows()
        }

        func run() {
            for function in functions {
                for queue in 0..<function.queueCount {
                    var turns = 0
                    while turns < 50, function.process(queue: queue) { turns += 1 }
                }
            }
        }
    }

    /// Numbers that break things more often than others.
    static func value(_ random: inout Seeded) -> UInt64 {
        switch Int.random(in: 0..<8, using: &random) {
        case 0: 0
        case 1: .max
        case 2: 1 << UInt64.random(in: 0..<64, using: &random)
        case 3: UInt64.random(in: 0..<16, using: &random)
        case 4: UInt64.random(in: 0..<0x30_0000, using: &random) & ~15
        case 5: 0xFFFF_FFF0
        case 6: AddressMap.pciMemory.lowerBound + UInt64.random(in: 0..<0x200_0000, using: &random) & ~0x7FFF
        default: random.next()
        }
    }

    @Test(arguments: [0x5EED_0001, 0x5EED_0002, 0x5EED_0003, 0x5EED_0004] as [UInt64])
    func `H44 a blind poker finds nothing to break`(seed: UInt64) throws {
        var random = Seeded(seed: seed)
        let board = try Board()
        let groups: [UInt64] = [0x60, 0x64, 0x70, 0x92, 0xF4, 0x3F8, 0x2F8, 0x402, 0x600, 0xB000, 0xCF8, 0xCFC]
        for step in 0..<40_000 {
            let count = [1, 2, 4, 8, 3, 7].randomElement(using: &random) ?? 1
            switch Int.random(in: 0..<8, using: &random) {
            case 0, 1:
                let port = (groups.randomElement(using: &random) ?? 0) &+ UInt64.random(in: 0..<16, using: &random)
                if Bool.random(using: &random) {
                    board.ports.write(port, count: count, value: Self.value(&random))
                } else {
                    _ = board.ports.read(port, count: count)
                }
            case 2:
                let index = UInt8.random(in: 0..<48, using: &random)
                let offset = Int.random(in: -8..<4200, using: &random)
                let width = AccessWidth.allCases.randomElement(using: &random) ?? .one
                board.pci.write(bus: 0, index: index, offset: offset, width: width, value: Self.value(&random))
                _ = board.pci.read(bus: 0, index: index, offset: offset, width: width)
            case 3, 4, 5:
                let function = board.functions.randomElement(using: &random) ?? board.functions[0]
                let base = function.windowAddress ?? AddressMap.pciMemory.lowerBound
                let part = ([0, 0, 0, 0x1000, 0x2000, 0x3000, 0x4000, 0x6000, 0x7000] as [UInt64]).randomElement(using: &random) ?? 0
                let place = base &+ part &+ UInt64.random(in: 0..<0x48, using: &random)
                if Bool.random(using: &random) {
                    board.mmio.write(place, count: count, value: Self.value(&random))
                } else {
                    _ = board.mmio.read(place, count: count)
                }
            case 6:
                let place = UInt64.random(in: 0..<0x8000, using: &random)
                board.memory.store(Self.value(&random), at: place)
            default:
                board.clock.advance(UInt64.random(in: 0..<10_000_000, using: &random))
                board.run()
            }
            if step % 1000 == 0 { for function in board.functions { drive(function, board, &random) } }
        }
        // P5: after a reset every device works.
        board.pci.reset()
        board.uart.reset()
        board.cmos.reset()
        board.power.reset()
        board.pci.placeWindows()
        for function in board.functions {
            let base = try #require(function.windowAddress)
            #expect(board.mmio.read(base + 0x14, count: 1) == 0)
            for status in [1, 3] as [UInt64] { board.mmio.write(base + 0x14, count: 1, value: status) }
            board.mmio.write(base + 8, count: 4, value: 1)
            board.mmio.write(base + 0xC, count: 4, value: 1)
            board.mmio.write(base + 0x14, count: 1, value: 0xB)
            #expect(board.mmio.read(base + 0x14, count: 1) == 0xB)
        }
        #expect(board.power.read(offset: 4, width: .two) == 1)
    }

    /// Brings a device as far as running, so that the poking reaches past the first state: rings where the poker writes.
    private func drive(_ function: VirtioPCI, _ board: Board, _ random: inout Seeded) {
        board.pci.write(bus: 0, index: UInt8(function.address.device) << 3, offset: 4, width: .two, value: 6)
        guard let base = function.windowAddress else { return }
        func write(_ offset: UInt64, _ count: Int, _ value: UInt64) { board.mmio.write(base + offset, count: count, value: value) }
        for status in [0, 1, 3] as [UInt64] { write(0x14, 1, status) }
        write(0x08, 4, 0)
        write(0x0C, 4, board.mmio.read(base + 4, count: 4) & (Bool.random(using: &random) ? .max : 0))
        write(0x08, 4, 1)
        write(0x0C, 4, 1)
        write(0x14, 1, 0xB)
        for queue in 0..<UInt64(function.queueCount) {
            write(0x16, 2, queue)
            write(0x18, 2, 16)
            write(0x20, 8, 0x1000 * (queue + 1))
            write(0x28, 8, 0x1000 * (queue + 1) + 0x200)
            write(0x30, 8, 0x1000 * (queue + 1) + 0x400)
            write(0x1C, 2, 1)
        }
        write(0x14, 1, 0xF)
    }

    @Test func `every register of the board answers every width at every offset`() throws {
        let board = try Board()
        for port in 0..<0x1_0000 as Range<UInt64> {
            for count in [1, 2, 4] { _ = board.ports.read(port, count: count) }
            // Not the switches that move or reset things.
            for count in [1, 2, 4] { board.ports.write(port, count: count, value: port ^ 0x55) }
        }
        for function in board.functions {
            board.pci.reset()
            board.pci.placeWindows()
            let base = try #require(function.windowAddress)
            for offset in 0..<0x8008 as Range<UInt64> {
                for count in [1, 2, 4, 8] {
                    _ = board.mmio.read(base + offset, count: count)
                    board.mmio.write(base + offset, count: count, value: .max)
                }
            }
        }
    }
}
