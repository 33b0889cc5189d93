/// Numbers of an on-disk structure, lowest byte first.
extension [UInt8] {
    mutating func put<T: FixedWidthInteger & UnsignedInteger>(_ value: T, at offset: Int) {
        for index in 0..<T.bitWidth / 8 { self[offset + index] = UInt8(truncatingIfNeeded: value >> T(8 * index)) }
    }

    mutating func put(_ text: StaticString, at offset: Int) {
        for (index, byte) in text.description.utf8.enumerated() { self[offset + index] = byte }
    }
}
