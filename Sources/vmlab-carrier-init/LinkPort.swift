internal import CarrierLink
internal import Glibc
internal import Host

/// The init's end of the link: a virtio port, never blocking.
final class LinkPort {
    private let port: Descriptor
    private let loop: EventLoop
    private var reader = FrameReader()
    private var outgoing: [UInt8] = []
    private var sent = 0
    private var isPaused = false
    /// Called when the backlog has become small again.
    var whenDrained: () -> Void = {}

    /// The driver hands out 4 KiB at a time, and takes 32 KiB.
    private static let readPiece = 64 << 10
    private static let writePiece = 32 << 10

    init(_ port: consuming Descriptor, loop: EventLoop) throws(OSError) {
        try port.setNonBlocking()
        self.port = port
        self.loop = loop
    }

    /// - Parameters:
    ///   - receive: called with each message.
    ///   - lost: called when the host is gone, or talks nonsense (then with the reason).
    func listen(receive: @escaping (HostMessage) -> Void, lost: @escaping (String?) -> Void) throws(OSError) {
        try loop.watch(port.number, .read) { [weak self] readiness in
            guard let self else { return }
            if readiness.contains(.write) { self.flush() }
            if readiness.contains(.read) { self.read(receive, lost) }
            // The host's end of the port is closed. What it said before has been read by now.
            if readiness.contains(.hangup), !readiness.contains(.read) { lost(nil) }
        }
    }

    var backlog: Int { outgoing.count - sent }

    func send(_ message: InitMessage) {
        if sent > 0 {
            outgoing.removeFirst(sent)
            sent = 0
        }
        message.frame.append(to: &outgoing)
        flush()
    }

    /// Stops or resumes reading, while the program does not take its input.
    func pause(_ paused: Bool) {
        isPaused = paused
        updateInterest()
    }

    private func updateInterest() {
        var interest: EventLoop.Interest = isPaused ? [] : .read
        if backlog > 0 { interest.insert(.write) }
        try? loop.change(port.number, to: interest)
    }

    private func flush() {
        while sent < outgoing.count {
            let piece = Array(outgoing[sent..<min(outgoing.count, sent + Self.writePiece)])
            guard let count = try? port.writeSome(piece) else { break }
            sent += count
        }
        if sent == outgoing.count {
            outgoing.removeAll(keepingCapacity: true)
            sent = 0
            whenDrained()
        }
        updateInterest()
    }

    private func read(_ receive: (HostMessage) -> Void, _ lost: (String?) -> Void) {
        do throws(OSError) {
            let bytes = try port.read(upTo: Self.readPiece)
            if bytes.isEmpty { return lost(nil) }
            reader.append(bytes)
        } catch {
            return error.code == .wouldBlock ? () : lost("\(error)")
        }
        do throws(LinkError) {
            while let frame = try reader.next() { receive(try HostMessage(frame)) }
        } catch {
            lost(error.description)
        }
    }
}
