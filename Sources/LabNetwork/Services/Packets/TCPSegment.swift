/// A TCP segment, its lengths and sum checked (RFC 9293, 3.1).
///
///     { from: u16, to: u16, sequence: u32, acknowledged: u32, words of header: 4 bits, flags: 12 bits, window: u16, sum: u16, urgent: u16, options }
package struct TCPSegment: Sendable {
    package struct Flags: OptionSet, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        package static let finish = Flags(rawValue: 0x01)
        package static let synchronize = Flags(rawValue: 0x02)
        package static let reset = Flags(rawValue: 0x04)
        package static let push = Flags(rawValue: 0x08)
        package static let acknowledge = Flags(rawValue: 0x10)
    }

    package var sourcePort: UInt16
    package var destinationPort: UInt16
    package var sequence: UInt32
    package var acknowledged: UInt32
    package var flags: Flags
    package var window: UInt16
    /// The largest segment that the sender takes; with `synchronize` only.
    package var segmentLimit: UInt16?
    package var content: ArraySlice<UInt8>

    package init(
        from sourcePort: UInt16, to destinationPort: UInt16, sequence: UInt32, acknowledged: UInt32, flags: Flags, window: UInt16,
        segmentLimit: UInt16? = nil, content: ArraySlice<UInt8> = []
    ) {
        self.sourcePort = sourcePort
        self.destinationPort = destinationPort
        self.sequence = sequence
        self.acknowledged = acknowledged
        self.flags = flags
        self.window = window
        self.segmentLimit = segmentLimit
        self.content = content
    }

    package init?(_ packet: IPPacket) {
        guard packet.transport == IPPacket.Transport.tcp, !packet.isFragment, packet.hasTrueChecksum else { return nil }
        var reader = PacketReader(packet.payload)
        guard let source = reader.word(), let destination = reader.word(), let sequence = reader.long(), let acknowledged = reader.long(),
            let shape = reader.word(), let window = reader.word(), reader.long() != nil
        else { return nil }
        let headerCount = Int(shape >> 12) * 4
        guard headerCount >= 20, let options = reader.take(headerCount - 20) else { return nil }
        sourcePort = source
        destinationPort = destination
        self.sequence = sequence
        self.acknowledged = acknowledged
        flags = Flags(rawValue: UInt8(truncatingIfNeeded: shape & 0x1F))
        self.window = window
        segmentLimit = Self.segmentLimit(in: options)
        content = reader.rest
    }

    private static func segmentLimit(in options: ArraySlice<UInt8>) -> UInt16? {
        var reader = PacketReader(options)
        while let kind = reader.byte(), kind != 0 {
            if kind == 1 { continue }
            guard let count = reader.byte(), count >= 2, let value = reader.take(Int(count) - 2) else { return nil }
            if kind == 2, value.count == 2 { return value.reduce(0) { $0 << 8 | UInt16($1) } }
        }
        return nil
    }

    /// Room that it takes among the sequence numbers.
    package var length: UInt32 {
        UInt32(truncatingIfNeeded: content.count) &+ (flags.contains(.synchronize) ? 1 : 0) &+ (flags.contains(.finish) ? 1 : 0)
    }

    /// What says to its sender that there is no such connection; nil for a refusal itself (RFC 9293, 3.10.7.1).
    package var refusal: TCPSegment? {
        guard !flags.contains(.reset) else { return nil }
        if flags.contains(.acknowledge) {
            return TCPSegment(from: destinationPort, to: sourcePort, sequence: acknowledged, acknowledged: 0, flags: .reset, window: 0)
        }
        return TCPSegment(
            from: destinationPort, to: sourcePort, sequence: 0, acknowledged: sequence &+ length, flags: [.reset, .acknowledge], window: 0)
    }

    func frame(from sender: Endpoint, to other: Endpoint) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(word: sourcePort)
        bytes.append(word: destinationPort)
        bytes.append(long: sequence)
        bytes.append(long: acknowledged)
        bytes += [segmentLimit == nil ? 0x50 : 0x60, flags.rawValue]
        bytes.append(word: window)
        bytes += [0, 0, 0, 0]
        if let segmentLimit {
            bytes += [2, 4]
            bytes.append(word: segmentLimit)
        }
        return sender.frame(to: other, transport: IPPacket.Transport.tcp, payload: bytes + content, checksumAt: 16)
    }
}
