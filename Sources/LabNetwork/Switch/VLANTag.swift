internal import PortStream

/// Puts an 802.1Q tag into a record, or takes it out: what the header says of the frame moves with it.
///
///     destination: 6   source: 6   [0x8100: 2   priority and VLAN: 2]   type: 2 ...
enum VLANTag {
    static let byteCount = 4
    static let idMask: UInt16 = 0x0FFF
    private static let start = PortRecord.prefixCount + NetworkHeader.byteCount
    private static let tagOffset = start + 12
    private static let smallest = start + NetworkHeader.ethernetCount

    /// What happens to the tag of a frame on its way out.
    enum Change: Hashable {
        case none
        case insert(UInt16)
        /// The frame has a tag already, of priority alone.
        case set(UInt16)
        case remove
    }

    /// - Returns: nil if the frame has no room for it, or nothing to take out.
    static func apply(_ change: Change, to bytes: Span<UInt8>, _ place: Range<Int>) -> [UInt8]? {
        guard place.count >= smallest else { return nil }
        var record: [UInt8] = []
        record.reserveCapacity(place.count + byteCount)
        // Safe because the buffer is the span's own, and is copied here.
        unsafe bytes.extracting(place).withUnsafeBufferPointer { unsafe record.append(contentsOf: $0) }
        switch change {
        case .none: break
        case .insert(let id):
            guard record.count + byteCount - PortRecord.prefixCount <= PortRecord.counts.upperBound else { return nil }
            record.insert(contentsOf: [0x81, 0x00, UInt8(truncatingIfNeeded: id >> 8), UInt8(truncatingIfNeeded: id)], at: tagOffset)
            resize(&record, by: byteCount)
        case .set(let id):
            guard record.count >= smallest + byteCount else { return nil }
            record[tagOffset + 2] = record[tagOffset + 2] & 0xF0 | UInt8(truncatingIfNeeded: id >> 8)
            record[tagOffset + 3] = UInt8(truncatingIfNeeded: id)
        case .remove:
            guard record.count >= smallest + byteCount else { return nil }
            record.removeSubrange(tagOffset..<(tagOffset + byteCount))
            resize(&record, by: -byteCount)
        }
        return record
    }

    /// Corrects the count, and in the header the length of the headers and where the checksum's range begins.
    private static func resize(_ record: inout [UInt8], by difference: Int) {
        let count = record.count - PortRecord.prefixCount
        for index in 0..<PortRecord.prefixCount { record[index] = UInt8(truncatingIfNeeded: count >> (24 - 8 * index)) }
        let flags = record[PortRecord.prefixCount]
        let segmentation = record[PortRecord.prefixCount + 1]
        if segmentation != 0 { move(&record, at: PortRecord.prefixCount + 2, by: difference) }
        if flags & 1 != 0 { move(&record, at: PortRecord.prefixCount + 6, by: difference) }
    }

    /// A little-endian word; one that would wrap stays, and is refused by whoever reads the header.
    private static func move(_ record: inout [UInt8], at offset: Int, by difference: Int) {
        let value = Int(record[offset]) | Int(record[offset + 1]) << 8
        guard let moved = UInt16(exactly: value + difference) else { return }
        record[offset] = UInt8(truncatingIfNeeded: moved)
        record[offset + 1] = UInt8(truncatingIfNeeded: moved >> 8)
    }
}
