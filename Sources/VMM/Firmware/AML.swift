internal import Devices

/// ACPI machine language, as far as the one board's tables need it: each function makes one term.
///
/// Source: ACPI specification 6.5, chapter 20.
enum AML {
    typealias Term = [UInt8]

    // MARK: Objects

    static func name(_ name: StaticString, _ value: Term) -> Term { [0x08] + path(name) + value }

    static func scope(_ name: StaticString, _ terms: Term...) -> Term { [0x10] + package(path(name) + terms.joined()) }

    static func device(_ name: StaticString, _ terms: Term...) -> Term { [0x5B, 0x82] + package(path(name) + terms.joined()) }

    static func method(_ name: StaticString, arguments: UInt8 = 0, isSerialized: Bool = false, _ terms: Term...) -> Term {
        [0x14] + package(path(name) + [arguments | (isSerialized ? 8 : 0)] + terms.joined())
    }

    /// Bytes of the enclosing device's configuration space, each with a name.
    static func configurationBytes(_ region: StaticString, at offset: UInt64, _ names: [StaticString]) -> Term {
        [0x5B, 0x80] + path(region) + [0x02] + integer(offset) + integer(UInt64(names.count))
            // Accessed byte by byte, no lock, the rest preserved.
            + [0x5B, 0x81] + package(path(region) + [0x01] + names.flatMap { path($0) + [8] })
    }

    static func array(_ elements: [Term]) -> Term { [0x12] + package([UInt8(elements.count)] + elements.joined()) }

    /// The shortest form of a number.
    static func integer(_ value: UInt64) -> Term {
        var bytes = LittleEndianBytes()
        switch value {
        case 0: return [0x00]
        case 1: return [0x01]
        case ...0xFF:
            bytes.append(UInt8(0x0A))
            bytes.append(UInt8(value))
        case ...0xFFFF:
            bytes.append(UInt8(0x0B))
            bytes.append(UInt16(value))
        case ...0xFFFF_FFFF:
            bytes.append(UInt8(0x0C))
            bytes.append(UInt32(value))
        default:
            bytes.append(UInt8(0x0E))
            bytes.append(value)
        }
        return bytes.bytes
    }

    /// A compressed identifier of Plug and Play: three letters, four hexadecimal digits.
    static func hardwareID(_ text: StaticString) -> Term {
        let characters = Array(text.description.utf8)
        var value: UInt32 = 0
        for letter in characters.prefix(3) { value = value << 5 | UInt32(letter & 0x1F) }
        value = value << 16 | (UInt32(String(decoding: characters.dropFirst(3), as: UTF8.self), radix: 16) ?? 0)
        var bytes = LittleEndianBytes()
        bytes.append(UInt8(0x0C))
        bytes.append(value.byteSwapped)
        return bytes.bytes
    }

    /// A buffer of resource descriptors, with the end tag (checksum 0: not used).
    static func resources(_ descriptors: Term...) -> Term {
        let content = Array(descriptors.joined()) + [0x79, 0x00]
        return [0x11] + package(integer(UInt64(content.count)) + content)
    }

    // MARK: Statements and expressions

    static let argument: Term = [0x68]

    /// A name where a value is wanted.
    static func value(_ name: StaticString) -> Term { path(name) }

    static func store(_ value: Term, in target: Term) -> Term { [0x70] + value + target }
    static func or(_ one: Term, _ other: Term) -> Term { [0x7D] + one + other + [0x00] }
    static func isLess(_ one: Term, _ other: Term) -> Term { [0x95] + one + other }
    static func when(_ condition: Term, _ terms: Term...) -> Term { [0xA0] + package(condition + terms.joined()) }
    static func answer(_ value: Term) -> Term { [0xA4] + value }

    /// Names 32 bits of a buffer.
    static func dword(_ name: StaticString, of buffer: Term, at offset: UInt64) -> Term { [0x8A] + buffer + integer(offset) + path(name) }

    // MARK: Resource descriptors (section 6.4)

