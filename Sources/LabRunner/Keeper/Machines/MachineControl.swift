internal import Glibc
internal import Host
internal import SystemPackage

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
}

/// The control stream to one `vmlab-machine`: events come, words go.
final class MachineControl {
    private let number: CInt
    private let loop: EventLoop
    private var lines = LineBuffer(longestLine: MachineControl.longestLine)
    private var output: [UInt8] = []
    private let onEvent: (MonitorEvent) -> Void

    /// A monitor's longest event has a few hundred bytes; one that sends more is broken, or taken over by its guest.
    private static let longestLine = 4096
    private static let outputLimit = 4096

    /// - Parameter number: a non-blocking stream that the machine's process owns.
    init(_ number: CInt, loop: EventLoop, onEvent: @escaping (MonitorEvent) -> Void) throws(OSError) {
        self.number = number
        self.loop = loop
        self.onEvent = onEvent
        try loop.watch(number, .read) { [self] readiness in
            if readiness.contains(.write) { flush() }
            if readiness.contains(.read) {
                receive()
            } else if readiness.contains(.hangup) {
                loop.remove(number)
            }
        }
    }

    enum Word: String {
        case powerButton = "power-button"
        case reset
        case stop
    }

    /// Words that a dead or hung monitor does not take are dropped: the ladder has further rungs.
    func say(_ word: Word) {
        guard output.count < Self.outputLimit else { return }
        output += Array(word.rawValue.utf8) + [UInt8(ascii: "\n")]
        flush()
    }

    /// Takes what was still said, and lets the stream go.
    func close() {
        for _ in 0..<16 where receive() {}
        loop.remove(number)
    }

    private func flush() {
        do throws(OSError) {
            while !output.isEmpty {
                guard let sent = try Borrowed(number).writeSome(output) else { break }
                output.removeFirst(sent)
            }
            try loop.change(number, to: output.isEmpty ? .read : [.read, .write])
        } catch {
            output = []
        }
    }

    @discardableResult
    private func receive() -> Bool {
        guard let bytes = try? Borrowed(number).read(upTo: 16 * 1024) else { return false }
        guard !bytes.isEmpty else {
            loop.remove(number)
            return false
        }
        lines.append(bytes)
        do throws(LineBuffer.TooLong) {
            while let line = try lines.next() {
                if let event = try? JSONLine.decode(MonitorEvent.self, from: line) { onEvent(event) }
            }
        } catch {
            // The rest of the long line is no line; what comes after its end is.
            lines = LineBuffer(longestLine: Self.longestLine)
        }
        return true
    }
}
