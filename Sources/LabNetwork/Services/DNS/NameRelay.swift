internal import LabModel

/// Questions that only the outside can answer and that the uplink does not take as they came: over IPv6, over TCP, from a
/// stranger behind a machine's card. They are asked anew as the port's machine would, and the answer goes to who asked.
struct NameRelay: Sendable {
    enum Asker: Sendable {
        case datagram(peer: Endpoint, port: UInt16, local: Endpoint)
        case stream(UInt64)
    }

    /// Questions on their way for one port.
    private static let perPort = 64
    /// Ports that they come from: above those that systems choose from by themselves.
    private static let firstSource: UInt16 = 61_000
    private static let life: UInt64 = 5_000_000_000

    private struct Entry: Sendable {
        var identifier: UInt16
        var asker: Asker
        var end: UInt64
    }

    private var entries: [PortIndex: [Entry?]] = [:]
    private var next = 0

    /// The frame for the port's uplink; nil for a question without an identifier.
    mutating func ask(
        _ question: ArraySlice<UInt8>, for asker: Asker, at port: PortIndex, as machine: Endpoint, gateway: Endpoint, now: UInt64
    ) -> [UInt8]? {
        var reader = PacketReader(question)
        guard let identifier = reader.word() else { return nil }
        var own = entries[port] ?? Array(repeating: nil, count: Self.perPort)
        // Each place is used in turn: the oldest question is the one that is forgotten.
        let place = next
        next = (next + 1) % Self.perPort
        own[place] = Entry(identifier: identifier, asker: asker, end: now &+ Self.life)
        entries[port] = own
        return machine.datagram(to: gateway, from: Self.firstSource + UInt16(place), to: DNSResponder.port, Array(question))
    }

    /// Who is waiting for this answer.
    mutating func asker(of answer: Datagram, at port: PortIndex, now: UInt64) -> Asker? {
        var reader = PacketReader(answer.content)
        guard answer.sourcePort == DNSResponder.port, answer.destinationPort >= Self.firstSource else { return nil }
        let place = Int(answer.destinationPort - Self.firstSource)
        guard place < Self.perPort, let entry = entries[port]?[place], entry.end > now, reader.word() == entry.identifier else {
            return nil
        }
        entries[port]?[place] = nil
        return entry.asker
    }

    mutating func drop(_ port: PortIndex) { entries[port] = nil }
}
