import Devices
import Testing

@Suite struct PCIConfigTests {
    private let machine = RecordingMachine()
    private let lines = (0..<16).map { _ in RecordingLine() }
    private let ports = Bus(name: "ports", limit: 0x1_0000)
    private let block: PowerBlock
    private let power: PowerFunction
    private let isa: ISABridge

    init() throws {
        let clock = ManualClock()
        block = PowerBlock(clock: clock, line: lines[9], machine: machine)
        isa = ISABridge(lines: lines)
        power = PowerFunction(block: block, ports: ports)
        let bus = PCIBus([AddressMap.hostBridge: HostBridge(), AddressMap.isaBridge: isa, AddressMap.powerFunction: power])
        try ports.attach(PCIConfigPorts(bus: bus, machine: machine), at: AddressMap.pciConfig, count: 8)
    }

    private func select(_ device: UInt64, _ function: UInt64 = 0, _ register: UInt64, bus: UInt64 = 0) {
        ports.write(0xCF8, count: 4, value: 0x8000_0000 | bus << 16 | device << 11 | function << 8 | (register & 0xFC))
    }

    private func read(_ device: UInt64, _ function: UInt64 = 0, _ register: UInt64, _ count: Int) -> UInt64 {
        select(device, function, register)
        return ports.read(0xCFC + (register & 3), count: count)
    }

    private func write(_ device: UInt64, _ function: UInt64 = 0, _ register: UInt64, _ count: Int, _ value: UInt64) {
        select(device, function, register)
        ports.write(0xCFC + (register & 3), count: count, value: value)
    }

    @Test func `a closed power management block is nowhere until firmware opens it`() throws {
        let ports = Bus(name: "ports", limit: 0x1_0000)
        let power = PowerFunction(block: block, ports: ports, isOpen: false)
        #expect(power.base == nil && ports.read(0x604, count: 2) == 0xFFFF)
        // As firmware does that first looks whether somebody has opened it already.
        #expect(power.readConfig(offset: 0x80, width: .one) & 1 == 0)
        power.writeConfig(offset: 0x40, width: .four, value: 0xB001)
        power.writeConfig(offset: 0x80, width: .one, value: 1)
        #expect(power.base == 0xB000 && ports.read(0xB004, count: 2) == 1 && ports.read(0x604, count: 2) == 0xFFFF)
        power.resetFunction()
        #expect(power.base == nil && ports.read(0xB004, count: 2) == 0xFFFF)
    }

    @Test func `the board shows the ids that firmware decides by`() {
        #expect(read(0, 0, 0, 4) == 0x1237_8086)
        #expect(read(0, 0, 8, 4) == 0x0600_0002)
        #expect(read(1, 0, 0, 4) == 0x7000_8086)
        #expect(read(1, 0, 0x0A, 2) == 0x0601)
        #expect(read(1, 0, 0x0E, 1) == 0x80)
        #expect(read(1, 3, 0, 4) == 0x7113_8086)
        #expect(read(1, 3, 0x0A, 2) == 0x0680)
    }

    @Test func `H19 absent functions, devices and buses are all ones and swallow writes`() {
        for register in stride(from: 0, to: 256, by: 4) as StrideTo<UInt64> {
            #expect(read(1, 1, register, 4) == 0xFFFF_FFFF)
            #expect(read(31, 7, register, 4) == 0xFFFF_FFFF)
            write(5, 0, register, 4, 0)
            select(0, 0, register, bus: 1)
            #expect(ports.read(0xCFC, count: 4) == 0xFFFF_FFFF)
            ports.write(0xCFC, count: 4, value: 0)
        }
        #expect(read(0, 0, 0, 4) == 0x1237_8086)
    }

