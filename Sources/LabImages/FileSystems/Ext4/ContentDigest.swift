/// A 128-bit digest of everything an image is made from, in the order in which it came. It becomes the disk's UUID and hash seed, so
/// that one content always makes one image and two contents do not share a UUID by chance.
///
/// It is fast (several bytes a cycle on any 64-bit processor) and not cryptographic: whoever wants two archives with one
/// UUID can have them, and gains nothing. File data come in as whole blocks with their place in the file, holes and zero blocks
/// left out, so it does not matter in what pieces or with what compression the data arrived.
struct ContentDigest: Sendable {
    private var first: UInt64 = 0x9E37_79B9_7F4A_7C15
    private var second: UInt64 = 0xD1B5_4A32_D192_ED03
    private var third: UInt64 = 0x8CB9_2BA7_2F3D_8DD7
    private var fourth: UInt64 = 0xA24B_AED4_963E_E407

    private static let keys: (UInt64, UInt64, UInt64, UInt64) = (
        0xA076_1D64_78BD_642F, 0xE703_7ED1_A0B4_28DB, 0x8EBC_6AF0_9C88_C6E3, 0x5899_65CC_7537_4CC3
    )

    /// The high and low half of the product, folded together.
    @inline(__always)
    private static func mix(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }

    mutating func absorb(_ value: UInt64) {
        first = Self.mix(first ^ value, Self.keys.0)
        third = Self.mix(third &+ value, Self.keys.2 ^ first)
    }

    /// Bytes of any number; the number counts too.
    mutating func absorb(_ bytes: [UInt8]) {
        absorb(UInt64(bytes.count))
        var position = 0
        while position < bytes.count {
            var word: UInt64 = 0
            for index in position..<min(position + 8, bytes.count) { word = word << 8 | UInt64(bytes[index]) }
            absorb(word)
            position += 8
        }
    }

    /// Data of a file: whole blocks, the first of them at `block`. Each counts by itself, so it does not matter how many come at once.
    mutating func absorb(blocks bytes: UnsafeRawBufferPointer, at block: UInt32) {
        var number = UInt64(block)
        var offset = 0
        while offset < bytes.count {
            absorb(number)
            let end = min(offset + Ext4Geometry.blockSize, bytes.count)
            var (a, b, c, d) = (first, second, third, fourth)
            while offset + 64 <= end {
                // Safe because 64 bytes from the offset on are inside.
                @inline(__always) func word(_ place: Int) -> UInt64 {
                    unsafe bytes.loadUnaligned(fromByteOffset: offset + place * 8, as: UInt64.self)
                }
                a = Self.mix(a ^ word(0), word(1) ^ Self.keys.0)
                b = Self.mix(b ^ word(2), word(3) ^ Self.keys.1)
                c = Self.mix(c ^ word(4), word(5) ^ Self.keys.2)
                d = Self.mix(d ^ word(6), word(7) ^ Self.keys.3)
                offset += 64
            }
            (first, second, third, fourth) = (a, b, c, d)
            offset = end
            number += 1
        }
    }

    /// Two independent 16-byte values: one for the UUID, one for the hash seed.
    func finished() -> (uuid: [UInt8], seed: [UInt8]) {
        func bytes(_ salt: UInt64) -> [UInt8] {
            let a = Self.mix(first ^ salt, second ^ Self.keys.0)
            let b = Self.mix(third ^ salt, fourth ^ Self.keys.1)
            let c = Self.mix(a ^ Self.keys.2, b ^ salt)
            var result: [UInt8] = []
            result.append(littleEndian: Self.mix(a ^ c, Self.keys.3) ^ b)
            result.append(littleEndian: Self.mix(b ^ c, Self.keys.2) ^ a)
            return result
        }
        var uuid = bytes(0x243F_6A88_85A3_08D3)
        // RFC 9562, version 8: a UUID by the maker's own rule.
        uuid[6] = uuid[6] & 0x0F | 0x80
        uuid[8] = uuid[8] & 0x3F | 0x80
        return (uuid, bytes(0x1319_8A2E_0370_7344))
    }
}
