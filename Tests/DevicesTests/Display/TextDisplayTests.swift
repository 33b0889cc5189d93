import Devices
import Testing

@Suite struct `a display in text mode` {
    let clock = ManualClock()

    private func memory(_ lines: [String], columns: Int = 80) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 32 << 10)
        for (row, line) in lines.enumerated() {
            for (column, byte) in line.utf8.enumerated() {
                bytes[(row * columns + column) * 2] = byte
                bytes[(row * columns + column) * 2 + 1] = 0x07
            }
        }
        return bytes
    }

    private func write(_ display: TextDisplay, _ port: UInt64, _ value: UInt8) {
        display.writeByte(offset: port - AddressMap.display, value: value)
    }

    private func read(_ display: TextDisplay, _ port: UInt64) -> UInt8 { display.readByte(offset: port - AddressMap.display) }

    private func crtc(_ display: TextDisplay, _ index: UInt8, _ value: UInt8) {
        write(display, 0x3D4, index)
        write(display, 0x3D5, value)
    }

    @Test func `is 80 by 25 after power-on and shows what is in memory`() throws {
        let display = TextDisplay(clock: clock)
        let screen = try #require(display.screen(memory(["hello", "", "world"])))
        #expect(screen.rows.count == 25 && screen.rows.allSatisfy { $0.count == 80 })
        #expect(Array(screen.text.prefix(3)) == ["hello", "", "world"])
        var bytes = memory([])
        for (index, byte) in ([0xC9, 0xCD, 0xBB, 0x00, 0x81, 0xDB] as [UInt8]).enumerated() { bytes[index * 2] = byte }
        #expect(display.screen(bytes)?.text.first == "╔═╗ ü█")
    }

    @Test func `follows the registers: where the screen begins, how long a row is, where the cursor stands`() throws {
        let display = TextDisplay(clock: clock)
        // One row down: 80 cells.
        crtc(display, 0x0C, 0)
        crtc(display, 0x0D, 80)
        #expect(display.screen(memory(["first", "second"]))?.text.first == "second")
        crtc(display, 0x0D, 0)
        crtc(display, 0x0E, 0x00)
        crtc(display, 0x0F, 80 + 7)
        let screen = try #require(display.screen(memory([])))
        #expect(screen.cursorRow == 1 && screen.cursorColumn == 7)
        // 40 columns: the timing registers are locked until bit 7 of register 0x11 goes.
        crtc(display, 0x01, 39)
        #expect(display.screen(memory([]))?.rows.first?.count == 80)
        crtc(display, 0x11, 0x0E)
        crtc(display, 0x01, 39)
        crtc(display, 0x13, 20)
        #expect(display.screen(memory(["forty", "columns"], columns: 40))?.text.prefix(2) == ["forty", "columns"])
        // 50 rows: characters of 8 lines.
        crtc(display, 0x09, 0x47)
        #expect(display.screen(memory([]))?.rows.count == 50)
        // Graphics.
        write(display, 0x3CE, 6)
        write(display, 0x3CF, 0x05)
        #expect(display.screen(memory([])) == nil)
        display.reset()
        #expect(display.screen(memory([]))?.rows.count == 25)
    }

    @Test func `has registers that read back, where the miscellaneous register puts them`() {
        let display = TextDisplay(clock: clock)
        crtc(display, 0x0E, 0x12)
        write(display, 0x3D4, 0x0E)
        #expect(read(display, 0x3D5) == 0x12 && read(display, 0x3B5) == 0xFF)
        for (index, data, count) in [(0x3C4, 0x3C5, 5), (0x3CE, 0x3CF, 9)] as [(UInt64, UInt64, UInt8)] {
            for register in 0..<count {
                write(display, index, register)
                write(display, data, register ^ 0x5A)
            }
            for register in 0..<count {
                write(display, index, register)
                #expect(read(display, data) == register ^ 0x5A)
            }
        }
        // The attribute controller: one port for index and data, in turns; reading the status begins anew.
        _ = read(display, 0x3DA)
        write(display, 0x3C0, 0x10)
        write(display, 0x3C0, 0x0A)
        _ = read(display, 0x3DA)
        write(display, 0x3C0, 0x10)
        #expect(read(display, 0x3C1) == 0x0A)
        // The palette, three bytes a colour.
        write(display, 0x3C8, 7)
        for value in [1, 2, 0xFF] as [UInt8] { write(display, 0x3C9, value) }
        write(display, 0x3C7, 7)
        #expect([read(display, 0x3C9), read(display, 0x3C9), read(display, 0x3C9)] == [1, 2, 0x3F])
        write(display, 0x3C2, 0x66)
        #expect(read(display, 0x3CC) == 0x66 && read(display, 0x3D5) == 0xFF && read(display, 0x3B5) == 0x12)
    }

    @Test func `lets a guest wait for retrace`() {
        let display = TextDisplay(clock: clock)
        var seen: Set<UInt8> = []
        for _ in 0..<20_000 {
            clock.advance(3000)
            seen.insert(read(display, 0x3DA) & 0x09)
        }
        #expect(seen == [0x00, 0x01, 0x09])
    }

    @Test func `survives any registers and any memory`() {
        var random = Seeded(seed: 0xD15B)
        let display = TextDisplay(clock: clock)
        for _ in 0..<20_000 {
            let port = AddressMap.display + UInt64.random(in: 0..<AddressMap.displayByteCount, using: &random)
            write(display, port, UInt8.random(in: 0...255, using: &random))
            _ = read(display, port)
            if Int.random(in: 0..<50, using: &random) == 0 {
                let screen = display.screen([UInt8](repeating: UInt8.random(in: 0...255, using: &random), count: 32 << 10))
                #expect((screen?.rows.count ?? 1) <= 60 && (screen?.rows.first?.count ?? 1) <= 132)
            }
        }
        for memory in [[], [0x41], [0x41, 7]] as [[UInt8]] { _ = display.screen(memory) }
    }
}

