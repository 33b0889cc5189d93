import Host
import LabNetwork

/// The keeper's stream: lines in, lines out, both bounded.
struct ControlStream {
    let descriptor: Int32
    private var input: [UInt8] = []
    /// The rest of a line that was too long is skipped.
    private var isSkipping = false
    private var output: [UInt8] = []
    private(set) var isEnded = false

    init(_ descriptor: Int32) { self.descriptor = descriptor }

    var isBehind: Bool { !output.isEmpty }

    /// The whole lines that have come; a line that is longer than `Limits.controlLine` comes as an empty one, which is refused.
    mutating func read() -> [String] {
        var lines: [String] = []
        do {
            let bytes = try Borrowed(descriptor).read(upTo: 64 << 10)
            if bytes.isEmpty { isEnded = true }
            for byte in bytes {
                if byte == 0x0A {
                    lines.append(isSkipping ? "" : String(decoding: input, as: UTF8.self))
                    input.removeAll(keepingCapacity: true)
                    isSkipping = false
                } else if input.count < Limits.controlLine {
                    input.append(byte)
                } else {
                    isSkipping = true
                }
            }
        } catch {
            isEnded = true
        }
        return lines
    }

    /// Sends a line, now or when there is room; what a keeper does not read for long is not kept.
    mutating func send(_ line: String) {
        guard output.count + line.utf8.count < Limits.eventBytes else { return }
        output += Array(line.utf8) + [0x0A]
        flush()
    }

    mutating func flush() {
        guard !output.isEmpty else { return }
        do {
            let done = try Borrowed(descriptor).writeSome(output.span, Span())
            output.removeFirst(done)
        } catch {
            isEnded = true
        }
    }
}
