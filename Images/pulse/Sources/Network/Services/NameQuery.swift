/// A question to a name server: the IPv4 addresses of a name (RFC 1035).
///
///     identifier (2), flags (2), questions (2), answers (2), authorities (2), additional (2)
///     question   name, type (2), class (2)
///     answer     name, type (2), class (2), seconds (4), length (2) | data
///     name       labels (length, letters) ... 0; a length of 0xC0 and above points elsewhere and ends it
final class NameQuery {
    let port: UInt16
    let server: IPv4Address
    private let identifier: UInt16
    private let name: [UInt8]
    private(set) var answer: Answer?

    enum Answer {
        case addresses([IPv4Address])
        /// The server's code: 3 is "no such name".
        case refused(UInt8)
    }

    static let longestName = 253
    private static let headerSize = 12
    private static let typeA: UInt16 = 1
    private static let internet: UInt16 = 1
    private static let isAnswer: UInt16 = 0x8000
    private static let recursionDesired: UInt16 = 0x0100
    private static let mostAddresses = 16

    /// `nil` if this is no name: a label that is empty or longer than 63 bytes.
    init?(_ text: ArraySlice<UInt8>, server: IPv4Address, random: UInt64) {
        var name: [UInt8] = []
        let dotless = text.last == 0x2E ? text.dropLast() : text
        guard !dotless.isEmpty, dotless.count <= Self.longestName else { return nil }
        for label in dotless.split(separator: 0x2E, omittingEmptySubsequences: false) {
            guard (1...63).contains(label.count) else { return nil }
            name.append(UInt8(label.count))
            name += label
        }
        name.append(0)
        self.name = name
        self.server = server
        identifier = UInt16(truncatingIfNeeded: random)
        port = 0xC000 | UInt16(truncatingIfNeeded: random >> 16) & 0x3FFF
    }

    var count: Int { Self.headerSize + name.count + 4 }

    func write(to packet: Packet) {
        packet.clear(0, Self.headerSize)
        packet.put(identifier, at: 0)
        packet.put(Self.recursionDesired, at: 2)
        packet.put(1 as UInt16, at: 4)
        packet.put(name, at: Self.headerSize)
        packet.put(Self.typeA, at: Self.headerSize + name.count)
        packet.put(Self.internet, at: Self.headerSize + name.count + 2)
    }

    func receive(_ packet: Packet, from source: IPv4Address) {
        guard source == server, answer == nil, packet.count >= count, packet.word(0) == identifier else { return }
        let flags = packet.word(2)
        guard flags & Self.isAnswer != 0, packet.word(4) == 1 else { return }
        guard flags & 15 == 0 else {
            answer = .refused(UInt8(truncatingIfNeeded: flags & 15))
            return
        }
        var found: [IPv4Address] = []
        var offset = count
        for _ in 0..<packet.word(6) {
            guard let next = Self.end(ofName: offset, in: packet), next + 10 <= packet.count else { break }
            let length = Int(packet.word(next + 8))
            guard next + 10 + length <= packet.count else { break }
            let isAddress = packet.word(next) == Self.typeA && packet.word(next + 2) == Self.internet && length == 4
            if isAddress, found.count < Self.mostAddresses { found.append(packet.address4(next + 10)) }
            offset = next + 10 + length
        }
        answer = .addresses(found)
    }

    /// Where a name ends; each label takes at least a byte, so this does.
    private static func end(ofName start: Int, in packet: Packet) -> Int? {
        var offset = start
        while offset < packet.count {
            let length = packet.byte(offset)
            if length >= 0xC0 { return offset + 2 }
            if length == 0 { return offset + 1 }
            offset += 1 + Int(length)
        }
        return nil
    }
}