@Suite struct `keys that are typed` {
    private func controller() -> (KeyboardController, RecordingLine) {
        let line = RecordingLine()
        return (KeyboardController(line: line, machine: RecordingMachine()), line)
    }

    /// What a guest that polls finds.
    private func take(_ keyboard: KeyboardController, limit: Int = 10_000) -> [UInt8] {
        var bytes: [UInt8] = []
        while keyboard.readByte(offset: 4) & 1 != 0, bytes.count < limit { bytes.append(keyboard.readByte(offset: 0)) }
        return bytes
    }

    @Test func `arrive as scan codes of set 1 where the controller translates`() {
        let (keyboard, line) = controller()
        #expect(keyboard.type(text: Array("aB\n".utf8)))
        #expect(line.level)
        #expect(take(keyboard) == [0x1E, 0x9E, 0x2A, 0x30, 0xB0, 0xAA, 0x1C, 0x9C])
        #expect(!line.level)
        _ = keyboard.type(text: Array("\u{1B}[A\u{3}\u{1B}".utf8))
        #expect(take(keyboard) == [0xE0, 0x48, 0xE0, 0xC8, 0x1D, 0x2E, 0xAE, 0x9D, 0x01, 0x81])
    }

    @Test func `arrive as scan codes of set 2 where it does not`() {
        let (keyboard, _) = controller()
        keyboard.writeByte(offset: 4, value: 0x60)
        keyboard.writeByte(offset: 0, value: 0x25)
        _ = keyboard.type(text: Array("a!".utf8))
        #expect(take(keyboard) == [0x1C, 0xF0, 0x1C, 0x12, 0x16, 0xF0, 0x16, 0xF0, 0x12])
    }

    @Test func `come whole, each with an edge, however many they are`() {
        let (keyboard, line) = controller()
        let text = Array(repeating: "The quick brown fox ", count: 50).joined()
        #expect(keyboard.type(text: Array(text.utf8)))
        let bytes = take(keyboard)
        #expect(bytes.filter { $0 == 0x39 }.count == 200 && line.edges == bytes.count)
    }

    @Test func `beyond what anybody types are refused as a whole`() {
        let (keyboard, _) = controller()
        #expect(!keyboard.type(text: [UInt8](repeating: UInt8(ascii: "x"), count: KeyboardController.typingLimit + 1)))
        #expect(take(keyboard).isEmpty)
        // What no key has is left out.
        #expect(keyboard.type(text: Array("ü\u{0}".utf8)))
        #expect(take(keyboard).isEmpty)
    }

    @Test func `wait while the guest has the keyboard switched off`() {
        let (keyboard, line) = controller()
        keyboard.writeByte(offset: 4, value: 0xAD)
        _ = keyboard.type(text: Array("a".utf8))
        #expect(take(keyboard).isEmpty && !line.level)
        keyboard.writeByte(offset: 4, value: 0xAE)
        #expect(take(keyboard) == [0x1E, 0x9E])
    }
}
