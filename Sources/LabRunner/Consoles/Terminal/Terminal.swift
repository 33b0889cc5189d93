/// A small terminal that listens and never answers: what a full-screen program on a serial line has drawn.
///
/// Understands what firmware, boot loaders, memory testers and installers send to a VT220 or xterm of 80 by 25: UTF-8, cursor moves, erasing, inserting,
/// scrolling regions, line-drawing characters (ECMA-48, DEC STD 070). Everything else is read to its end and ignored. Sequences may be cut anywhere
/// between calls; every count and every position is bounded.
package struct Terminal: Sendable {
    package var screen = Screen()
    var modes = Modes()
    /// What ESC 7 kept.
    var saved = Saved()
    /// Tab stops.
    var stops = Set(stride(from: 8, to: Screen.columns, by: 8))
    var lastCharacter = Screen.blank
    private var state = State.text
    /// Bytes of the sequence so far.
    private var length = 0
    var sequence = Sequence()
    private var decoder = Decoder()

    struct Modes {
        var wraps = true
        var inserts = false
        /// Positions count from the top of the scrolling region.
        var isOrigin = false
        /// Which of G0 and G1 draws lines, and which is in use.
        var drawsLines = [false, false]
        var active = 0
    }

    struct Saved {
        var row = 0
        var column = 0
        var modes = Modes()
    }

    /// A control sequence as it comes in: `ESC [ private? parameters intermediate? final`.
    struct Sequence {
        var marker: UInt8?
        var parameters: [Int] = [0]
        var intermediate: UInt8?

        /// Real sequences have a handful.
        static let parameterLimit = 16
        static let largest = 9999

        mutating func add(_ byte: UInt8) {
            switch byte {
            case 0x30...0x39:
                let last = parameters.count - 1
                parameters[last] = min(parameters[last] * 10 + Int(byte - 0x30), Self.largest)
            case 0x3A, 0x3B: if parameters.count < Self.parameterLimit { parameters.append(0) }
            case 0x3C...0x3F: marker = byte
            default: intermediate = byte
            }
        }

        /// A count: absent and 0 mean 1.
        func count(_ index: Int = 0) -> Int { max(index < parameters.count ? parameters[index] : 0, 1) }
        var first: Int { parameters[0] }
    }

    private enum State { case text, escape, charset(Int), ignoringOne, control, string, stringEscape }

    package init() {}

    package mutating func write(_ bytes: some Swift.Sequence<UInt8>) { for byte in bytes { step(byte) } }

    private mutating func step(_ byte: UInt8) {
        if case .text = state {
        } else {
            length += 1
            if length > EscapeFilter.longestSequence { state = .text }
        }
        switch state {
        case .text: text(byte)
        case .string: if byte == 0x07 { state = .text } else if byte == 0x1B { state = .stringEscape }
        case .stringEscape:
            enter(.escape)
            if byte == UInt8(ascii: "\\") { state = .text } else { step(byte) }
        case .escape, .charset, .ignoringOne, .control:
            switch byte {
            case 0x1B: enter(.escape)
            case 0x18, 0x1A: state = .text
            case 0x00..<0x20: control(byte)
            case 0x7F: break
            default: sequence(byte)
            }
        }
    }

    private mutating func sequence(_ byte: UInt8) {
        switch state {
        case .escape:
            switch byte {
            case UInt8(ascii: "["): beginControl()
            case UInt8(ascii: "]"), UInt8(ascii: "P"), UInt8(ascii: "X"), UInt8(ascii: "^"), UInt8(ascii: "_"): state = .string
            case UInt8(ascii: "("): state = .charset(0)
            case UInt8(ascii: ")"): state = .charset(1)
            case 0x20...0x2F:
                sequence = Sequence()
                sequence.add(byte)
                state = .ignoringOne
            default:
                state = .text
                escape(byte)
            }
        case .charset(let set):
            state = .text
            modes.drawsLines[set] = byte == UInt8(ascii: "0")
        case .ignoringOne:
            if (0x20...0x2F).contains(byte) { return }
            state = .text
            if sequence.intermediate == UInt8(ascii: "#"), byte == UInt8(ascii: "8") {
                screen.fill("E")
                screen.region = 0...Screen.rows - 1
                screen.move(row: 0, column: 0)
            }
        default:
            if (0x40...0x7E).contains(byte) {
                state = .text
                perform(byte)
            } else if byte < 0x40 {
                sequence.add(byte)
            } else {
                state = .text
            }
        }
    }

    private mutating func enter(_ next: State) {
        state = next
        length = 1
    }

    private mutating func beginControl() {
        sequence = Sequence()
        state = .control
    }

    private mutating func text(_ byte: UInt8) {
        guard let scalar = decoder.take(byte) else { return }
        // A byte that cannot go on a character ends it, and is looked at anew.
        if decoder.mustRepeat {
            put("\u{FFFD}")
            return text(byte)
        }
        switch scalar.value {
        case 0x1B: enter(.escape)
        case 0x00..<0x20: control(UInt8(scalar.value))
        case 0x7F: break
        // The C1 controls are ESC and a letter.
        case 0x80..<0xA0:
            enter(.escape)
            sequence(UInt8(scalar.value - 0x40))
        default:
            switch scalar.properties.generalCategory {
            // They have no cell of their own.
            case .nonspacingMark, .enclosingMark, .format, .lineSeparator, .paragraphSeparator: break
            default: put(scalar)
            }
        }
    }

    private mutating func put(_ scalar: Unicode.Scalar) {
        let drawn = modes.drawsLines[modes.active] ? Self.line(scalar) : scalar
        lastCharacter = drawn
        screen.put(drawn, wraps: modes.wraps, inserts: modes.inserts)
    }

    /// The DEC Special Graphics set: 0x5F to 0x7E.
    private static func line(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        guard (0x5F...0x7E).contains(scalar.value) else { return scalar }
        return graphics[Int(scalar.value - 0x5F)]
    }

    private static let graphics = Array("\u{A0}◆▒␉␌␍␊°±␤␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·".unicodeScalars)

    /// UTF-8, byte by byte.
    private struct Decoder {
        private var value: UInt32 = 0
        private var missing = 0
        private var least: UInt32 = 0
        /// The byte was not taken: what came before it was no character.
        private(set) var mustRepeat = false

        mutating func take(_ byte: UInt8) -> Unicode.Scalar? {
            mustRepeat = false
            if missing > 0 {
                guard byte & 0xC0 == 0x80 else {
                    missing = 0
                    mustRepeat = true
                    return "\u{FFFD}"
                }
                value = value << 6 | UInt32(byte & 0x3F)
                missing -= 1
                guard missing == 0 else { return nil }
                return value < least ? "\u{FFFD}" : Unicode.Scalar(value) ?? "\u{FFFD}"
            }
            switch byte {
            case 0x00..<0x80: return Unicode.Scalar(byte)
            case 0xC2..<0xE0: (value, missing, least) = (UInt32(byte & 0x1F), 1, 0x80)
            case 0xE0..<0xF0: (value, missing, least) = (UInt32(byte & 0x0F), 2, 0x800)
            case 0xF0..<0xF5: (value, missing, least) = (UInt32(byte & 0x07), 3, 0x1_0000)
            default: return "\u{FFFD}"
            }
            return nil
        }
    }
}
