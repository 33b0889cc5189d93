/// A question as it came (RFC 1035, 4.1; RFC 6891).
///
///     { id: u16, flags: u16, questions: u16, answers: u16, authorities: u16, additional: u16 }
///     question { name, type: u16, class: u16 }   record { name, type: u16, class: u16, ttl: u32, count: u16, value }
package struct DNSQuery: Sendable {
    package let id: UInt16
    /// As they came; see `DNSFlag`.
    package let flags: UInt16
    package let content: Content

    package enum Content: Sendable {
        case question(Question, EDNS?)
        /// Not a question that can be understood, or none at all.
        case malformed
        /// Something other than a question is wanted.
        case unknownOperation
    }

    package struct Question: Sendable {
        package var name: DNSName
        package var type: UInt16
        package var `class`: UInt16
    }

    /// The extension record: what the asker can take.
    package struct EDNS: Sendable {
        package var size: UInt16
        package var version: UInt8
        package var wantsSignatures: Bool
    }

    private static let headerCount = 12
    /// Records past the question that are looked at; an honest question has one or two.
    private static let recordLimit = 16

    /// - Returns: nil for what must not be answered: too short for an answer's address, or an answer itself.
    package init?(_ bytes: ArraySlice<UInt8>) {
        var reader = PacketReader(bytes)
        guard let id = reader.word(), let flags = reader.word(), let questions = reader.word(), let answers = reader.word(),
            let authorities = reader.word(), let additional = reader.word(), flags & DNSFlag.isAnswer == 0
        else { return nil }
        self.id = id
        self.flags = flags
        guard flags & DNSFlag.operation == 0 else {
            content = .unknownOperation
            return
        }
        let records = Int(answers) + Int(authorities) + Int(additional)
        guard questions == 1, records <= Self.recordLimit, let name = DNSName(&reader), let type = reader.word(),
            let `class` = reader.word()
        else {
            content = .malformed
            return
        }
        var extensions: [EDNS] = []
        for _ in 0..<records {
            let isRootsOwn = reader.rest.first == 0
            guard DNSName.skip(&reader), let type = reader.word(), let size = reader.word(), let life = reader.long(),
                let count = reader.word(), let value = reader.take(Int(count))
            else {
                content = .malformed
                return
            }
            guard type == DNSType.extensions else { continue }
            guard isRootsOwn, Self.isOptionList(value) else {
                content = .malformed
                return
            }
            extensions.append(
                EDNS(size: size, version: UInt8(truncatingIfNeeded: life >> 16), wantsSignatures: life & 0x8000 != 0))
        }
        content = extensions.count > 1 ? .malformed : .question(Question(name: name, type: type, class: `class`), extensions.first)
    }

    /// `{ code: u16, count: u16, value }...`; which ones does not matter, none is known here.
    private static func isOptionList(_ bytes: ArraySlice<UInt8>) -> Bool {
        var reader = PacketReader(bytes)
        while !reader.rest.isEmpty {
            guard reader.word() != nil, let count = reader.word(), reader.take(Int(count)) != nil else { return false }
        }
        return true
    }
}

package enum DNSFlag {
    package static let isAnswer: UInt16 = 0x8000
    package static let operation: UInt16 = 0x7800
    package static let isAuthority: UInt16 = 0x0400
    package static let isTruncated: UInt16 = 0x0200
    package static let recursionDesired: UInt16 = 0x0100
    package static let recursionAvailable: UInt16 = 0x0080
    package static let checkingDisabled: UInt16 = 0x0010
}

package enum DNSType {
    package static let a: UInt16 = 1
    package static let ns: UInt16 = 2
    package static let soa: UInt16 = 6
    package static let ptr: UInt16 = 12
    package static let aaaa: UInt16 = 28
    package static let extensions: UInt16 = 41
    /// Transfers of whole zones, and what else is no type of a record.
    package static let transfers: ClosedRange<UInt16> = 249...254
    package static let any: UInt16 = 255
    package static let internet: UInt16 = 1
}

/// RFC 1035, 4.1.1; the last is of the extension record (RFC 6891, 9).
package enum DNSCode: UInt16, Sendable {
    case fine = 0
    case malformed = 1
    case failure = 2
    case noName = 3
    case notImplemented = 4
    case refused = 5
    case badVersion = 16
}
