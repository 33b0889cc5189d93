/// Cuts one large TCP segment into frames of the size that its header names, for a guest that cannot take it whole.
///
/// One frame at a time, so that a sender who asks for 65,000 tiny ones costs no memory. Every number is read out of the frame
/// itself and checked once; `hdr_len` is not believed.
package struct Segmenter: Sendable {
    private let frame: [UInt8]
    private let header: NetworkHeader
    private let ip: Int
    private let tcp: Int
    private let payload: Int
    private var done: Int
    private var count: UInt16 = 0

    private enum Flag {
        static let fin: UInt8 = 0x01
        static let push: UInt8 = 0x08
        static let congestionReduced: UInt8 = 0x80
    }

    /// - Returns: nil if the frame is not the TCP segment that its header says.
    package init?(_ frame: [UInt8], _ header: NetworkHeader) {
        guard header.segmentation != .none, header.segmentSize > 0, frame.count >= NetworkHeader.ethernetCount else { return nil }
        let type = Self.word(frame, 12)
        let isTagged = type == 0x8100 || type == 0x88A8
        ip = NetworkHeader.ethernetCount + (isTagged ? 4 : 0)
        tcp = Int(header.checksumStart)
        let isVersion4 = header.segmentation == .tcp4
        guard tcp >= ip + (isVersion4 ? 20 : 40), tcp + 20 <= frame.count, header.checksumOffset == 16 else { return nil }
        guard frame[ip] >> 4 == (isVersion4 ? 4 : 6) else { return nil }
        guard !isVersion4 || Int(frame[ip] & 15) * 4 == tcp - ip else { return nil }
        payload = tcp + Int(frame[tcp + 12] >> 4) * 4
        guard payload >= tcp + 20, payload < frame.count else { return nil }
        self.frame = frame
        self.header = header
        done = payload
    }

    private static func word(_ bytes: [UInt8], _ offset: Int) -> UInt16 { UInt16(bytes[offset]) << 8 | UInt16(bytes[offset + 1]) }

    /// The next frame, its checksums complete.
    package mutating func next() -> [UInt8]? {
        guard done < frame.count else { return nil }
        let part = frame[done..<min(done + Int(header.segmentSize), frame.count)]
        let isFirst = done == payload
        let isLast = part.endIndex == frame.count
        var piece = Array(frame[..<payload]) + part
        let sequence = UInt32(Self.word(frame, tcp + 4)) << 16 | UInt32(Self.word(frame, tcp + 6))
        let moved = sequence &+ UInt32(done - payload)
        InternetChecksum.store(UInt16(truncatingIfNeeded: moved >> 16), in: &piece, at: tcp + 4)
        InternetChecksum.store(UInt16(truncatingIfNeeded: moved), in: &piece, at: tcp + 6)
        if !isLast { piece[tcp + 13] &= ~(Flag.fin | Flag.push) }
        if !isFirst { piece[tcp + 13] &= ~Flag.congestionReduced }
        let pseudo = header.segmentation == .tcp4 ? finish4(&piece) : finish6(&piece)
        InternetChecksum.store(0, in: &piece, at: tcp + 16)
        let sum = InternetChecksum.sum(piece[tcp...], pseudo &+ 6 &+ UInt32(piece.count - tcp))
        InternetChecksum.store(~InternetChecksum.fold(sum), in: &piece, at: tcp + 16)
        done = part.endIndex
        count &+= 1
        return piece
    }

    /// Total length, identification, header checksum; the addresses' sum for TCP's own.
    private func finish4(_ piece: inout [UInt8]) -> UInt32 {
        InternetChecksum.store(UInt16(truncatingIfNeeded: piece.count - ip), in: &piece, at: ip + 2)
        InternetChecksum.store(Self.word(frame, ip + 4) &+ count, in: &piece, at: ip + 4)
        InternetChecksum.store(0, in: &piece, at: ip + 10)
        InternetChecksum.store(~InternetChecksum.fold(InternetChecksum.sum(piece[ip..<tcp])), in: &piece, at: ip + 10)
        return InternetChecksum.sum(piece[(ip + 12)..<(ip + 20)])
    }

    private func finish6(_ piece: inout [UInt8]) -> UInt32 {
        InternetChecksum.store(UInt16(truncatingIfNeeded: piece.count - ip - 40), in: &piece, at: ip + 4)
        return InternetChecksum.sum(piece[(ip + 8)..<(ip + 40)])
    }
}
