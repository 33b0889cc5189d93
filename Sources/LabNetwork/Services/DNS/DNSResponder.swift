internal import LabModel

/// Answers one question for a lab's names.
package struct DNSResponder: Sendable {
    package enum Outcome: Sendable {
        case nothing
        case answer([UInt8])
        /// The asker's uplink knows, the lab does not.
        case elsewhere
    }

    package static let port: UInt16 = 53

    package enum Carrier: Sendable { case datagram, stream }
    package enum Uplink: Sendable { case none, down, up }

    /// Seconds that an answer may be kept for: a lab's names change when its file does.
    private static let life: UInt32 = 60
    /// Seconds that "there is none" may be kept for: a machine may just be on its way.
    private static let lifeOfNothing: UInt32 = 5
    /// Bytes that fit any path without fragments (the DNS flag day's).
    private static let largest = 1232
    private static let largestWithoutExtensions = 512

    private var zone: DNSZone

    package init(_ settings: BridgeSettings) { zone = DNSZone(settings) }

    /// A machine has an IPv6 address, or is about to have it.
    mutating func note(_ address: IPv6Address) { zone.note(address) }

    package func answer(_ bytes: ArraySlice<UInt8>, askedOn network: NetworkIndex, uplink: Uplink, over carrier: Carrier) -> Outcome {
        guard let query = DNSQuery(bytes) else { return .nothing }
        switch query.content {
        case .unknownOperation:
            return .answer(Self.header(query, .notImplemented, flags: query.flags & DNSFlag.operation, questions: 0))
        case .malformed:
            return .answer(Self.header(query, .malformed, flags: 0, questions: 0))
        case .question(let question, let extensions):
            var flags: UInt16 = query.flags & DNSFlag.checkingDisabled | (uplink == .none ? 0 : DNSFlag.recursionAvailable)
            var reply = Reply(question)
            var code = DNSCode.fine
            if let extensions, extensions.version > 0 {
                code = .badVersion
            } else if question.class != DNSType.internet || DNSType.transfers.contains(question.type) {
                code = .refused
            } else {
                switch zone.find(question.name, askedOn: network) {
                case .name(let values, let zone):
                    flags |= DNSFlag.isAuthority
                    reply.answer(values, zone: zone)
                case .nothing(let zone):
                    flags |= DNSFlag.isAuthority
                    code = .noName
                    reply.describe(zone)
                case .outside where uplink == .up:
                    return .elsewhere
                case .outside where uplink == .down:
                    code = .failure
                case .outside where question.name.labelCount == 1:
                    // Without a way out a bare word is a machine's name or nobody's: a resolver must not ask on.
                    code = .noName
                    reply.describe(.root)
                case .outside:
                    code = .refused
                }
            }
            let limit: Int
            switch carrier {
            case .stream: limit = Int(UInt16.max)
            case .datagram:
                limit =
                    extensions.map { min(max(Int($0.size), Self.largestWithoutExtensions), Self.largest) } ?? Self.largestWithoutExtensions
            }
            return .answer(reply.bytes(query, code, flags: flags, extensions: extensions, limit: limit))
        }
    }

    private static func header(_ query: DNSQuery, _ code: DNSCode, flags: UInt16, questions: UInt16, counts: [UInt16] = [0, 0, 0])
        -> [UInt8]
    {
        var bytes: [UInt8] = []
        bytes.append(word: query.id)
        bytes.append(word: DNSFlag.isAnswer | flags | query.flags & DNSFlag.recursionDesired | code.rawValue & 15)
        bytes.append(word: questions)
        for count in counts { bytes.append(word: count) }
        return bytes
    }

    // MARK: - Records

    /// An answer that is being put together: the question as it came, then records.
    private struct Reply {
        let question: DNSQuery.Question
        var answers: [[UInt8]] = []
        var authorities: [[UInt8]] = []

        /// Where the question's name stands in every answer.
        static let nameOfQuestion: [UInt8] = [0xC0, 12]

        init(_ question: DNSQuery.Question) { self.question = question }

        mutating func answer(_ values: [DNSZone.Value], zone: DNSName) {
            for value in values where question.type == DNSType.any || question.type == value.type {
                answers.append(Self.record(Self.nameOfQuestion, value, life: DNSResponder.life))
            }
            if answers.isEmpty { describe(zone) }
        }

        /// What says that there is nothing, and for how long (RFC 2308).
        mutating func describe(_ zone: DNSName) {
            let server = DNSName(labels: [Array(DNSZone.gatewayLabel.utf8)] + zone.labels) ?? zone
            authorities.append(Self.record(zone.wire, .soa(server: server), life: DNSResponder.lifeOfNothing))
        }

        private static func record(_ owner: [UInt8], _ value: DNSZone.Value, life: UInt32) -> [UInt8] {
            var bytes = owner
            bytes.append(word: value.type)
            bytes.append(word: DNSType.internet)
            bytes.append(long: life)
            let content = value.wire
            bytes.append(word: UInt16(truncatingIfNeeded: content.count))
            return bytes + content
        }

        func bytes(_ query: DNSQuery, _ code: DNSCode, flags: UInt16, extensions: DNSQuery.EDNS?, limit: Int) -> [UInt8] {
            var tail: [UInt8] = []
            if let extensions {
                tail = [0]
                tail.append(word: DNSType.extensions)
                tail.append(word: UInt16(DNSResponder.largest))
                tail += [UInt8(truncatingIfNeeded: code.rawValue >> 4), 0]
                tail.append(word: extensions.wantsSignatures ? 0x8000 : 0)
                tail.append(word: 0)
            }
            var middle = question.name.wire
            middle.append(word: question.type)
            middle.append(word: question.class)
            let records = (answers + authorities).flatMap(\.self)
            let isWhole = 12 + middle.count + records.count + tail.count <= limit
            let counts = [isWhole ? answers.count : 0, isWhole ? authorities.count : 0, tail.isEmpty ? 0 : 1]
            return DNSResponder.header(
                query, code, flags: isWhole ? flags : flags | DNSFlag.isTruncated, questions: 1,
                counts: counts.map { UInt16(truncatingIfNeeded: $0) }) + middle + (isWhole ? records : []) + tail
        }
    }
}

extension DNSZone.Value {
    var type: UInt16 {
        switch self {
        case .a: DNSType.a
        case .aaaa: DNSType.aaaa
        case .ptr: DNSType.ptr
        case .ns: DNSType.ns
        case .soa: DNSType.soa
        }
    }

    var wire: [UInt8] {
        switch self {
        case .a(let address): return address.octets
        case .aaaa(let address): return address.octets
        case .ptr(let name), .ns(let name): return name.wire
        case .soa(let server):
            var bytes = server.wire
            // Whom to write to: nobody reads it, but it must be a name.
            bytes += server.wire
            // Serial, refresh, retry, expire, and how long "there is none" holds: nobody copies this zone.
            for number: UInt32 in [1, 3600, 600, 86_400, 5] { bytes.append(long: number) }
            return bytes
        }
    }
}
