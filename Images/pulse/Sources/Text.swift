/// A piece of output being put together: bytes, not characters, so that nothing here needs Unicode's tables.
///
///     "\(capacity) sectors, \(hex: status) status"
struct Text: ExpressibleByStringInterpolation {
    var bytes: [UInt8] = []

    init() {}

    init(stringLiteral value: StaticString) {
        append(value)
    }

    init(stringInterpolation: Interpolation) {
        self = stringInterpolation.text
    }

    mutating func append(_ literal: StaticString) {
        // Safe because a literal lives for ever and says its own length.
        for index in 0..<literal.utf8CodeUnitCount { bytes.append(unsafe literal.utf8Start[index]) }
    }

    mutating func append(_ number: UInt64, radix: UInt64 = 10, width: Int = 1) {
        var digits = InlineArray<20, UInt8>(repeating: 0x30)
        var rest = number
        var count = 0
        repeat {
            let digit = UInt8(truncatingIfNeeded: rest % radix)
            digits[count] = digit < 10 ? 0x30 &+ digit : 0x57 &+ digit
            rest /= radix
            count += 1
        } while rest != 0
        for index in (0..<max(count, width)).reversed() { bytes.append(index < count ? digits[index] : 0x30) }
    }

    struct Interpolation: StringInterpolationProtocol {
        var text = Text()

        init(literalCapacity: Int, interpolationCount: Int) {
            text.bytes.reserveCapacity(literalCapacity + interpolationCount * 8)
        }

        mutating func appendLiteral(_ literal: StaticString) { text.append(literal) }
        mutating func appendInterpolation(_ other: Text) { text.bytes += other.bytes }
        mutating func appendInterpolation(_ literal: StaticString) { text.append(literal) }
        mutating func appendInterpolation(_ bytes: [UInt8]) { text.bytes += bytes }
        mutating func appendInterpolation(_ bytes: ArraySlice<UInt8>) { text.bytes += bytes }

        mutating func appendInterpolation(_ number: some BinaryInteger, width: Int = 1) {
            text.append(UInt64(truncatingIfNeeded: number), width: width)
        }

        mutating func appendInterpolation(hex number: some BinaryInteger, width: Int = 1) {
            text.append(UInt64(truncatingIfNeeded: number), radix: 16, width: width)
        }
    }
}

/// Whether some bytes spell a word.
func == (bytes: ArraySlice<UInt8>, word: StaticString) -> Bool {
    guard bytes.count == word.utf8CodeUnitCount else { return false }
    // Safe because a literal lives for ever and the index stays below its length.
    for index in 0..<bytes.count where unsafe bytes[bytes.startIndex + index] != word.utf8Start[index] { return false }
    return true
}
