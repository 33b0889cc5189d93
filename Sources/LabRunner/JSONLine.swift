package import Foundation

/// JSON on one line with keys in order, so that the same value is always the same bytes.
package enum JSONLine {
    package static func encode(_ value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(value)
    }

    /// The line with its newline, for a stream.
    package static func line(_ value: some Encodable) throws -> [UInt8] {
        Array(try encode(value)) + [UInt8(ascii: "\n")]
    }

    package static func decode<Value: Decodable>(_ type: Value.Type, from bytes: some Sequence<UInt8>) throws -> Value {
        try JSONDecoder().decode(type, from: Data(bytes))
    }
}
