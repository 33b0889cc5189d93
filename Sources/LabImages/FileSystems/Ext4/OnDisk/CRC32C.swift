/// CRC-32C (Castagnoli), as ext4 uses it: the state goes in and out as it is, without the usual inversions.
///
/// Sixteen bytes a step through sixteen tables: some 2 GB/s on any processor. An image has a few megabytes of metadata to
/// check, so nothing faster is worth a dependency on the processor.
enum CRC32C {
    static func update(_ seed: UInt32, _ bytes: UnsafeRawBufferPointer) -> UInt32 {
        // Safe because offsets stay below `end`, and table indices are below 16 * 256 by construction.
        unsafe tables.withUnsafeBufferPointer { table in
            var state = seed
            var offset = 0
            let end = bytes.count
            while end - offset >= 16 {
                let low = unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self).littleEndian ^ UInt64(state)
                let high = unsafe bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self).littleEndian
                state = unsafe eight(table, low, from: 8) ^ eight(table, high, from: 0)
                offset += 16
            }
            while offset < end {
                unsafe state = table[Int((state ^ UInt32(bytes[offset])) & 0xFF)] ^ (state >> 8)
                offset += 1
            }
            return state
        }
    }

    static func update(_ seed: UInt32, _ bytes: [UInt8]) -> UInt32 {
        // Safe because the bytes are only read, within the call.
        unsafe bytes.withUnsafeBytes { unsafe update(seed, $0) }
    }

    static func update(_ seed: UInt32, value: some FixedWidthInteger & UnsignedInteger) -> UInt32 {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: value)
        return update(seed, bytes)
    }

    @inline(__always)
    private static func eight(_ table: UnsafeBufferPointer<UInt32>, _ word: UInt64, from first: Int) -> UInt32 {
        @inline(__always) func look(_ place: Int) -> UInt32 {
            let byte = Int(truncatingIfNeeded: word >> (8 * UInt64(7 - place))) & 0xFF
            // Safe because first + place is below 16 and the byte below 256.
            return unsafe table[(first + place) << 8 | byte]
        }
        return look(0) ^ look(1) ^ look(2) ^ look(3) ^ look(4) ^ look(5) ^ look(6) ^ look(7)
    }

    /// Table `n` advances a byte over `n` further zero bytes.
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 16 * 256)
        for byte in 0..<256 {
            var value = UInt32(byte)
            for _ in 0..<8 { value = value & 1 == 1 ? (value >> 1) ^ 0x82F6_3B78 : value >> 1 }
            tables[byte] = value
        }
        for index in 256..<16 * 256 {
            let previous = tables[index - 256]
            tables[index] = tables[Int(previous & 0xFF)] ^ (previous >> 8)
        }
        return tables
    }()
}
