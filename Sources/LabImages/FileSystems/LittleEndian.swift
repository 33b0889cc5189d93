/// Numbers of on-disk structures, lowest byte first. Offsets lie inside: the caller knows.
extension [UInt8] {
    mutating func put<T: FixedWidthInteger & UnsignedInteger>(_ value: T, at offset: Int) {
        for index in 0..<T.bitWidth / 8 { self[offset + index] = UInt8(truncatingIfNeeded: value >> T(8 * index)) }
    }

    mutating func put(_ text: StaticString, at offset: Int) {
        for (index, byte) in text.description.utf8.enumerated() { self[offset + index] = byte }
    }

    mutating func append(littleEndian value: some FixedWidthInteger & UnsignedInteger) {
        for shift in stride(from: 0, to: value.bitWidth, by: 8) { append(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    /// Reads `Value` at `offset`; the caller knows that it lies inside.
    func littleEndian<Value: FixedWidthInteger & UnsignedInteger>(_: Value.Type, at offset: Int) -> Value {
        var value: Value = 0
        for index in 0..<Value.bitWidth / 8 { value |= Value(truncatingIfNeeded: self[offset + index]) << (8 * index) }
        return value
    }
}
