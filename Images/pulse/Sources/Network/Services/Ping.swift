/// Echoes under way to one host, and what became of them.
final class Ping {
    let target: IPv4Address
    let identifier: UInt16
    /// Whether each answer is told, or only their sum.
    private let isShown: Bool
    private(set) var sent: UInt64 = 0
    private(set) var received: UInt64 = 0
    private(set) var duplicates: UInt64 = 0
    private(set) var errors: UInt64 = 0
    private(set) var lastSent: UInt64 = 0
    private var shortest: UInt64 = .max
    private var longest: UInt64 = 0
    private var total: UInt64 = 0
    /// Answers not yet told.
    private var news: [Text] = []
    /// When each of the last echoes was sent, by the low bits of its sequence number.
    private var window: [Probe]

    private struct Probe {
        var sequence: UInt64
        var sent: UInt64
        var isAnswered: Bool
    }

    /// Answers that come after this many further echoes count as lost.
    private static let windowSize: UInt64 = 1024
    private static let mostNews = 32

    init(target: IPv4Address, identifier: UInt16, isShown: Bool) {
        self.isShown = isShown
        self.target = target
        self.identifier = identifier
        window = [Probe](repeating: Probe(sequence: 0, sent: 0, isAnswered: true), count: Int(Self.windowSize))
    }

    /// The number that the next echo carries, the first is 1.
    var nextSequence: UInt16 { UInt16(truncatingIfNeeded: sent &+ 1) }

    var isAllAnswered: Bool { received &+ errors >= sent }

    func noteSent(now: UInt64) {
        sent &+= 1
        lastSent = now
        window[Int(sent % Self.windowSize)] = Probe(sequence: sent, sent: now, isAnswered: false)
    }

    /// The place of an echo that is still remembered.
    private func place(_ identifier: UInt16, _ sequence: UInt16) -> Int? {
        guard identifier == self.identifier else { return nil }
        let place = Int(UInt64(sequence) % Self.windowSize)
        let probe = window[place]
        return probe.sequence != 0 && UInt16(truncatingIfNeeded: probe.sequence) == sequence ? place : nil
    }

    func receive(identifier: UInt16, sequence: UInt16, from source: IPv4Address, now: UInt64) {
        guard source == target, let place = place(identifier, sequence) else { return }
        guard !window[place].isAnswered else {
            duplicates &+= 1
            return
        }
        window[place].isAnswered = true
        let time = now &- window[place].sent
        received &+= 1
        total &+= time
        shortest = min(shortest, time)
        longest = max(longest, time)
        if isShown { tell("reply from \(source): seq \(sequence) time \(Self.milliseconds(time)) ms") }
    }

    func receiveError(type: UInt8, code: UInt8, identifier: UInt16, sequence: UInt16, from source: IPv4Address) {
        guard let place = place(identifier, sequence), !window[place].isAnswered else { return }
        window[place].isAnswered = true
        errors &+= 1
        if isShown { tell("\(source) says: \(Self.meaning(type: type, code: code)), seq \(sequence)") }
    }

    private static func meaning(type: UInt8, code: UInt8) -> StaticString {
        switch (type, code) {
        case (11, _): "too many hops"
        case (3, 0): "network unreachable"
        case (3, 1): "host unreachable"
        case (3, 4): "packet too big"
        case (3, 9), (3, 10), (3, 13): "administratively prohibited"
        default: "unreachable"
        }
    }

    private func tell(_ text: Text) {
        if news.count < Self.mostNews { news.append(text) }
    }

    func takeNews() -> [Text] {
        if news.isEmpty { return [] }
        defer { news = [] }
        return news
    }

    private static func milliseconds(_ microseconds: UInt64) -> Text { "\(microseconds / 1000).\(microseconds % 1000, width: 3)" }

    var summary: Text {
        let lost = sent &- min(received, sent)
        let tenths = sent == 0 ? 0 : (lost &* 2000 / sent &+ 1) / 2
        var text: Text = "ping \(target): \(sent) sent, \(received) received, \(tenths / 10)"
        if tenths % 10 != 0 { text = "\(text).\(tenths % 10)" }
        text = "\(text)% lost"
        if duplicates > 0 { text = "\(text), \(duplicates) duplicates" }
        if errors > 0 { text = "\(text), \(errors) errors" }
        guard received > 0 else { return text }
        let average = total / received
        return "\(text), min/avg/max \(Self.milliseconds(shortest))/\(Self.milliseconds(average))/\(Self.milliseconds(longest)) ms"
    }
}
