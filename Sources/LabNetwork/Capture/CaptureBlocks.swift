/// The whole blocks at the beginning of some bytes, one after the other; ends before a torn or damaged one.
package struct CaptureBlocks: Sendable, IteratorProtocol {
    private let bytes: [UInt8]
    /// One past the last whole block so far.
    package private(set) var end = 0

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    package struct Block: Hashable, Sendable {
        package var type: UInt32
        /// Of the whole block, both counts included.
        package var range: Range<Int>
    }

    package mutating func next() -> Block? {
        guard let type = Self.word(bytes, end), let count = Self.word(bytes, end + 4).map({ Int($0) }) else { return nil }
        guard count >= PCAPNG.frameCount, count % 4 == 0, count <= PCAPNG.blockLimit, count <= bytes.count - end else { return nil }
        guard Self.word(bytes, end + count - 4) == UInt32(count) else { return nil }
        let range = end..<(end + count)
        end = range.upperBound
        return Block(type: type, range: range)
    }

    /// How many packets some whole blocks hold.
    package static func packets(in bytes: ArraySlice<UInt8>) -> UInt64 {
        var blocks = CaptureBlocks(Array(bytes))
        var count: UInt64 = 0
        while let block = blocks.next() {
            if block.type == PCAPNG.Block.packet { count += 1 }
        }
        return count
    }

    fileprivate static func word(_ bytes: [UInt8], _ offset: Int) -> UInt32? {
        guard offset >= 0, offset <= bytes.count - 4 else { return nil }
        return UInt32(bytes[offset]) | UInt32(bytes[offset + 1]) << 8 | UInt32(bytes[offset + 2]) << 16 | UInt32(bytes[offset + 3]) << 24
    }
}

extension CaptureBlocks.Block {
    /// Nanoseconds since 1970 of a packet block; nil for other blocks.
    package func time(in bytes: [UInt8]) -> UInt64? {
        guard type == PCAPNG.Block.packet, range.count >= PCAPNG.packetHeaderCount + 4 else { return nil }
        guard let high = CaptureBlocks.word(bytes, range.lowerBound + 12), let low = CaptureBlocks.word(bytes, range.lowerBound + 16) else {
            return nil
        }
        return UInt64(high) << 32 | UInt64(low)
    }

    /// The comment of a section's header.
    func sectionComment(in bytes: [UInt8]) -> String? {
        let end = range.upperBound - 4
        var offset = range.lowerBound + 24
        while offset + 4 <= end {
            let code = UInt16(bytes[offset]) | UInt16(bytes[offset + 1]) << 8
            let count = Int(bytes[offset + 2]) | Int(bytes[offset + 3]) << 8
            let value = offset + 4
            guard code != 0, count <= end - value else { return nil }
            if code == PCAPNG.Option.comment { return String(decoding: bytes[value..<(value + count)], as: UTF8.self) }
            offset = value + PCAPNG.padded(count)
        }
        return nil
    }
}
