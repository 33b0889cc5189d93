import Devices
import Testing

@Suite struct KeyboardControllerTests {
    private let line = RecordingLine()
    private let machine = RecordingMachine()
    private let keyboard: KeyboardController

    init() {
        keyboard = KeyboardController(line: line, machine: machine)
    }

    private func command(_ value: UInt8) { keyboard.writeByte(offset: 4, value: value) }
    private func data(_ value: UInt8) { keyboard.writeByte(offset: 0, value: value) }
    private var status: UInt8 { keyboard.readByte(offset: 4) }
    private func read() -> UInt8 { keyboard.readByte(offset: 0) }

    private func answers() -> [UInt8] {
        var bytes: [UInt8] = []
        while status & 1 != 0, bytes.count < 100 { bytes.append(read()) }
        return bytes
    }

    @Test func `the self test passes, the keyboard's wire is good, the mouse's is not`() {
        command(0xAA)
        #expect(status & 0x05 == 0x05)
        #expect(answers() == [0x55])
        command(0xAB)
        #expect(answers() == [0x00])
        command(0xA9)
        #expect(answers() == [0x01])
        command(0xD3)
        data(0x5A)
        #expect(status & 0x20 == 0)
        #expect(answers() == [0x5A])
    }

    @Test func `the configuration byte and the output port are kept`() {
        command(0x20)
        #expect(answers() == [0x65])
        command(0x60)
        #expect(status & 0x08 != 0)
        data(0x44)
        #expect(status & 0x08 == 0)
        command(0x20)
        #expect(answers() == [0x44])
        command(0xD1)
        data(0xDD)
        command(0xD0)
        #expect(answers() == [0xDD])
        command(0xDF)
        command(0xD0)
        #expect(answers() == [0xDF])
    }

    @Test func `the reset pulse, and only the reset pulse, resets`() {
        command(0xFF)
        command(0xF1)
        command(0xD1)
        data(0x03)
        #expect(machine.resets.isEmpty)
        command(0xFE)
        #expect(machine.resets == [.keyboard])
        command(0xF0)
        command(0xD1)
        data(0x02)
        #expect(machine.resets.count == 3)
    }

    @Test func `a keyboard at rest answers its driver and interrupts for each byte`() {
        data(0xFF)
        #expect(line.level)
        #expect(answers() == [0xFA, 0xAA])
        #expect(!line.level)
        #expect(line.edges == 2)
        data(0xF2)
        #expect(answers() == [0xFA, 0xAB, 0x83])
        data(0xED)
        data(0x07)
        #expect(answers() == [0xFA, 0xFA])
        data(0xEE)
        data(0x42)
        #expect(answers() == [0xEE, 0xFE])
    }

    @Test func `a disabled keyboard keeps still until it is enabled`() {
        command(0xAD)
        keyboard.pressControlAltDelete()
        #expect(status & 1 == 0)
        command(0xAE)
        #expect(answers() == [0x1D, 0x38, 0xE0, 0x53, 0xE0, 0xD3, 0xB8, 0x9D])
    }

    @Test func `nothing grows however much is asked`() {
        for _ in 0..<1000 {
            command(0x20)
            data(0xF2)
            keyboard.pressControlAltDelete()
        }
        #expect(answers().count <= 64)
        #expect(keyboard.readByte(offset: 1) == 0xFF)
    }
}

@Suite struct DebugPortsTests {
    private let machine = RecordingMachine()

    @Test func `the debug console listens and says so`() throws {
        let sink = CollectingSink()
        let bus = Bus(name: "ports", limit: 0x1_0000)
        try bus.attach(DebugConsole(sink: sink), at: AddressMap.debugConsole, count: 1)
        #expect(bus.read(0x402, count: 1) == 0xE9)
        bus.write(0x402, count: 1, value: 0x41)
        bus.write(0x402, count: 4, value: 0x4443_4241)
        #expect(sink.text == "AA")
    }

    @Test func `the debug exit hands its number over`() throws {
        let bus = Bus(name: "ports", limit: 0x1_0000)
        try bus.attach(DebugExit(machine: machine), at: AddressMap.debugExit, count: 4)
        bus.write(0xF4, count: 1, value: 0x21)
        bus.write(0xF4, count: 4, value: 0xFFFF_FFFF)
        bus.write(0xF5, count: 1, value: 9)
        #expect(machine.exits == [0x21, 0xFFFF_FFFF])
    }

    @Test func `port 92 resets when its bit rises`() {
        let control = SystemControl(machine: machine)
        control.writeByte(offset: 0, value: 0x02)
        #expect(control.readByte(offset: 0) == 0x02)
        control.writeByte(offset: 0, value: 0x03)
        control.writeByte(offset: 0, value: 0x03)
        #expect(machine.resets == [.port92])
    }
}
