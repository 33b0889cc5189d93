/// CRC-32 as zip, gzip and PNG have it (polynomial 0xEDB88320), so that any tool can check it.
struct Checksum {
    private var table: [UInt32] = []
    private var state: UInt32 = ~0

    init() {
        table.reserveCapacity(256)
        for byte in 0..<256 as Range<UInt32> {
            var value = byte
            for _ in 0..<8 { value = value & 1 != 0 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
            table.append(value)
        }
    }

    mutating func add(_ byte: UInt8) {
        state = table[Int((state ^ UInt32(byte)) & 0xFF)] ^ state >> 8
    }

    var value: UInt32 { ~state }
}
