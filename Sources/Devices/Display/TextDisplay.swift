import Synchronization

/// A VGA in text mode, as far as a system without graphics uses one: the registers read back, retrace comes and goes, and the screen can be read.
///
///     0x3B4/0x3D4  CRTC index and data (monochrome or colour, by bit 0 of the miscellaneous register)
///     0x3C0/0x3C1  attribute index, data       0x3C4/0x3C5  sequencer           0x3C7-0x3C9  palette
///     0x3C2        miscellaneous (read 0x3CC)  0x3CE/0x3CF  graphics            0x3BA/0x3DA  status: bit 0 blank, bit 3 retrace
///
/// The text memory, 32 KiB of characters and attributes at `AddressMap.textMemory`, is the guest's own RAM: writing to it costs nothing. After reset it is in
/// mode 3, 80 by 25, as firmware would leave it. There are no planes, no fonts and no pixels. Attach
/// `AddressMap.displayByteCount` ports at `AddressMap.display`.
package final class TextDisplay: ByteBusDevice, ResettableDevice {
    private struct State {
        var crtcIndex: UInt8 = 0
        var crtc = TextDisplay.mode3
        var attributeIndex: UInt8 = 0x20
        /// The next write to 0x3C0 is data.
        var attributeIsData = false
        var attribute: [UInt8] = [0, 1, 2, 3, 4, 5, 0x14, 7, 0x38, 0x39, 0x3A, 0x3B, 0x3C, 0x3D, 0x3E, 0x3F, 0x0C, 0, 0x0F, 0x08, 0]
        var sequencerIndex: UInt8 = 0
        var sequencer: [UInt8] = [0x03, 0x00, 0x03, 0x00, 0x02]
        var graphicsIndex: UInt8 = 0
        var graphics: [UInt8] = [0, 0, 0, 0, 0, 0x10, 0x0E, 0x0F, 0xFF]
        var miscellaneous: UInt8 = 0x67
        var feature: UInt8 = 0
        var palette = [UInt8](repeating: 0, count: 768)
        var paletteMask: UInt8 = 0xFF
        var paletteRead = 0
        var paletteWrite = 0
        var paletteIsReading = false
    }

    private static let mode3: [UInt8] = [
        0x5F, 0x4F, 0x50, 0x82, 0x55, 0x81, 0xBF, 0x1F, 0x00, 0x4F, 0x0D, 0x0E, 0x00, 0x00, 0x00, 0x00, 0x9C, 0x8E, 0x8F, 0x28, 0x1F, 0x96,
        0xB9, 0xA3, 0xFF,
    ]

    private let clock: any MachineClock
    private let state = Mutex(State())

    package init(clock: any MachineClock) {
        self.clock = clock
    }

    package func reset() { state.withLock { $0 = State() } }

    // MARK: Registers; offsets count from port 0x3B0

    package func readByte(offset: UInt64) -> UInt8 {
        state.withLock { state in
            switch offset + 0x3B0 {
            case 0x3C0: return state.attributeIsData ? 0 : state.attributeIndex
            case 0x3C1: return Self.register(state.attribute, state.attributeIndex & 0x1F)
            // Bit 4: a monitor is there.
            case 0x3C2: return 0x10
            case 0x3C4: return state.sequencerIndex
            case 0x3C5: return Self.register(state.sequencer, state.sequencerIndex)
            case 0x3C6: return state.paletteMask
            case 0x3C7: return state.paletteIsReading ? 3 : 0
            case 0x3C8: return UInt8(truncatingIfNeeded: state.paletteWrite / 3)
            case 0x3C9:
                defer { state.paletteRead = (state.paletteRead + 1) % 768 }
                return state.palette[state.paletteRead]
            case 0x3CA: return state.feature
            case 0x3CC: return state.miscellaneous
            case 0x3CE: return state.graphicsIndex
            case 0x3CF: return Self.register(state.graphics, state.graphicsIndex)
            case let port where Self.crtcPort(port, state) == 4: return state.crtcIndex
            case let port where Self.crtcPort(port, state) == 5: return Self.register(state.crtc, state.crtcIndex)
            case let port where Self.crtcPort(port, state) == 10:
                state.attributeIsData = false
                return status
            default: return 0xFF
            }
        }
    }

    package func writeByte(offset: UInt64, value: UInt8) {
        state.withLock { state in
            switch offset + 0x3B0 {
            case 0x3C0:
                if state.attributeIsData {
                    Self.store(value, in: &state.attribute, state.attributeIndex & 0x1F)
                } else {
                    state.attributeIndex = value & 0x3F
                }
                state.attributeIsData.toggle()
            case 0x3C2: state.miscellaneous = value
            case 0x3C4: state.sequencerIndex = value & 0x07
            case 0x3C5: Self.store(value, in: &state.sequencer, state.sequencerIndex)
            case 0x3C6: state.paletteMask = value
            case 0x3C7: (state.paletteRead, state.paletteIsReading) = (Int(value) * 3, true)
            case 0x3C8: (state.paletteWrite, state.paletteIsReading) = (Int(value) * 3, false)
            case 0x3C9:
                state.palette[state.paletteWrite] = value & 0x3F
                state.paletteWrite = (state.paletteWrite + 1) % 768
            case 0x3CE: state.graphicsIndex = value & 0x0F
            case 0x3CF: Self.store(value, in: &state.graphics, state.graphicsIndex)
            case let port where Self.crtcPort(port, state) == 4: state.crtcIndex = value & 0x3F
            case let port where Self.crtcPort(port, state) == 5: Self.storeCRTC(value, &state)
            case let port where Self.crtcPort(port, state) == 10: state.feature = value
            default: break
            }
        }
    }

    /// 0 to 15 for a port of the CRTC where it is now, else nil.
    private static func crtcPort(_ port: UInt64, _ state: State) -> UInt64? {
        let base: UInt64 = state.miscellaneous & 1 != 0 ? 0x3D0 : 0x3B0
        return port & ~15 == base ? port & 15 : nil
    }

    private static func register(_ registers: [UInt8], _ index: UInt8) -> UInt8 { Int(index) < registers.count ? registers[Int(index)] : 0 }

    private static func store(_ value: UInt8, in registers: inout [UInt8], _ index: UInt8) {
        if Int(index) < registers.count { registers[Int(index)] = value }
    }

    private static func storeCRTC(_ value: UInt8, _ state: inout State) {
        let index = state.crtcIndex
        // Bit 7 of register 0x11 keeps the timing from being changed, but for one bit.
        if index <= 7, state.crtc[0x11] & 0x80 != 0 {
            if index == 7 { state.crtc[7] = state.crtc[7] & ~0x10 | value & 0x10 }
            return
        }
        store(value, in: &state.crtc, index)
    }

    /// A picture lasts a 70th of a second and a line 32 microseconds; guests wait for the end of either.
    private var status: UInt8 {
        let moment = clock.monotonicNanoseconds() % 14_285_714
        if moment > 13_300_000 { return 0x09 }
        return moment % 31_778 > 25_400 ? 0x01 : 0x00
    }

    // MARK: The screen

    /// What the display shows, row by row.
    ///
    /// - Parameter memory: the text memory: characters at even places, attributes at odd ones.
    /// - Returns: nil in a graphics mode.
    package func screen(_ memory: [UInt8]) -> TextScreen? {
        state.withLock { state in
            guard state.graphics[6] & 1 == 0 else { return nil }
            let crtc = state.crtc
            func word(_ high: Int) -> Int { Int(crtc[high]) << 8 | Int(crtc[high + 1]) }
            let columns = min(Int(crtc[1]) + 1, TextScreen.columnLimit)
            let lines = (Int(crtc[0x12]) | Int(crtc[7] & 0x02) << 7 | Int(crtc[7] & 0x40) << 3) + 1
            let rows = min(max(lines / (Int(crtc[9] & 0x1F) + 1), 1), TextScreen.rowLimit)
            let pitch = crtc[0x13] == 0 ? columns : Int(crtc[0x13]) * 2
            let cells = memory.count / 2
            guard cells > 0 else { return nil }
            let start = word(0x0C)
            let text = (0..<rows).map { row in
                (0..<columns).map { column in CodePage437.scalar(memory[(start + row * pitch + column) % cells * 2]) }
            }
            let cursor = (word(0x0E) - start) & 0xFFFF
            return TextScreen(
                rows: text, cursorRow: min(cursor / max(pitch, 1), rows - 1), cursorColumn: min(cursor % max(pitch, 1), columns - 1))
        }
    }
}

/// The characters on a display.
package struct TextScreen: Hashable, Sendable {
    /// All rows are equally long.
    package var rows: [[Unicode.Scalar]]
    package var cursorRow: Int
    package var cursorColumn: Int

    /// More does not fit the text memory's 16,384 cells by much, and no text mode has it.
    static let columnLimit = 132
    static let rowLimit = 60

    package init(rows: [[Unicode.Scalar]], cursorRow: Int, cursorColumn: Int) {
        self.rows = rows
        self.cursorRow = cursorRow
        self.cursorColumn = cursorColumn
    }

    /// The rows without the blanks at their ends.
    package var text: [String] {
        rows.map { row in
            var text = String.UnicodeScalarView()
            text.append(contentsOf: row[..<((row.lastIndex { $0 != " " }).map { $0 + 1 } ?? 0)])
            return String(text)
        }
    }
}