    /// Ports, decoded with 16 bits.
    static func ports(_ first: UInt64, count: UInt8) -> Term {
        var bytes = LittleEndianBytes()
        bytes.append([0x47, 0x01])
        bytes.append(UInt16(truncatingIfNeeded: first))
        bytes.append(UInt16(truncatingIfNeeded: first))
        bytes.append([0x01, count])
        return bytes.bytes
    }

    /// Memory at a fixed place, writable.
    static func memory(_ range: Range<UInt64>) -> Term {
        var bytes = LittleEndianBytes()
        bytes.append([0x86, 9, 0, 1])
        bytes.append(UInt32(truncatingIfNeeded: range.lowerBound))
        bytes.append(UInt32(truncatingIfNeeded: range.upperBound - range.lowerBound))
        return bytes.bytes
    }

    /// An ISA interrupt: edge, active high, not shared.
    static func interrupt(_ number: UInt32) -> Term {
        let mask = UInt16(1) << UInt16(number & 15)
        return [0x22, UInt8(truncatingIfNeeded: mask), UInt8(truncatingIfNeeded: mask >> 8)]
    }

    /// Interrupts of any controller, one of which is used: level, active high, shared. The first number stands at `sharedInterruptOffset`.
    static func sharedInterrupt(_ numbers: [UInt32]) -> Term {
        var bytes = LittleEndianBytes()
        bytes.append(UInt8(0x89))
        bytes.append(UInt16(2 + 4 * numbers.count))
        bytes.append([0x09, UInt8(numbers.count)])
        for number in numbers { bytes.append(number) }
        return bytes.bytes
    }

    static let sharedInterruptOffset: UInt64 = 5

    static func busNumbers(_ range: ClosedRange<UInt16>) -> Term { wordSpace(kind: 2, flags: 0x0C, specific: 0, range) }

    /// Ports that a bridge passes on: the whole range, ISA and other.
    static func portWindow(_ range: ClosedRange<UInt16>) -> Term { wordSpace(kind: 1, flags: 0x0C, specific: 3, range) }

    private static func wordSpace(kind: UInt8, flags: UInt8, specific: UInt8, _ range: ClosedRange<UInt16>) -> Term {
        var bytes = LittleEndianBytes()
        bytes.append([0x88, 13, 0, kind, flags, specific])
        for value in [0, range.lowerBound, range.upperBound, 0, range.upperBound - range.lowerBound + 1] { bytes.append(value) }
        return bytes.bytes
    }

    /// Memory that a bridge passes on: below 4 GiB, not cacheable, writable.
    static func memoryWindow(_ range: Range<UInt64>) -> Term {
        var bytes = LittleEndianBytes()
        bytes.append([0x87, 23, 0, 0, 0x0C, 0x01])
        for value in [0, range.lowerBound, range.upperBound - 1, 0, range.upperBound - range.lowerBound] {
            bytes.append(UInt32(truncatingIfNeeded: value))
        }
        return bytes.bytes
    }

    // MARK: Encoding

    private static func path(_ name: StaticString) -> Term {
        let text = name.description
        var bytes: [UInt8] = text.hasPrefix("\\") ? [0x5C] : []
        let segments = text.drop { $0 == "\\" }.split(separator: ".")
        switch segments.count {
        case ...1: break
        case 2: bytes.append(0x2E)
        default: bytes += [0x2F, UInt8(segments.count)]
        }
        for segment in segments { bytes += segment.utf8.prefix(4) + [UInt8](repeating: 0x5F, count: max(0, 4 - segment.utf8.count)) }
        return bytes
    }

    /// A term with its length in front; the length counts itself.
    private static func package(_ content: Term) -> Term {
        let count = content.count
        if count + 1 <= 0x3F { return [UInt8(count + 1)] + content }
        let extra = count + 2 <= 0xFFF ? 1 : count + 3 <= 0xF_FFFF ? 2 : 3
        let total = count + 1 + extra
        var bytes = [UInt8(extra << 6 | total & 0xF)]
        for index in 0..<extra { bytes.append(UInt8(truncatingIfNeeded: total >> (4 + 8 * index))) }
        return bytes + content
    }
}
