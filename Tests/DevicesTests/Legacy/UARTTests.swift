import Devices
import Testing

@Suite struct UARTTests {
    private let sink = CollectingSink()
    private let line = RecordingLine()
    private let gate = CountingGate()
    private let uart: UART16550

    init() {
        uart = UART16550(sink: sink, line: line, gate: gate)
    }

    private func read(_ offset: UInt64) -> UInt8 { uart.readByte(offset: offset) }
    private func write(_ offset: UInt64, _ value: UInt8) { uart.writeByte(offset: offset, value: value) }
    private func type(_ text: String) -> Int { unsafe uart.receive(Array(text.utf8).span.bytes) }

    @Test func `output leaves at once and the transmitter is always empty`() {
        for byte in "hi\n".utf8 {
            #expect(read(5) & 0x60 == 0x60)
            write(0, byte)
        }
        #expect(sink.text == "hi\n")
        #expect(!line.level)
    }

    @Test func `enabling the empty transmitter's interrupt raises it, and reading the reason serves it`() {
        #expect(read(2) == 0x01)
        write(1, 2)
        #expect(line.level)
        #expect(read(2) == 0x02)
        #expect(!line.level)
        #expect(read(2) == 0x01)
        // Each byte sent empties the transmitter anew.
        write(0, 0x41)
        #expect(line.level)
        #expect(read(2) == 0x02)
        write(1, 0)
        write(1, 2)
        #expect(line.level)
    }

    @Test func `a driver that never reads the reason still gets an edge for every byte`() {
        write(1, 2)
        let before = line.edges
        for _ in 0..<5 { write(0, 0x41) }
        #expect(line.level)
        #expect(line.edges == before + 5)
    }

    @Test func `input is announced, read in order, and the line falls with the last byte`() {
        write(1, 1)
        #expect(type("ab") == 2)
        #expect(line.level)
        #expect(read(5) & 1 == 1)
        #expect(read(2) == 0x04)
        #expect(read(0) == 0x61)
        #expect(line.level)
        #expect(read(0) == 0x62)
        #expect(!line.level)
        #expect(read(5) & 1 == 0)
        #expect(read(0) == 0)
    }

    @Test func `with the FIFO the trigger level tells a full one from a time-out`() {
        write(2, 0x81)
        #expect(read(2) == 0xC1)
        write(1, 1)
        #expect(type("1234567") == 7)
        #expect(read(2) == 0xCC)
        #expect(type("8") == 1)
        #expect(read(2) == 0xC4)
        write(2, 0x03)
        #expect(read(2) == 0xC1)
        #expect(read(5) & 1 == 0)
    }

    @Test func `line errors come before data, data before the transmitter, the transmitter before the modem`() {
        write(4, 0x10)
        write(1, 0x0F)
        // In loopback without a FIFO the second byte overruns the first.
        write(0, 1)
        write(0, 2)
        write(4, 0x12)
        #expect(read(2) == 0x06)
        #expect(read(5) == 0x63)
        #expect(read(5) == 0x61)
        #expect(read(2) == 0x04)
        #expect(read(0) == 1)
        #expect(read(2) == 0x02)
        #expect(read(2) == 0x00)
        #expect(read(6) & 0x0F != 0)
        #expect(read(2) == 0x01)
        #expect(!line.level)
        #expect(sink.bytes.isEmpty)
    }

    @Test func `loopback leads the modem's outputs back to its inputs`() {
        #expect(read(6) == 0xB0)
        write(4, 0x1A)
        // RTS and OUT2 come back as CTS and DCD; DSR has fallen.
        #expect(read(6) == 0x90 | 0x02)
        #expect(read(6) == 0x90)
        write(4, 0x1F)
        #expect(read(6) == 0xF0 | 0x02)
        write(4, 0x1B)
        #expect(read(6) == 0xB0 | 0x04)
        write(4, 0x0B)
        #expect(read(6) == 0xB0)
    }

    @Test func `input waits while the loop is closed`() {
        write(4, 0x10)
        #expect(type("x") == 1)
        #expect(read(5) & 1 == 0)
        write(4, 0x00)
        #expect(read(0) == 0x78)
    }

    @Test func `H37 any divisor is stored and divides nothing`() {
        for divisor in [0, 1, 12, 0xFFFF] as [UInt16] {
            write(3, 0x83)
            write(0, UInt8(truncatingIfNeeded: divisor))
            write(1, UInt8(truncatingIfNeeded: divisor >> 8))
            #expect(read(0) == UInt8(truncatingIfNeeded: divisor))
            #expect(read(1) == UInt8(truncatingIfNeeded: divisor >> 8))
            write(3, 0x03)
            write(0, 0x2E)
        }
        #expect(sink.text == "....")
        #expect(read(1) == 0)
    }

    @Test func `registers keep only bits that exist`() {
        write(1, 0xFF)
        #expect(read(1) == 0x0F)
        write(4, 0xFF)
        #expect(read(4) == 0x1F)
        write(7, 0xA5)
        #expect(read(7) == 0xA5)
        write(5, 0)
        write(6, 0)
        #expect(read(8) == 0xFF)
        #expect(read(UInt64.max) == 0xFF)
    }

    @Test func `H35 input beyond the backlog is held back until there is room`() {
        write(2, 1)
        let offered = String(repeating: "x", count: 10_000)
        let taken = type(offered)
        #expect(taken == UART16550.backlogLimit + 16)
        #expect(type(offered) == 0)
        for _ in 0..<taken {
            #expect(read(5) & 1 == 1)
            _ = read(0)
        }
        #expect(gate.count == 1)
        #expect(read(5) & 1 == 0)
        #expect(type("y") == 1)
    }

    @Test func `H35 output that the sink refuses is counted and holds nobody up`() {
        let full = UART16550(sink: CollectingSink(room: 3), line: RecordingLine())
        for _ in 0..<100_000 { full.writeByte(offset: 0, value: 0x41) }
        #expect(full.droppedCount == 99_997)
        #expect(full.readByte(offset: 5) == 0x60)
    }

    @Test func `a reset keeps what was typed and lets the line go`() {
        write(1, 3)
        _ = type("k")
        #expect(line.level)
        uart.reset()
        #expect(!line.level)
        #expect(read(1) == 0)
        #expect(read(0) == 0x6B)
    }

    @Test func `wide accesses are that many byte accesses`() throws {
        let bus = Bus(name: "ports", limit: 0x1_0000)
        try bus.attach(uart, at: AddressMap.com1, count: 8)
        bus.write(0x3FF, count: 1, value: 0x5A)
        #expect(bus.read(0x3FE, count: 2) == 0x5AB0)
        // Over the edge there is nobody.
        #expect(bus.read(0x3FF, count: 2) == 0xFF5A)
        bus.write(0x3F8, count: 2, value: 0x0142)
        #expect(sink.text == "B")
        #expect(read(1) == 1)
    }
}
