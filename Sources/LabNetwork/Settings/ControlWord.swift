package import LabModel
internal import PortStream

/// One line from the keeper.
package enum ControlWord: Hashable, Sendable {
    /// - Parameter mark: 16 bytes; nil: the stream is in step.
    case portUp(PortName, mark: [UInt8]?)
    case portDown(PortName)
    case uplinkUp(PortName)
    case uplinkDown(PortName)
    case link(LinkName, LinkOrder)
    /// Groups of machines; whoever is in none of them is in one more.
    case partition(network: String, groups: [[String]])
    case heal(network: String)
    case probe(identity: String, PortName, ServiceProbe)
    case stopProbe(identity: String)
    case counters
    case stop

    package enum LinkName: Hashable, Sendable {
        case network(String)
        case port(PortName)
    }

    package enum LinkOrder: Hashable, Sendable {
        case up
        case down
        case set(ShapeChange)
        /// Nothing is done to frames any more.
        case clear
    }

    package init(_ line: String) throws(SettingsError) {
        let words = line.split(separator: " ", omittingEmptySubsequences: true)
        guard line.utf8.count <= Limits.controlLine, let verb = words.first else { throw SettingsError("an empty line") }
        switch (verb, words.count) {
        case ("port-up", 2): self = .portUp(try Self.port(words[1]), mark: nil)
        case ("port-up", 3):
            guard let mark = Self.mark(words[2]) else { throw SettingsError("a mark has 32 hexadecimal digits") }
            self = .portUp(try Self.port(words[1]), mark: mark)
        case ("port-down", 2): self = .portDown(try Self.port(words[1]))
        case ("uplink-up", 2): self = .uplinkUp(try Self.port(words[1]))
        case ("uplink-down", 2): self = .uplinkDown(try Self.port(words[1]))
        case ("link", 3...):
            let name = PortName(words[1]).map { LinkName.port($0) } ?? .network(String(words[1]))
            self = .link(name, try Self.order(Array(words[2...])))
        case ("partition", 3): self = .partition(network: String(words[1]), groups: try Self.groups(words[2]))
        case ("heal", 2): self = .heal(network: String(words[1]))
        case ("probe", 4...5): self = .probe(identity: try Self.identity(words[1]), try Self.port(words[2]), try Self.probe(words[3...]))
        case ("probe-stop", 2): self = .stopProbe(identity: try Self.identity(words[1]))
        case ("counters", 1): self = .counters
        case ("stop", 1): self = .stop
        default: throw SettingsError("it is no word of this program, or has too few or too many after it")
        }
    }

    /// The first word, for an answer.
    package static func verb(_ line: String) -> String { (line.split(separator: " ").first ?? "").shortened }

    private static func port(_ text: Substring) throws(SettingsError) -> PortName {
        guard let name = PortName(text) else { throw SettingsError("a port is MACHINE/NETWORK, not \"\(text.shortened)\"") }
        return name
    }

    private static func mark(_ text: Substring) -> [UInt8]? {
        let digits = text.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
        guard text.utf8.count == PortRecord.markCount * 2, digits.count == text.utf8.count else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(truncatingIfNeeded: digits[$0] << 4 | digits[$0 + 1]) }
    }

    private static func order(_ words: [Substring]) throws(SettingsError) -> LinkOrder {
        guard words.count == 1, let word = words.first else { return .set(try ShapeChange(words, of: "link")) }
        switch word {
        case "up": return .up
        case "down": return .down
        case "clear": return .clear
        default: return .set(try ShapeChange(words, of: "link"))
        }
    }

    private static func groups(_ text: Substring) throws(SettingsError) -> [[String]] {
        let groups = text.split(separator: "|", omittingEmptySubsequences: false).map { group in
            group.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
        let names = groups.flatMap(\.self)
        guard !names.contains(""), Set(names).count == names.count else {
            throw SettingsError("groups are a,b|c,d with each machine once")
        }
        return groups
    }

    private static func identity(_ text: Substring) throws(SettingsError) -> String {
        guard (1...64).contains(text.utf8.count) else { throw SettingsError("a probe's name has 1 to 64 bytes") }
        return String(text)
    }

    private static func probe(_ words: ArraySlice<Substring>) throws(SettingsError) -> ServiceProbe {
        if words.elementsEqual(["ping"]) { return .ping }
        guard words.count == 2, words.first == "tcp", let port = words.last.flatMap({ UInt16($0) }), port > 0 else {
            throw SettingsError("a probe is \"ping\" or \"tcp PORT\"")
        }
        return .tcp(port: port)
    }
}
