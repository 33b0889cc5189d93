/// The bytes on a carrier's link: the one stream between the host and the init inside a carrier, both ways.
///
///     +------+-----------------+---------------------+
///     | kind | length, 4 bytes | payload             |
///     | byte | big-endian      | `length` bytes      |
///     +------+-----------------+---------------------+
///
/// A virtio port has no end-of-file that survives, so ends are frames too.
package struct Frame: Hashable, Sendable {
    package var kind: UInt8
    package var payload: [UInt8]

    package init(kind: UInt8, payload: [UInt8]) {
        self.kind = kind
        self.payload = payload
    }

    /// Payloads are bounded, so that neither side can make the other hold more than this: a chunk of a file, or a command line.
    package static let longestPayload = 1 << 20
    package static let headerLength = 5

    package func append(to bytes: inout [UInt8]) {
        bytes.append(kind)
        bytes.append(bigEndian: UInt32(truncatingIfNeeded: payload.count))
        bytes += payload
    }
}

/// Cuts a stream of bytes, arriving in any pieces, into frames.
package struct FrameReader {
    private var buffer: [UInt8] = []
    private var start = 0

    package init() {}

    package mutating func append(_ bytes: some Sequence<UInt8>) {
        if start > 0 {
            buffer.removeSubrange(..<start)
            start = 0
        }
        buffer += bytes
    }

    /// The next whole frame; `nil` when more bytes are needed.
    package mutating func next() throws(LinkError) -> Frame? {
        guard buffer.count - start >= Frame.headerLength else { return nil }
        let length = buffer[(start + 1)..<(start + Frame.headerLength)].reduce(0) { $0 << 8 | Int($1) }
        guard length <= Frame.longestPayload else {
            throw LinkError("a frame of \(length) bytes, at most \(Frame.longestPayload) are allowed")
        }
        let end = start + Frame.headerLength + length
        guard buffer.count >= end else { return nil }
        defer { start = end }
        return Frame(kind: buffer[start], payload: Array(buffer[(start + Frame.headerLength)..<end]))
    }
}

/// What arrived on a carrier's link is not what the two sides agreed on.
package struct LinkError: Error, Hashable, Sendable, CustomStringConvertible {
    package var description: String

    package init(_ description: String) { self.description = "the carrier's link carries nonsense: \(description)" }
}

extension [UInt8] {
    package mutating func append(bigEndian value: some FixedWidthInteger) {
        for shift in stride(from: value.bitWidth - 8, through: 0, by: -8) { append(UInt8(truncatingIfNeeded: value >> shift)) }
    }
}
