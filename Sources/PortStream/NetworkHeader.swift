/// What stands before each frame, on the queues and on the port's stream alike (virtio 1.2 section 5.1.6): 12 bytes, little-endian.
///
///     { flags: u8, gso_type: u8, hdr_len: u16, gso_size: u16, csum_start: u16, csum_offset: u16, num_buffers: u16 }
///
/// The sender may leave the checksum of one range to whoever needs it (`needsChecksum`) and may hand over one large TCP
/// segment (`segmentation`). A header that comes out of `init(checking:)` is true of its frame: nothing it names lies outside.
package struct NetworkHeader: Hashable, Sendable {
    package static let byteCount = 12
    /// Where `num_buffers` is.
    package static let buffersOffset = 10

    package enum Segmentation: UInt8, Hashable, Sendable {
        case none = 0
        case tcp4 = 1
        case tcp6 = 4
    }

    package var needsChecksum = false
    package var segmentation = Segmentation.none
    /// The large segment has TCP's congestion mark.
    package var hasECN = false
    /// Bytes of payload in each segment; 0 without segmentation.
    package var segmentSize: UInt16 = 0
    package var headerCount: UInt16 = 0
    /// The range begins here and ends with the frame; the checksum lies `checksumOffset` bytes into it.
    package var checksumStart: UInt16 = 0
    package var checksumOffset: UInt16 = 0

    private static let needsChecksumFlag: UInt8 = 1
    private static let ecnFlag: UInt8 = 0x80
    /// Ethernet's own header.
    package static let ethernetCount = 14

    package init() {}

    /// Judges 12 bytes against the frame that they describe.
    /// - Returns: nil if they promise what cannot be: a checksum past the end, an unknown kind of segmentation, segments of nothing.
    package init?(checking bytes: some RandomAccessCollection<UInt8>, frameCount: Int) {
        guard bytes.count >= Self.byteCount else { return nil }
        func byte(_ offset: Int) -> UInt8 { bytes[bytes.index(bytes.startIndex, offsetBy: offset)] }
        func word(_ offset: Int) -> UInt16 { UInt16(byte(offset)) | UInt16(byte(offset + 1)) << 8 }
        guard let segmentation = Segmentation(rawValue: byte(1) & ~Self.ecnFlag) else { return nil }
        // Other flags are for receivers, or unknown: ignored, as the specification wants.
        needsChecksum = byte(0) & Self.needsChecksumFlag != 0
        self.segmentation = segmentation
        if needsChecksum {
            checksumStart = word(6)
            checksumOffset = word(8)
            guard Int(checksumStart) >= Self.ethernetCount, Int(checksumStart) + Int(checksumOffset) + 2 <= frameCount else { return nil }
        }
        if segmentation != .none {
            hasECN = byte(1) & Self.ecnFlag != 0
            headerCount = word(2)
            segmentSize = word(4)
            guard needsChecksum, segmentSize > 0, Int(headerCount) <= frameCount else { return nil }
        }
    }

    package func bytes(buffers: UInt16) -> [UInt8] {
        var bytes: [UInt8] = [needsChecksum ? Self.needsChecksumFlag : 0, segmentation.rawValue | (hasECN ? Self.ecnFlag : 0)]
        for word in [headerCount, segmentSize, checksumStart, checksumOffset, buffers] {
            bytes.append(UInt8(truncatingIfNeeded: word))
            bytes.append(UInt8(truncatingIfNeeded: word >> 8))
        }
        return bytes
    }
}
