/// The sum that IP, TCP and UDP carry (RFC 1071): ones' complement of the ones' complement sum of 16-bit words, big-endian.
package enum InternetChecksum {
    /// The sum of these and what was summed before, in 16 bits; all but the last part of a range have an even number of bytes.
    package static func sum(_ bytes: some Collection<UInt8>, _ start: UInt32 = 0) -> UInt32 {
        // Safe because the view is used inside the call.
        let contiguous = bytes.withContiguousStorageIfAvailable { unsafe sum(Span(_unsafeElements: $0), start) }
        return contiguous ?? sum(Array(bytes).span, start)
    }

    /// Four bytes at a time: the sum of the halves of each is that of the words.
    package static func sum(_ bytes: Span<UInt8>, _ start: UInt32 = 0) -> UInt32 {
        var sum = UInt64(start)
        var index = 0
        // Safe because the view is used as long as the span lives.
        let raw = unsafe bytes.bytes
        while index + 4 <= bytes.count {
            // Safe because four bytes from there lie in the span, and any of them make a number.
            let word = unsafe raw.unsafeLoadUnaligned(fromUncheckedByteOffset: index, as: UInt32.self)
            sum &+= UInt64(UInt32(bigEndian: word))
            index += 4
        }
        if index + 2 <= bytes.count {
            sum &+= UInt64(bytes[index]) << 8 | UInt64(bytes[index + 1])
            index += 2
        }
        if index < bytes.count { sum &+= UInt64(bytes[index]) << 8 }
        while sum > 0xFFFF { sum = sum & 0xFFFF &+ sum >> 16 }
        return UInt32(truncatingIfNeeded: sum)
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
        store(finished(sum(frame[start...]), offset: Int(header.checksumOffset)), in: &frame, at: field)
    }

    /// The field's value for a sum.
    ///
    /// For UDP zero means "none", and its other form stands for it (RFC 768); TCP has zero only as zero (RFC 1624, section 3).
    /// - Parameter offset: of the field in its header, by which the two are told apart.
    package static func finished(_ sum: UInt32, offset: Int) -> UInt16 {
        let value = ~fold(sum)
        return value == 0 && offset == 6 ? 0xFFFF : value
    }

    package static func store(_ value: UInt16, in bytes: inout [UInt8], at offset: Int) {
        bytes[offset] = UInt8(truncatingIfNeeded: value >> 8)
        bytes[offset + 1] = UInt8(truncatingIfNeeded: value)
    }
}
