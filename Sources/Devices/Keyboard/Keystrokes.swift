/// Text as the keys of a US keyboard, pressed and released one after the other.
///
/// A key is its scan code of set 1; a controller that does not translate sends the same key's code of set 2. Control characters are what a terminal sends: CR and
/// LF are Enter, 8 and 127 Backspace, 9 Tab, 27 Escape, `ESC [ A` to `ESC [ D` the arrows, any other of 1 to 26 Ctrl and a letter.
package enum Keystrokes {
    /// One key with what is held down meanwhile.
    struct Key: Hashable, Sendable {
        var code: UInt8
        /// Sent after 0xE0.
        var isExtended = false
        var hasShift = false
        var hasControl = false

        /// Bytes on the wire, modifiers around the key.
        func bytes(isTranslated: Bool) -> [UInt8] {
            let held: [UInt8] = (hasControl ? [0x1D] : []) + (hasShift ? [0x2A] : [])
            func press(_ code: UInt8, isExtended: Bool, isRelease: Bool) -> [UInt8] {
                let prefix: [UInt8] = isExtended ? [0xE0] : []
                if isTranslated { return prefix + [isRelease ? code | 0x80 : code] }
                return prefix + (isRelease ? [0xF0] : []) + [isExtended ? Self.extended(code) : Keystrokes.secondSet[Int(code & 0x3F)]]
            }
            return held.flatMap { press($0, isExtended: false, isRelease: false) }
                + press(code, isExtended: isExtended, isRelease: false) + press(code, isExtended: isExtended, isRelease: true)
                + held.reversed().flatMap { press($0, isExtended: false, isRelease: true) }
        }

        /// The arrows in set 2.
        private static func extended(_ code: UInt8) -> UInt8 {
            switch code {
            case 0x48: 0x75
            case 0x50: 0x72
            case 0x4B: 0x6B
            default: 0x74
            }
        }
    }

    /// Characters that no key has are left out.
    static func keys(_ text: [UInt8]) -> [Key] {
        var keys: [Key] = []
        var index = 0
        while index < text.count {
            if text[index...].starts(with: [0x1B, UInt8(ascii: "[")]), index + 2 < text.count, let arrow = arrows[text[index + 2]] {
                keys.append(Key(code: arrow, isExtended: true))
                index += 3
                continue
            }
            if let key = key(text[index]) { keys.append(key) }
            index += 1
        }
        return keys
    }

    private static let arrows: [UInt8: UInt8] = [
        UInt8(ascii: "A"): 0x48, UInt8(ascii: "B"): 0x50, UInt8(ascii: "C"): 0x4D, UInt8(ascii: "D"): 0x4B,
    ]

    /// Rows of the keyboard: the first key's code, the characters without and with Shift.
    private static let rows: [(UInt8, [UInt8], [UInt8])] = [
        (0x02, Array("1234567890-=".utf8), Array("!@#$%^&*()_+".utf8)),
        (0x10, Array("qwertyuiop[]".utf8), Array("QWERTYUIOP{}".utf8)),
        (0x1E, Array("asdfghjkl;'`".utf8), Array("ASDFGHJKL:\"~".utf8)),
        (0x2B, Array("\\zxcvbnm,./".utf8), Array("|ZXCVBNM<>?".utf8)),
    ]

    private static func key(_ byte: UInt8) -> Key? {
        switch byte {
        case 0x0A, 0x0D: return Key(code: 0x1C)
        case 0x09: return Key(code: 0x0F)
        case 0x08, 0x7F: return Key(code: 0x0E)
        case 0x1B: return Key(code: 0x01)
        case 0x20: return Key(code: 0x39)
        case 0x01...0x1A:
            guard var letter = key(byte + 0x60) else { return nil }
            letter.hasControl = true
            return letter
        default:
            for (first, plain, shifted) in rows {
                if let place = plain.firstIndex(of: byte) { return Key(code: first + UInt8(place)) }
                if let place = shifted.firstIndex(of: byte) { return Key(code: first + UInt8(place), hasShift: true) }
            }
            return nil
        }
    }

    /// Set 2 by the code of set 1.
    private static let secondSet: [UInt8] = [
        0x00, 0x76, 0x16, 0x1E, 0x26, 0x25, 0x2E, 0x36, 0x3D, 0x3E, 0x46, 0x45, 0x4E, 0x55, 0x66, 0x0D,  // 0x00: Escape, 1 ... Tab
        0x15, 0x1D, 0x24, 0x2D, 0x2C, 0x35, 0x3C, 0x43, 0x44, 0x4D, 0x54, 0x5B, 0x5A, 0x14, 0x1C, 0x1B,  // 0x10: Q ... Enter, Ctrl, A, S
        0x23, 0x2B, 0x34, 0x33, 0x3B, 0x42, 0x4B, 0x4C, 0x52, 0x0E, 0x12, 0x5D, 0x1A, 0x22, 0x21, 0x2A,  // 0x20: D ... Shift, \, Z ... V
        0x32, 0x31, 0x3A, 0x41, 0x49, 0x4A, 0x59, 0x7C, 0x11, 0x29, 0x58, 0x05, 0x06, 0x04, 0x0C, 0x03,  // 0x30: B ... Alt, Space, F1 ...
    ]
}
