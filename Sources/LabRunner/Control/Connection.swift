internal import Glibc
internal import Host
internal import SystemPackage

/// One client of the control socket.
///
/// A client can never stall the keeper or make it grow: what it may send without a newline is bounded, what it does not
/// read stops it from asking more, and streams are cursors into what the keeper keeps anyway.
final class Connection {
    let socket: Descriptor
    private let loop: EventLoop
    private let server: ControlServer
    private var lines = LineBuffer(longestLine: Connection.longestRequest)
    private var output: [UInt8] = []
    private var outputStart = 0
    private var input = Input.lines
    private var stream: (() -> StreamPart)?
    private var isClosed = false
    private var closesWhenSent = false
    /// The receiver of a raw stream cannot take more now.
    private var isPaused = false
    /// Requests wait in `lines`: answered a few at a time, so that others get their turn.
    private var isBehind = false
    private var isScheduled = false

    /// The largest request is an `up` with its whole lab: a lab file of 1 MiB, resolved.
    static let longestRequest = 8 << 20
    /// Output waiting for a client beyond this stops its stream and its requests until it reads.
    static let outputLimit = 256 * 1024
    private static let readSize = 64 * 1024
    /// A status of a large lab takes a millisecond to write.
    private static let requestsAtOnce = 8

    enum Input {
        /// Requests.
        case lines
        /// Bytes for a console; returns false when it can take no more until `resume`.
        case raw(([UInt8]) -> Bool)
        /// The client has shut down its sending side.
        case ended
    }

    /// What a stream gives next.
    enum StreamPart {
        case bytes([UInt8])
        case reply(Reply)
        /// The last of the stream, and of the connection.
        case last(Reply)
        /// Nothing now; `wake` when there is.
        case nothing
        /// Nothing ever.
        case end
    }

    init(socket: consuming Descriptor, loop: EventLoop, server: ControlServer) {
        self.socket = socket
        self.loop = loop
        self.server = server
    }

    var isStreaming: Bool { stream != nil }

    func start() throws(OSError) {
        try loop.watch(socket.number, .read) { [self] readiness in handle(readiness) }
    }

    // MARK: To the client

    func send(_ reply: Reply) {
        output += Self.line(reply)
        pump()
    }

    /// Replies are plain values: a line can always be made of them.
    private static func line(_ reply: Reply) -> [UInt8] {
        (try? JSONLine.line(reply)) ?? Array("{\"reply\":\"result\",\"result\":{\"code\":70,\"message\":\"no line\"}}\n".utf8)
    }

    /// Whether everything for the client has been read, and nothing more will come.
    var isIdle: Bool { stream == nil && pending == 0 }

    /// Answers and ends the connection when the answer has been read.
    func finish(_ reply: Reply) {
        closesWhenSent = true
        send(reply)
    }

    /// Everything `next` gives goes to the client as fast as it reads.
    func stream(_ next: @escaping () -> StreamPart) {
        stream = next
        pump()
    }

    /// The client's bytes are for a console from now on.
    func takeRaw(_ receive: @escaping ([UInt8]) -> Bool) {
        input = .raw(receive)
        let early = lines.takeRest()
        if !early.isEmpty { isPaused = !receive(early) }
        updateInterest()
    }

    func resume() {
        guard isPaused else { return }
        isPaused = false
        updateInterest()
    }

    /// The stream may have more.
    func wake() { if stream != nil { pump() } }

    func hangUp() {
        guard !isClosed else { return }
        isClosed = true
        stream = nil
        loop.remove(socket.number)
        server.forget(self)
    }

    private var pending: Int { output.count - outputStart }

    private func pump() {
        guard !isClosed else { return }
        // Bounded rounds: a client that reads fast must not keep the loop from everything else.
        for _ in 0..<16 {
            while pending < Self.outputLimit, let next = stream {
                switch next() {
                case .bytes(let bytes):
                    output += bytes
                    continue
                case .reply(let reply):
                    output += Self.line(reply)
                    continue
                case .last(let reply):
                    output += Self.line(reply)
                    stream = nil
                    closesWhenSent = true
                case .nothing: break
                case .end:
                    stream = nil
                    closesWhenSent = true
                }
                break
            }
            guard pending > 0 else { break }
            do throws(OSError) {
                guard let sent = try socket.writeSome(output, from: outputStart) else { break }
                outputStart += sent
                if outputStart == output.count {
                    output.removeAll(keepingCapacity: output.capacity <= Self.outputLimit)
                    outputStart = 0
                } else if outputStart > Self.outputLimit {
                    output.removeFirst(outputStart)
                    outputStart = 0
                }
            } catch {
                return hangUp()
            }
        }
        if pending == 0 && closesWhenSent { return hangUp() }
        if isBehind { scheduleLines() }
        updateInterest()
    }

    private func updateInterest() {
        guard !isClosed else { return }
        var interest: EventLoop.Interest = []
        if pending > 0 { interest.insert(.write) }
        var reads = pending < Self.outputLimit && !isPaused && !isBehind && !closesWhenSent
        if case .ended = input { reads = false }
        if reads { interest.insert(.read) }
        do throws(OSError) { try loop.change(socket.number, to: interest) } catch { hangUp() }
    }

    // MARK: From the client

    private func handle(_ readiness: EventLoop.Readiness) {
        if readiness.contains(.read) { receive() }
        guard !isClosed else { return }
        if readiness.contains(.write) { pump() }
        guard !isClosed, readiness.contains(.hangup), !readiness.contains(.read) else { return }
        hangUp()
    }

    private func receive() {
        let bytes: [UInt8]
        do throws(OSError) {
            bytes = try socket.read(upTo: Self.readSize)
        } catch {
            if error.code != .wouldBlock && error.code != .resourceTemporarilyUnavailable { hangUp() }
            return
        }
        guard !bytes.isEmpty else { return endInput() }
        switch input {
        case .raw(let receive):
            isPaused = !receive(bytes)
            updateInterest()
        case .lines:
            lines.append(bytes)
            readLines()
        case .ended: break
        }
    }

    private func readLines() {
        do throws(LineBuffer.TooLong) {
            isBehind = false
            for _ in 0..<Self.requestsAtOnce {
                guard !isClosed, !closesWhenSent, case .lines = input, let line = try lines.next() else { return updateInterest() }
                server.receive(line, from: self)
            }
            isBehind = true
            scheduleLines()
            updateInterest()
        } catch {
            finish(.result(Outcome(.usage, "the request is longer than \(Self.longestRequest) bytes")))
        }
    }

    /// Goes on with the requests that are here already, after everybody else had a turn, and once the client has read its answers.
    private func scheduleLines() {
        guard !isScheduled, pending < Self.outputLimit else { return }
        isScheduled = true
        loop.after(nanoseconds: 0) { [weak self] in
            self?.isScheduled = false
            self?.readLines()
        }
    }

    /// The client sends no more. One that waits for an answer still gets it.
    private func endInput() {
        input = .ended
        if stream == nil && pending == 0 && !server.isWaiting(self) { hangUp() } else { updateInterest() }
    }
}
