internal import Host
internal import PortStream

/// The control stream: words from whoever keeps the machine, events to it, both one line each.
final class ControlChannel {
    enum Word: Hashable {
        case powerButton
        case reset
        case stop
        /// The cable of a network interface.
        case link(id: String, isUp: Bool)
        /// The other end of an interface's stream was replaced: nothing counts before the mark.
        case portRestart(id: String, mark: [UInt8])
        /// What the display shows is wanted.
        case screen
        /// Keys for the keyboard, as text.
        case type([UInt8])

        init?(_ line: String) {
            let parts = line.split(separator: " ", omittingEmptySubsequences: false).map { String($0) }
            switch (parts[0], parts.count) {
            case ("power-button", 1): self = .powerButton
            case ("reset", 1): self = .reset
            case ("stop", 1): self = .stop
            case ("link", 3) where parts[2] == "up" || parts[2] == "down": self = .link(id: parts[1], isUp: parts[2] == "up")
            case ("port-restart", 3):
                guard let mark = PortRecord.mark(hexadecimal: parts[2]) else { return nil }
                self = .portRestart(id: parts[1], mark: mark)
            case ("screen", 1): self = .screen
            case ("type", 2):
                guard let text = PortRecord.bytes(hexadecimal: parts[1]), !text.isEmpty else { return nil }
                self = .type(text)
            default: return nil
            }
        }
    }

    /// Longer lines are no words of ours.
    private static let lineLimit = 256

    private let stream: Stream?
    /// Does what the word says; false if the machine has nothing that it could mean.
    private let onWord: (Word) -> Bool
    private var line: [UInt8] = []
    private var isOverlong = false

    /// - Parameter stream: nil where there is no control: events go nowhere.
    init(_ stream: Stream?, onWord: @escaping (Word) -> Bool) {
        self.stream = stream
        self.onWord = onWord
    }

    func start() {
        stream?.onInput = { [weak self] bytes in
            for byte in bytes { self?.take(byte) }
            return bytes.count
        }
        // Whoever kept the machine is gone.
        stream?.onEnd = { [weak self] in _ = self?.onWord(.stop) }
        stream?.start()
    }

    private func take(_ byte: UInt8) {
        guard byte == 0x0A else {
            if line.count < Self.lineLimit { line.append(byte) } else { isOverlong = true }
            return
        }
        if line.last == 0x0D { line.removeLast() }
        let text = String(decoding: line, as: UTF8.self)
        let isDone = if !isOverlong, let word = Word(text) { onWord(word) } else { text.isEmpty }
        if !isDone { send(.refused(word: String(text.prefix(64)))) }
        line.removeAll()
        isOverlong = false
    }

    func send(_ event: MachineEvent) { poster?.send(event) }

    /// For other threads.
    var poster: EventPoster? { stream.map { EventPoster(output: $0.output) } }

    func finish() { stream?.finish(milliseconds: 1000) }
}

/// Sends events from any thread.
struct EventPoster: Sendable {
    let output: OutputRing

    func send(_ event: MachineEvent) { output.write(Array((event.json + "\n").utf8)) }
}

/// What a machine tells its keeper, one JSON object a line.
package enum MachineEvent: Sendable {
    /// Microseconds from the start of the program to the first vCPU's entry into the guest, and the protocol that it was entered by, or "firmware".
    case started(microseconds: UInt64, boot: String)
    case reset(cause: String)
    case poweredOff
    case guestFault(kind: String, detail: String)
    case deviceError(device: String, detail: String)
    /// A driver of the guest is at work on a virtio device, for the first time: "virtio-net lan".
    case deviceDriven(device: String)
    /// A network port's stream is of no more use until it is taken up anew.
    case portBroken(port: String, detail: String)
    case exiting(status: Int32)
    case refused(word: String)
    /// What the display shows; no rows in a graphics mode.
    case screen(rows: [String], cursorRow: Int, cursorColumn: Int)

    package var json: String {
        switch self {
        case .started(let microseconds, let boot): #"{"event":"started","startup_us":\#(microseconds),"boot":"\#(boot)"}"#
        case .reset(let cause): #"{"event":"reset","cause":"\#(escaped(cause))"}"#
        case .poweredOff: #"{"event":"powered-off"}"#
        case .guestFault(let kind, let detail): #"{"event":"guest-fault","kind":"\#(escaped(kind))","detail":"\#(escaped(detail))"}"#
        case .deviceError(let device, let detail):
            #"{"event":"device-error","device":"\#(escaped(device))","detail":"\#(escaped(detail))"}"#
        case .deviceDriven(let device): #"{"event":"device-driven","device":"\#(escaped(device))"}"#
        case .portBroken(let port, let detail):
            #"{"event":"port-broken","port":"\#(escaped(port))","detail":"\#(escaped(detail))"}"#
        case .exiting(let status): #"{"event":"exiting","status":\#(status)}"#
        case .screen(let rows, let row, let column):
            #"{"event":"screen","rows":[\#(rows.map { #""\#(escaped($0))""# }.joined(separator: ","))],"row":\#(row),"column":\#(column)}"#
        case .refused(let word): #"{"event":"refused","word":"\#(escaped(word))"}"#
        }
    }
}

/// Text inside a JSON string.
package func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": result += "\\\""
        case "\\": result += "\\\\"
        case "\n": result += "\\n"
        case "\u{0}"..<"\u{20}", "\u{7F}":
            let digits = String(scalar.value, radix: 16)
            result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result
}
