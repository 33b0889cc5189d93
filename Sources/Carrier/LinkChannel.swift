internal import CarrierLink
internal import Glibc
internal import Host

/// The host's end of a carrier's link: sends messages and the content of files without ever blocking, cuts what comes into messages.
final class LinkChannel {
    private let socket: Descriptor
    private let loop: EventLoop
    private let receive: (InitMessage) -> Void
    /// The link is of no more use, and why.
    private let broken: (String) -> Void
    private var reader = FrameReader()
    private var outgoing: [Outgoing] = []
    private var buffer: [UInt8] = []
    private var sent = 0
    private var isOpen = true

    private enum Outgoing {
        case message(HostMessage)
        /// The bytes of a file from an offset to an end.
        case content(SharedDescriptor, from: UInt64, to: UInt64)
    }

    /// Files are read in pieces of this size while the link has room.
    private static let piece = 256 << 10

    /// `receive` and `broken` are called on the loop's thread and never from within `init` or `send`.
    init(
        socket: consuming Descriptor, loop: EventLoop, receive: @escaping (InitMessage) -> Void, broken: @escaping (String) -> Void
    ) throws(OSError) {
        try socket.setNonBlocking()
        self.socket = socket
        self.loop = loop
        self.receive = receive
        self.broken = broken
        try loop.watch(self.socket.number, .read) { [weak self] readiness in self?.handle(readiness) }
    }

    deinit { loop.remove(socket.number) }

    /// Bytes that wait for the carrier to take them, files not counted.
    var backlog: Int {
        outgoing.reduce(buffer.count - sent) { sum, item in
            if case .message(.input(let bytes)) = item { sum + bytes.count } else { sum }
        }
    }

    func send(_ message: HostMessage) {
        guard isOpen else { return }
        outgoing.append(.message(message))
        wantWriting()
    }

    /// The content of the blob or file announced just before.
    func send(contentOf file: SharedDescriptor, size: UInt64) {
        guard isOpen else { return }
        outgoing.append(.content(file, from: 0, to: size))
        wantWriting()
    }

    func close() {
        guard isOpen else { return }
        isOpen = false
        loop.remove(socket.number)
    }

    private func wantWriting() {
        // A descriptor that is watched already can only fail here for want of memory; the write is then tried with the next message.
        try? loop.change(socket.number, to: [.read, .write])
    }

    private func handle(_ readiness: EventLoop.Readiness) {
        if readiness.contains(.write) { write() }
        if isOpen, readiness.contains(.read) || readiness.contains(.hangup) { read() }
    }

    private func fail(_ reason: String) {
        close()
        broken(reason)
    }

    private func read() {
        do throws(OSError) {
            let bytes = try socket.read(upTo: Self.piece)
            // The end: the child's own end says more.
            if bytes.isEmpty { return close() }
            reader.append(bytes)
        } catch {
            return error.code == .wouldBlock ? () : close()
        }
        do throws(LinkError) {
            while isOpen, let frame = try reader.next() { receive(try InitMessage(frame)) }
        } catch {
            fail(error.description)
        }
    }

    private func write() {
        while isOpen {
            guard sent < buffer.count || refill() else {
                try? loop.change(socket.number, to: .read)
                return
            }
            do throws(OSError) {
                sent += try transmit()
            } catch {
                return error.code == .wouldBlock ? () : close()
            }
        }
    }

    /// Sends a part of the buffer. A carrier that has just gone is an error here, not a signal.
    private func transmit() throws(OSError) -> Int {
        var result = 0
        var failure: OSError?
        // Safe because the view ends with the closure, and `sent` lies within the buffer.
        unsafe buffer.withUnsafeBytes { all in
            let rest = unsafe UnsafeRawBufferPointer(rebasing: all[sent...])
            do throws(OSError) {
                result = try retrying("write to the carrier's link") {
                    unsafe Glibc.send(socket.number, rest.baseAddress, rest.count, CInt(MSG_NOSIGNAL))
                }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return result
    }

    /// Puts the next thing to send into the buffer; false when there is nothing.
    private func refill() -> Bool {
        buffer.removeAll(keepingCapacity: true)
        sent = 0
        guard let next = outgoing.first else { return false }
        switch next {
        case .message(let message):
            outgoing.removeFirst()
            message.frame.append(to: &buffer)
        case .content(_, let from, let to) where from >= to:
            outgoing.removeFirst()
            return refill()
        case .content(let file, let from, let to):
            let count = Int(min(UInt64(Self.piece), to - from))
            let bytes = try? file.with { file throws(OSError) in try file.read(upTo: count, at: from) }
            guard let bytes, bytes.count == count else {
                fail("a file became shorter while it was sent to the carrier")
                return false
            }
            outgoing[0] = .content(file, from: from + UInt64(count), to: to)
            HostMessage.data(bytes).frame.append(to: &buffer)
        }
        return true
    }
}
