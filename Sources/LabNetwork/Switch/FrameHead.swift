/// What the switch looks at in a frame: read once, out of 14 bytes that are there.
///
///     destination: 6   source: 6   type: 2   [tag: 2, type: 2]   payload
struct FrameHead {
    let destination: UInt64
    let source: UInt64
    let type: UInt16

    /// A customer's tag (IEEE 802.1Q); any other tag is carried as payload.
    static let tagType: UInt16 = 0x8100
    static let serviceTagType: UInt16 = 0x88A8
    static let arpType: UInt16 = 0x0806
    static let ipv6Type: UInt16 = 0x86DD
    private static let addressMask: UInt64 = 0xFFFF_FFFF_FFFF
    private static let groupBit: UInt64 = 1 << 40

    /// - Parameter offset: where the frame begins; at least 14 bytes are there.
    @inline(__always)
    init(_ bytes: Span<UInt8>, at offset: Int) {
        // Safe because every pattern of bits is a number, and the loads are checked against the span's bounds.
        let raw = unsafe bytes.bytes
        let first = unsafe UInt64(bigEndian: raw.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
        let second = unsafe UInt64(bigEndian: raw.unsafeLoadUnaligned(fromByteOffset: offset + 6, as: UInt64.self))
        destination = first >> 16
        source = second >> 16
        type = UInt16(truncatingIfNeeded: second)
    }

    @inline(__always) var isGroup: Bool { destination & Self.groupBit != 0 }
    @inline(__always) var hasImpossibleSource: Bool { source & Self.groupBit != 0 || source == 0 }
    /// 01-80-C2-00-00-00 to -0F: from bridge to bridge, never further (IEEE 802.1Q table 8-1).
    @inline(__always) var isReserved: Bool { destination & ~0xF == 0x0180_C200_0000 }
}

extension FrameHead {
    @inline(__always) var isTagged: Bool { type == Self.tagType || type == Self.serviceTagType }
    /// Words between neighbours may stand in it.
    @inline(__always) var mayBeNeighbors: Bool { type == Self.arpType || type == Self.ipv6Type || isTagged }
}
