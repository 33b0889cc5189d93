/// Takes terminal control out of a byte stream and leaves the text: for matching patterns and for showing what a guest wrote.
///
/// Follows ECMA-48 as terminals read it. A guest cannot reach the terminal of whoever reads its log through it: of the
/// control characters only newline and tab pass. State is kept between calls, so a sequence may be cut anywhere.
package struct EscapeFilter: Sendable {
    private enum State { case text, escape, intermediate, controlSequence, string, stringEscape, c1Lead }
    private var state = State.text
    /// Bytes of the sequence so far. A sequence longer than `longestSequence` was none: the text goes on.
    private var length = 0

    /// Real sequences have tens of bytes; window titles some hundreds.
    package static let longestSequence = 4096

    package init() {}

    package mutating func text(of bytes: some Sequence<UInt8>) -> [UInt8] {
        var out: [UInt8] = []
        for byte in bytes { step(byte, &out) }
        return out
    }

    private mutating func step(_ byte: UInt8, _ out: inout [UInt8]) {
        if state != .text {
            length += 1
            if length > Self.longestSequence { state = .text }
        }
        switch state {
        case .text: plain(byte, &out)
        case .c1Lead:
            state = .text
            // 0xC2 0x80...0x9F is a C1 control in UTF-8; every other pair is text.
            switch byte {
            case 0x9B: enter(.controlSequence)
            case 0x90, 0x98, 0x9D, 0x9E, 0x9F: enter(.string)
            case 0x80...0x9F: break
            case 0xA0...0xBF: out += [0xC2, byte]
            default:
                out.append(0xC2)
                plain(byte, &out)
            }
        case .escape:
            switch byte {
            case UInt8(ascii: "["): state = .controlSequence
            case UInt8(ascii: "]"), UInt8(ascii: "P"), UInt8(ascii: "X"), UInt8(ascii: "^"), UInt8(ascii: "_"): state = .string
            case 0x20...0x2F: state = .intermediate
            default: sequenceByte(byte, &out) { _ in true }
            }
        case .intermediate: sequenceByte(byte, &out) { (0x30...0x7E).contains($0) }
        case .controlSequence: sequenceByte(byte, &out) { (0x40...0x7E).contains($0) }
        case .string:
            if byte == 0x07 { state = .text } else if byte == 0x1B { state = .stringEscape }
        case .stringEscape:
            if byte == UInt8(ascii: "\\") {
                state = .text
            } else {
                enter(.escape)
                step(byte, &out)
            }
        }
    }

    /// One byte inside a sequence: an end, a new beginning, a control that terminals obey even there, or more of it.
    private mutating func sequenceByte(_ byte: UInt8, _ out: inout [UInt8], isEnd: (UInt8) -> Bool) {
        switch byte {
        case 0x1B: enter(.escape)
        case 0x18, 0x1A: state = .text
        case 0x00...0x1F: if byte == 0x0A || byte == 0x09 { out.append(byte) }
        default: if isEnd(byte) { state = .text }
        }
    }

    private mutating func plain(_ byte: UInt8, _ out: inout [UInt8]) {
        switch byte {
        case 0x1B: enter(.escape)
        case 0x09, 0x0A: out.append(byte)
        case 0x00...0x1F, 0x7F: break
        case 0xC2: enter(.c1Lead)
        default: out.append(byte)
        }
    }

    private mutating func enter(_ next: State) {
        state = next
        length = 1
    }
}
