/// Writes the fields of a payload: numbers big-endian, texts with a 4-byte length before them.
package struct FieldWriter {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    package mutating func put(_ value: some FixedWidthInteger) { bytes.append(bigEndian: value) }

    package mutating func put(_ text: String) {
        put(UInt32(truncatingIfNeeded: text.utf8.count))
        bytes += text.utf8
    }

    package mutating func put(_ texts: [String]) {
        put(UInt32(truncatingIfNeeded: texts.count))
        for text in texts { put(text) }
    }
}

/// Reads the fields of a payload; every length is checked against what is there.
package struct FieldReader {
    private var rest: ArraySlice<UInt8>

    package init(_ payload: [UInt8]) { rest = payload[...] }

    package mutating func take<Number: FixedWidthInteger>(_ type: Number.Type = Number.self) throws(LinkError) -> Number {
        var value: Number = 0
        for byte in try take(count: Number.bitWidth / 8) { value = value << 8 | Number(truncatingIfNeeded: byte) }
        return value
    }

    package mutating func text() throws(LinkError) -> String {
        let length = try Int(take(UInt32.self))
        let bytes = try take(count: length)
        guard let text = String(validating: bytes, as: UTF8.self), !bytes.contains(0) else {
            throw LinkError("a text that is not UTF-8, or holds a NUL")
        }
        return text
    }

    package mutating func texts() throws(LinkError) -> [String] {
        let count = try take(UInt32.self)
        var texts: [String] = []
        for _ in 0..<count { texts.append(try text()) }
        return texts
    }

    /// Everything must have been read.
    package func finish() throws(LinkError) {
        guard rest.isEmpty else { throw LinkError("\(rest.count) bytes too many in a message") }
    }

    private mutating func take(count: Int) throws(LinkError) -> ArraySlice<UInt8> {
        guard rest.count >= count else { throw LinkError("a message cut short") }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }
}