    @Test func `H19 configuration space in memory is the same space, and nothing beyond it`() throws {
        let memory = Bus(name: "memory")
        let bus = PCIBus([AddressMap.hostBridge: HostBridge(), AddressMap.isaBridge: isa, AddressMap.powerFunction: power])
        let base = AddressMap.ecam.lowerBound
        try memory.attach(PCIConfigWindow(bus: bus), at: base, count: 1 << 20)
        func place(_ device: UInt64, _ function: UInt64, _ register: UInt64) -> UInt64 { base + (device << 15 | function << 12 | register) }
        #expect(memory.read(place(0, 0, 0), count: 4) == 0x1237_8086 && memory.read(place(1, 3, 2), count: 2) == 0x7113)
        #expect(memory.read(place(1, 3, 1), count: 2) == 0x1380, "unaligned")
        #expect(memory.read(place(1, 0, 0), count: 8) & 0xFFFF_FFFF == 0x7000_8086)
        memory.write(place(0, 0, 0x41), count: 1, value: 0xA5)
        #expect(memory.read(place(0, 0, 0x40), count: 4) == 0xA500)
        memory.write(place(1, 0, 0x60), count: 1, value: 0x0B)
        #expect(read(1, 0, 0x60, 1) == 0x0B, "by the ports as well")
        for address in [place(0, 0, 0x100), place(0, 0, 0xFFC), place(1, 1, 0), place(31, 7, 0xFFF), place(5, 0, 0)] {
            for count in 1...8 {
                memory.write(address, count: count, value: 0)
                let isWhole = address + UInt64(count) <= base + 1 << 20
                let allOnes = UInt64.max >> UInt64(64 - 8 * count)
                if isWhole, address & 0xFFF < 0xFF8 { #expect(memory.read(address, count: count) == allOnes, "\(address) \(count)") }
            }
        }
        #expect(memory.read(place(0, 0, 0), count: 4) == 0x1237_8086)
    }

    @Test func `H19 without the enable bit nothing is configured`() {
        ports.write(0xCF8, count: 4, value: 0x0000_0000)
        #expect(ports.read(0xCFC, count: 4) == 0xFFFF_FFFF)
        ports.write(0xCFC, count: 4, value: 0x1234_5678)
        #expect(read(0, 0, 0, 4) == 0x1237_8086)
    }

    @Test func `the address register is one of four bytes and keeps only bits that exist`() {
        ports.write(0xCF8, count: 4, value: 0xFFFF_FFFF)
        #expect(ports.read(0xCF8, count: 4) == 0x80FF_FFFC)
        for (port, count) in [(0xCF8, 1), (0xCF8, 2), (0xCFA, 2), (0xCFB, 1)] as [(UInt64, Int)] {
            ports.write(port, count: count, value: 0)
            #expect(ports.read(port, count: count) == (count == 1 ? 0xFF : 0xFFFF))
        }
        #expect(ports.read(0xCF8, count: 4) == 0x80FF_FFFC)
    }

    @Test func `data is read in any width and place`() {
        select(0, 0, 0)
        #expect(ports.read(0xCFC, count: 1) == 0x86)
        #expect(ports.read(0xCFD, count: 1) == 0x80)
        #expect(ports.read(0xCFE, count: 2) == 0x1237)
        #expect(ports.read(0xCFD, count: 2) == 0x3780)
        // Past the end of the data ports there is nobody.
        #expect(ports.read(0xCFE, count: 4) == 0xFFFF_1237)
        #expect(ports.read(0xCFC, count: 8) == 0xFFFF_FFFF_1237_8086)
    }

    @Test func `H19 every width at every offset leaves read-only bits as they are`() {
        for (device, function) in [(0, 0), (1, 0), (1, 3)] as [(UInt64, UInt64)] {
            let ids = read(device, function, 0, 4)
            for register in 0..<256 as Range<UInt64> {
                for count in [1, 2, 4] {
                    write(device, function, register, count, .max)
                    write(device, function, register, count, 0)
                    _ = read(device, function, register, count)
                }
            }
            #expect(read(device, function, 0, 4) == ids)
        }
    }

    @Test func `the memory attribute registers store what they are told`() {
        write(0, 0, 0x59, 1, 0x30)
        write(0, 0, 0x5A, 2, 0x3333)
        #expect(read(0, 0, 0x58, 4) == 0x3333_3000)
    }

    @Test func `port CF9 resets and is no part of the address register`() {
        select(0, 0, 0)
        ports.write(0xCF9, count: 1, value: 0x02)
        #expect(ports.read(0xCF9, count: 1) == 0x02)
        #expect(machine.resets.isEmpty)
        ports.write(0xCF9, count: 1, value: 0x06)
        #expect(machine.resets == [.portCF9])
        #expect(ports.read(0xCFC, count: 4) == 0x1237_8086)
    }

    @Test func `interrupt pins follow the routes that firmware sets`() {
        let pin = isa.line(device: 2, pin: 1)
        let other = isa.line(device: 6, pin: 1)
        pin.setLevel(true)
        #expect(lines[11].level && !lines[10].level)
        // Device 2's INTA is PIRQB.
        write(1, 0, 0x61, 1, 5)
        #expect(lines[5].level && !lines[11].level)
        other.setLevel(true)
        pin.setLevel(false)
        #expect(lines[5].level)
        write(1, 0, 0x60, 4, 0x8080_8080)
        #expect(!lines[5].level)
        // Interrupts 0, 1, 2, 8 and 13 cannot be reached.
        for route in [0, 1, 2, 8, 13] as [UInt64] {
            write(1, 0, 0x61, 1, route)
            #expect(lines.allSatisfy { !$0.level })
        }
        write(1, 0, 0x61, 1, 9)
        #expect(lines[9].level)
        other.setLevel(false)
        #expect(lines.allSatisfy { !$0.level })
    }

    @Test func `the power block follows its base and its switch`() {
        #expect(power.base == AddressMap.pmBase)
        #expect(ports.read(0x604, count: 2) == 1)
        write(1, 3, 0x40, 4, 0xB000)
        #expect(read(1, 3, 0x40, 4) == 0xB001)
        #expect(ports.read(0x604, count: 2) == 0xFFFF)
        #expect(ports.read(0xB004, count: 2) == 1)
        write(1, 3, 0x80, 1, 0)
        #expect(ports.read(0xB004, count: 2) == 0xFFFF)
        // A place that is taken closes it; a free one opens it again.
        write(1, 3, 0x80, 1, 1)
        write(1, 3, 0x40, 4, 0x0CC0)
        #expect(power.base == nil)
        #expect(read(0, 0, 0, 4) == 0x1237_8086)
        write(1, 3, 0x40, 4, 0xFFC0)
        #expect(ports.read(0xFFC4, count: 2) == 1)
        power.resetFunction()
        #expect(power.base == AddressMap.pmBase)
    }
}
