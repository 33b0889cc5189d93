import CPU

/// The sum that IP, ICMP and UDP carry (RFC 1071).
///
/// Ones' complement sums do not care about byte order, so whole 64-bit words are added as they lie and swapped at the end.
struct InternetChecksum {
    private var sum: UInt64 = 0

    private static let half: UInt64 = 0xFFFF_FFFF

    private mutating func add(raw value: UInt64) {
        let (next, overflow) = sum.addingReportingOverflow(value)
        sum = next &+ (overflow ? 1 : 0)
    }

    mutating func add(_ word: UInt16) { add(raw: UInt64(word.byteSwapped)) }
    mutating func add(_ long: UInt32) { add(raw: UInt64(long.byteSwapped)) }
    mutating func add(_ address: IPv4Address) { add(address.bits) }

    /// Bytes that stand at an even offset of what is summed.
    mutating func add(_ packet: Packet) {
        var place = packet.address
        let end = place &+ UInt64(packet.count)
        while end &- place >= 32 {
            // Halves of four words each fit into 64 bits: no carry to look after.
            let words = (load64(place), load64(place &+ 8), load64(place &+ 16), load64(place &+ 24))
            add(raw: (words.0 & Self.half) &+ (words.1 & Self.half) &+ (words.2 & Self.half) &+ (words.3 & Self.half))
            add(raw: (words.0 >> 32) &+ (words.1 >> 32) &+ (words.2 >> 32) &+ (words.3 >> 32))
            place &+= 32
        }
        while end &- place >= 8 {
            add(raw: load64(place))
            place &+= 8
        }
        var rest: UInt64 = 0
        var shift: UInt64 = 0
        while place < end {
            rest |= UInt64(load8(place)) << shift
            shift &+= 8
            place &+= 1
        }
        add(raw: rest)
    }

    /// The sum itself: all ones over data that holds its own checksum.
    var folded: UInt16 {
        var value = sum
        while value > 0xFFFF { value = value & 0xFFFF &+ value >> 16 }
        return UInt16(truncatingIfNeeded: value).byteSwapped
    }

    /// What belongs into the checksum's field.
    var value: UInt16 { ~folded }

    static func of(_ packet: Packet) -> UInt16 {
        var sum = InternetChecksum()
        sum.add(packet)
        return sum.value
    }

    static func isRight(_ packet: Packet) -> Bool { of(packet) == 0 }
}
