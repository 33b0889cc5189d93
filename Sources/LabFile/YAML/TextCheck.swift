/// What is wrong with the bytes of a file before any YAML is looked at.
///
/// libyaml reports encoding errors at line 1, column 1, wherever they are; it never gets to see any.
struct TextFault: Equatable {
    /// Offset of the first byte that is wrong.
    var offset: Int
    var message: String

    /// The first fault, or `nil` if the bytes are the UTF-8 text that editors show.
    static func find(in bytes: [UInt8]) -> TextFault? {
        if let encoding = foreignEncoding(bytes) {
            return TextFault(offset: 0, message: "the file is \(encoding); save it as UTF-8")
        }
        var offset = 0
        var decoder = UTF8Reader(bytes: bytes)
        while let step = decoder.next() {
            switch step {
            case .invalid: return TextFault(offset: offset, message: "byte 0x\(hex(UInt32(bytes[offset]), digits: 2)) is not UTF-8 text")
            case .scalar(let scalar):
                if let message = refusal(of: scalar, next: decoder.peek) { return TextFault(offset: offset, message: message) }
            }
            offset = decoder.offset
        }
        return nil
    }

    private static func foreignEncoding(_ bytes: [UInt8]) -> String? {
        if bytes.starts(with: [0xFF, 0xFE, 0, 0]) || bytes.starts(with: [0, 0, 0xFE, 0xFF]) { return "UTF-32" }
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) { return "UTF-16" }
        if bytes.count >= 4, bytes[0] != 0, bytes[1] == 0, bytes[2] != 0, bytes[3] == 0 { return "UTF-16" }
        if bytes.count >= 4, bytes[0] == 0, bytes[1] != 0, bytes[2] == 0, bytes[3] != 0 { return "UTF-16" }
        if bytes.starts(with: [0x7F, 0x45, 0x4C, 0x46]) { return "an ELF program, not a text" }
        return nil
    }

    /// Control characters, and line ends that some editors count as lines and others do not.
    private static func refusal(of scalar: UInt32, next: UInt8?) -> String? {
        let name = "U+\(hex(scalar, digits: 4))"
        switch scalar {
        case 0x09, 0x0A: return nil
        case 0x0D: return next == 0x0A ? nil : "a carriage return without a line feed"
        case 0: return "a NUL byte; is this a text file?"
        case 0..<0x20, 0x7F, 0x80..<0xA0: return "control character \(name); in double quotes it can be written as an escape"
        case 0x2028, 0x2029: return "invisible line end \(name); in double quotes it can be written as an escape"
        case 0xFEFF: return "a byte order mark (\(name)) in the middle of the text"
        case 0xFFFE, 0xFFFF: return "\(name) is not a character"
        default: return nil
        }
    }

    private static func hex(_ value: UInt32, digits: Int) -> String {
        let text = String(value, radix: 16, uppercase: true)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
}

/// Strict UTF-8, one code point at a time, by the table of RFC 3629 section 4.
private struct UTF8Reader {
    let bytes: [UInt8]
    var offset = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    enum Step {
        case scalar(UInt32)
        case invalid
    }

    var peek: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    mutating func next() -> Step? {
        guard offset < bytes.count else { return nil }
        let first = bytes[offset]
        if first < 0x80 {
            offset += 1
            return .scalar(UInt32(first))
        }
        let length: Int
        var lowest: UInt8 = 0x80
        var highest: UInt8 = 0xBF
        switch first {
        case 0xC2...0xDF: length = 2
        case 0xE0: (length, lowest) = (3, 0xA0)
        case 0xED: (length, highest) = (3, 0x9F)
        case 0xE1...0xEF: length = 3
        case 0xF0: (length, lowest) = (4, 0x90)
        case 0xF4: (length, highest) = (4, 0x8F)
        case 0xF1...0xF3: length = 4
        default: return .invalid
        }
        guard bytes.count - offset >= length else { return .invalid }
        var value = UInt32(first) & (0xFF >> UInt32(length + 1))
        for index in 1..<length {
            let byte = bytes[offset + index]
            guard byte >= lowest, byte <= highest else { return .invalid }
            (lowest, highest) = (0x80, 0xBF)
            value = value << 6 | UInt32(byte & 0x3F)
        }
        offset += length
        return .scalar(value)
    }
}
