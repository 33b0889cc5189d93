internal import Host
internal import LabModel

/// What a monitor says on its control stream: one JSON object a line.
struct MonitorEvent: Hashable, Sendable, Decodable {
    var event: String
    var cause: String?
    var kind: String?
    var device: String?
    var detail: String?
    var word: String?
    var status: Int32?
    var startup_us: Int64?
    /// The protocol that the guest was entered by.
    var boot: String?
    var rows: [String]?
    var row: Int?
    var column: Int?
}

/// The control stream to one `vmlab-machine`: events come, words go.
final class MachineControl {
    private let stream: LineStream

    /// - Parameter number: a non-blocking stream that the machine's process owns.
    init(_ number: CInt, loop: EventLoop, onEvent: @escaping (MonitorEvent) -> Void) throws(OSError) {
        stream = try LineStream(number, loop: loop) { line in
            if let event = try? JSONLine.decode(MonitorEvent.self, from: line) { onEvent(event) }
        }
    }

    enum Word: Hashable {
        case powerButton
        case reset
        case stop
        /// The other end of a network port was replaced: what is in its stream before this mark is thrown away.
        case portRestart(network: String, mark: String)
        /// What the display shows is wanted.
        case screen
        /// Keys for the keyboard.
        case type([UInt8])
        /// The cable is in, or out.
        case link(network: String, up: Bool)

        var text: String {
            switch self {
            case .powerButton: "power-button"
            case .reset: "reset"
            case .stop: "stop"
            case .portRestart(let network, let mark): "port-restart \(network) \(mark)"
            case .screen: "screen"
            case .type(let text): "type " + text.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            case .link(let network, let up): "link \(network) \(up ? "up" : "down")"
            }
        }
    }

    /// Words that a dead or hung monitor does not take are dropped: the ladder has further rungs.
    /// - Returns: whether it was sent.
    @discardableResult
    func say(_ word: Word) -> Bool { stream.say(word.text) }

    /// Takes what was still said, and lets the stream go.
    func close() { stream.close() }
}
