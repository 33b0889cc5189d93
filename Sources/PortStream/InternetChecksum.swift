/// The sum that IP, TCP and UDP carry (RFC 1071): ones' complement of the ones' complement sum of 16-bit words, big-endian.
package enum InternetChecksum {
    /// The sum so far, not yet folded; at most 2^16 words may be added to it.
    package static func sum(_ bytes: some Collection<UInt8>, _ start: UInt32 = 0) -> UInt32 {
        var sum = start
        var isHigh = true
        for byte in bytes {
            sum &+= isHigh ? UInt32(byte) << 8 : UInt32(byte)
            isHigh.toggle()
        }
        return sum
    }

    package static func fold(_ sum: UInt32) -> UInt16 {
        var sum = sum
        while sum > 0xFFFF { sum = sum & 0xFFFF &+ sum >> 16 }
        return UInt16(sum)
    }

    /// Completes what a header with `needsChecksum` left open; the field holds the pseudo header's sum already.
    /// - Parameter frame: its header has been checked against it.
    package static func complete(_ frame: inout [UInt8], _ header: NetworkHeader) {
        let start = Int(header.checksumStart)
        let field = start + Int(header.checksumOffset)
        guard header.needsChecksum, field + 2 <= frame.count else { return }
        let value = ~fold(sum(frame[start...]))
        // For UDP zero means "none"; its other form is the same number. TCP takes either.
        store(value == 0 ? 0xFFFF : value, in: &frame, at: field)
    }

    package static func store(_ value: UInt16, in bytes: inout [UInt8], at offset: Int) {
        bytes[offset] = UInt8(truncatingIfNeeded: value >> 8)
        bytes[offset + 1] = UInt8(truncatingIfNeeded: value)
    }
}
