/// A domain name: labels, each behind its count, a zero count at the end (RFC 1035, 3.1). No pointers.
package struct DNSName: Sendable {
    /// As it was written, capitals and all.
    package let wire: [UInt8]
    /// What it is compared by.
    private let key: [UInt8]

    private static let labelLimit = 63
    private static let limit = 255

    package static let root = DNSName(wire: [0])

    private init(wire: [UInt8]) {
        self.wire = wire
        // Counts are below `A`.
        key = wire.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
    }

    /// Labels with dots between them; nil if one is empty or too long.
    package init?(_ text: String) {
        self.init(labels: text.utf8.split(separator: 0x2E, omittingEmptySubsequences: false).map(Array.init))
    }

    init?(labels: [[UInt8]]) {
        var wire: [UInt8] = []
        for label in labels {
            guard (1...Self.labelLimit).contains(label.count) else { return nil }
            wire.append(UInt8(label.count))
            wire += label
        }
        wire.append(0)
        guard wire.count <= Self.limit else { return nil }
        self.init(wire: wire)
    }

    /// Takes a name off the front of a question. One with a pointer is refused: nothing stands before it to point to.
    package init?(_ reader: inout PacketReader) {
        var wire: [UInt8] = []
        while let count = reader.byte() {
            guard Int(count) <= Self.labelLimit, let label = reader.take(Int(count)), wire.count + label.count + 1 <= Self.limit else {
                return nil
            }
            wire.append(count)
            guard count > 0 else {
                self.init(wire: wire)
                return
            }
            wire += label
        }
        return nil
    }

    /// Steps over a name that nobody wants to know, pointer or not.
    static func skip(_ reader: inout PacketReader) -> Bool {
        while let count = reader.byte() {
            if count == 0 { return true }
            if count >= 0xC0 { return reader.byte() != nil }
            guard Int(count) <= labelLimit, reader.take(Int(count)) != nil else { return false }
        }
        return false
    }

    /// Where each label's count stands, and that of the root.
    private var starts: [Int] {
        var starts = [0]
        var next = 0
        while next < wire.count, wire[next] > 0 {
            next += Int(wire[next]) + 1
            starts.append(next)
        }
        return starts
    }

    /// How many labels there are before the root.
    package var labelCount: Int { starts.count - 1 }

    /// Its last labels; all of them if there are fewer.
    func last(_ count: Int) -> DNSName {
        let starts = starts
        return DNSName(wire: Array(wire[starts[max(0, starts.count - 1 - count)]...]))
    }

    /// Below another name, at whatever depth.
    func isBelow(_ other: DNSName) -> Bool {
        let start = key.count - other.key.count
        return start > 0 && key[start...].elementsEqual(other.key) && starts.contains(start)
    }

    /// In lower case.
    package var labels: [[UInt8]] {
        var reader = PacketReader(key)
        var labels: [[UInt8]] = []
        while let count = reader.byte(), count > 0, let label = reader.take(Int(count)) { labels.append(Array(label)) }
        return labels
    }

    /// Without its first label; the root stays.
    package var parent: DNSName { last(max(0, labelCount - 1)) }

    var isRoot: Bool { wire.count == 1 }
}

extension DNSName: Hashable {
    package static func == (left: DNSName, right: DNSName) -> Bool { left.key == right.key }
    package func hash(into hasher: inout Hasher) { hasher.combine(key) }
}
