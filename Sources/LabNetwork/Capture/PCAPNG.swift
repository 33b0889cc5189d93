/// The capture format as far as a lab's captures use it (IETF draft-ietf-opsawg-pcapng), little-endian throughout.
///
///     block      { type: u32; count: u32; body, padded to 4; count: u32 }          count: of the whole block
///     section    0x0A0D0D0A { 0x1A2B3C4D: u32; 1: u16; 0: u16; -1: i64; options }
///     interface  1          { link type: u16; 0: u16; snap length: u32; options }
///     packet     6          { interface: u32; time, high: u32; time, low: u32; captured: u32; original: u32; bytes, padded to 4; options }
///     option     { code: u16; count: u16; value, padded to 4 }                     the last: code 0, count 0
package enum PCAPNG {
    package enum Block {
        package static let section: UInt32 = 0x0A0D_0D0A
        package static let interface: UInt32 = 1
        package static let packet: UInt32 = 6
    }

    package enum Option {
        package static let comment: UInt16 = 1
        package static let interfaceName: UInt16 = 2
        package static let packetFlags: UInt16 = 2
        package static let sectionApplication: UInt16 = 4
        package static let interfaceMAC: UInt16 = 6
        package static let interfaceResolution: UInt16 = 9
    }

    static let byteOrderMagic: UInt32 = 0x1A2B_3C4D
    static let ethernet: UInt16 = 1
    /// Times are in units of ten to the minus nine seconds.
    static let nanoseconds: UInt8 = 9
    /// Type, both counts.
    static let frameCount = 12
    /// Type, count, interface, time, captured and original length.
    static let packetHeaderCount = 28
    /// No block of ours comes near; what claims more is damage.
    package static let blockLimit = 1 << 20

    static func padded(_ count: Int) -> Int { (count + 3) & ~3 }
}

/// Blocks under construction: bytes that grow at their end.
struct BlockBuffer: Sendable {
    private(set) var bytes: [UInt8] = []

    var count: Int { bytes.count }

    mutating func reserve(_ count: Int) { bytes.reserveCapacity(count) }
    mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }
    mutating func removeFirst(_ count: Int) { bytes.removeFirst(count) }

    mutating func append(_ other: BlockBuffer) { bytes += other.bytes }

    mutating func append(_ value: some FixedWidthInteger) {
        // Safe because the bytes of a number are copied before it goes away.
        unsafe withUnsafeBytes(of: value.littleEndian) { unsafe bytes.append(contentsOf: $0) }
    }

    /// Bytes with zeros up to a multiple of four.
    mutating func appendPadded(_ span: Span<UInt8>) {
        // Safe because the view ends with the closure.
        unsafe span.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
        pad(span.count)
    }

    mutating func appendOption(_ code: UInt16, _ text: String) {
        let value = text.utf8.prefix(Int(UInt16.max))
        append(code)
        append(UInt16(truncatingIfNeeded: value.count))
        bytes.append(contentsOf: value)
        pad(value.count)
    }

    mutating func appendOption(_ code: UInt16, _ value: [UInt8]) {
        append(code)
        append(UInt16(truncatingIfNeeded: value.count))
        bytes.append(contentsOf: value)
        pad(value.count)
    }

    mutating func appendEndOfOptions() { append(UInt32(0)) }

    /// A whole block around what `body` appends.
    mutating func appendBlock(_ type: UInt32, _ body: (inout BlockBuffer) -> Void) {
        let start = bytes.count
        append(type)
        append(UInt32(0))
        body(&self)
        let count = UInt32(truncatingIfNeeded: bytes.count - start + 4)
        append(count)
        for index in 0..<4 { bytes[start + 4 + index] = UInt8(truncatingIfNeeded: count >> UInt32(8 * index)) }
    }

    /// A number of two bytes, big-endian, in the place of what is there.
    mutating func storeBig(_ value: UInt16, at offset: Int) {
        bytes[offset] = UInt8(truncatingIfNeeded: value >> 8)
        bytes[offset + 1] = UInt8(truncatingIfNeeded: value)
    }

    private mutating func pad(_ count: Int) {
        var rest = PCAPNG.padded(count) - count
        while rest > 0 {
            bytes.append(0)
            rest -= 1
        }
    }
}
