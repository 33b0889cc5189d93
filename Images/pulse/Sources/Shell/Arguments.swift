/// The words of a command.
struct Arguments {
    private var rest: ArraySlice<UInt8>
    private let usage: StaticString

    init(_ rest: ArraySlice<UInt8>, usage: StaticString) {
        self.rest = rest
        self.usage = usage
    }

    /// The next word, `nil` at the end.
    mutating func word() -> ArraySlice<UInt8>? {
        rest = rest.drop(while: { $0 == 0x20 })
        let word = rest.prefix(while: { $0 != 0x20 })
        rest = rest.dropFirst(word.count)
        return word.isEmpty ? nil : word
    }

    /// How many words are left.
    var count: Int { rest.split(separator: 0x20).count }

    /// The next word as a number if there is one, else `ordinary`.
    mutating func number(upTo limit: UInt64, _ what: StaticString, else ordinary: UInt64) throws(Fault) -> UInt64 {
        count == 0 ? ordinary : try number(upTo: limit, what)
    }

    /// A decimal number, or a hexadecimal one after `0x`.
    mutating func number() throws(Fault) -> UInt64 {
        guard let word = word() else { throw .usage(usage) }
        let isHex = word.prefix(2) == "0x"
        let radix: UInt64 = isHex ? 16 : 10
        let digits = isHex ? word.dropFirst(2) : word
        guard !digits.isEmpty else { throw .usage(usage) }
        var value: UInt64 = 0
        for byte in digits {
            guard let digit = Self.digit(byte), digit < radix else { throw .usage(usage) }
            let (product, overflowed) = value.multipliedReportingOverflow(by: radix)
            let (sum, overflowedToo) = product.addingReportingOverflow(digit)
            guard !overflowed, !overflowedToo else { throw .outOfRange("number") }
            value = sum
        }
        return value
    }

    mutating func number(upTo limit: UInt64, _ what: StaticString) throws(Fault) -> UInt64 {
        let value = try number()
        guard value <= limit else { throw .outOfRange(what) }
        return value
    }

    /// All that follows, without the spaces before it.
    mutating func text() -> ArraySlice<UInt8> {
        defer { rest = [] }
        return rest.drop(while: { $0 == 0x20 })
    }

    func refuse() throws(Fault) -> Never { throw .usage(usage) }

    private static func digit(_ byte: UInt8) -> UInt64? {
        switch byte {
        case 0x30...0x39: UInt64(byte) - 0x30
        case 0x61...0x66: UInt64(byte) - 0x57
        case 0x41...0x46: UInt64(byte) - 0x37
        default: nil
        }
    }
}
