internal import Glibc
internal import Host
internal import SystemPackage

/// Lines both ways on one stream to a process of ours: words go, what it says comes, and neither can grow without end.
final class LineStream {
    private let number: CInt
    private let loop: EventLoop
    private let outputLimit: Int
    private var lines = LineBuffer(longestLine: LineStream.longestLine)
    private var output: [UInt8] = []
    private let onLine: ([UInt8]) -> Void

    /// The longest event of a monitor or a network has some hundred bytes; one that sends more is broken, or taken over by a guest.
    private static let longestLine = 64 << 10

    /// - Parameters:
    ///   - number: a non-blocking stream that the caller keeps open until `close`.
    ///   - outputLimit: bytes of words that a process may leave unread.
    init(_ number: CInt, outputLimit: Int = 4096, loop: EventLoop, onLine: @escaping ([UInt8]) -> Void) throws(OSError) {
        self.number = number
        self.loop = loop
        self.outputLimit = outputLimit
        self.onLine = onLine
        try loop.watch(number, .read) { [self] readiness in
            if readiness.contains(.write) { flush() }
            if readiness.contains(.read) {
                receive()
            } else if readiness.contains(.hangup) {
                loop.remove(number)
            }
        }
    }

    /// Sends a line; false, and it is dropped, when the process does not read what it was sent before.
    @discardableResult
    func say(_ line: String) -> Bool {
        guard output.count < outputLimit else { return false }
        output += Array(line.utf8) + [UInt8(ascii: "\n")]
        flush()
        return true
    }

    /// Takes what was still said, and lets the stream go.
    func close() {
        for _ in 0..<16 where receive() {}
        loop.remove(number)
    }

    private func flush() { loop.send(&output, to: number) }

    @discardableResult
    private func receive() -> Bool {
        guard let bytes = try? Borrowed(number).read(upTo: 64 * 1024) else { return false }
        guard !bytes.isEmpty else {
            loop.remove(number)
            return false
        }
        lines.append(bytes)
        do throws(LineBuffer.TooLong) {
            while let line = try lines.next() { onLine(line) }
        } catch {
            // The rest of the long line is no line; what comes after its end is.
            lines = LineBuffer(longestLine: Self.longestLine)
        }
        return true
    }
}

extension EventLoop {
    /// Writes what a watched stream takes now, and asks to be told when it takes the rest; what a dead one does not take is dropped.
    func send(_ bytes: inout [UInt8], to number: CInt) {
        do throws(OSError) {
            while !bytes.isEmpty {
                guard let sent = try Borrowed(number).writeSome(bytes) else { break }
                bytes.removeFirst(sent)
            }
            try change(number, to: bytes.isEmpty ? .read : [.read, .write])
        } catch {
            bytes = []
        }
    }
}
