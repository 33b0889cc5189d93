internal import Devices
internal import Glibc
internal import Host
internal import PortStream
internal import SystemPackage

/// One network interface's way out of the machine: a byte stream of records in both directions, and the state of its link.
///
/// Belongs to the event loop's thread. It lives as long as the process; the card in front of it is another one after each reset.
final class NetworkPort {
    /// Milliseconds for which the other end may take nothing before frames are lost.
    static let patience = 1000
    /// Bytes read before the guest is given a turn.
    private static let gulp = 64 << 10

    let id: String
    let input: FrameInput
    let output: PortOutput
    /// Rings for all of the card's queues.
    let bell: EventCounter
    /// Frames have come: the card's queue 0 is due.
    var onInput: () -> Void = {}
    /// The link went up or down.
    var onLink: () -> Void = {}
    /// The stream is of no more use, and why, until it is taken up anew.
    var onBroken: (String) -> Void = { _ in }

    private let loop: EventLoop
    private let stream: SharedDescriptor
    private let isSocket: Bool
    private let room: EventCounter
    private var buffer = [UInt8](repeating: 0, count: 0)
    /// Bytes of `buffer` that the backlog had no room for yet.
    private var held: Range<Int>?
    /// Runs while the other end takes nothing; what had been written when it began.
    private var stall: (timer: EventLoop.TimerID, written: UInt64)?
    private var isWatched = false
    private var isPlugged = true
    private var mark: [UInt8]?
    private var trouble: String?

    /// - Parameter mark: where the stream begins; nil: at its first byte.
    init(_ id: String, stream: SharedDescriptor, mark: [UInt8]?, loop: EventLoop) throws(OSError) {
        self.id = id
        self.stream = stream
        self.loop = loop
        room = try EventCounter(isBlocking: false)
        bell = try EventCounter(isBlocking: false)
        isSocket = try stream.with { (descriptor) throws(OSError) in
            try descriptor.setNonBlocking()
            return try descriptor.status().kind == .socket
        }
        input = FrameInput(mark: mark, gate: CounterGate(counter: room))
        output = PortOutput(stream, isSocket: isSocket)
        self.mark = mark
        if let mark { output.restart(mark: mark) }
    }

    var isLinkUp: Bool { isPlugged && trouble == nil }

    // MARK: Words

    /// Begins to read, and says the mark.
    func start() throws(OSError) {
        try loop.watch(room.number, .read) { [weak self] _ in
            self?.room.take()
            self?.offerHeld()
        }
        try watch(.read)
        flush()
    }

    /// Plugs the cable in or pulls it.
    func setLink(up: Bool) {
        isPlugged = up
        onLink()
    }

    /// One of the stream's ends is another now: nothing counts before the mark, in either direction.
    func restart(mark: [UInt8]) {
        trouble = nil
        held = nil
        self.mark = mark
        input.restart(mark: mark)
        output.restart(mark: mark)
        onLink()
        flush()
        follow()
        // A record that found no room before may be sent now.
        bell.signal()
    }

    // MARK: Output

    /// Hands over what a turn of the card has gathered.
    func flush() {
        if output.flush() { bell.signal() }
        follow()
    }

    // MARK: Input

    private func ready(_ readiness: EventLoop.Readiness) {
        if readiness.contains(.write) { flush() }
        if !readiness.isDisjoint(with: [.read, .hangup]), held == nil, trouble == nil { readMore() }
    }

    private func readMore() {
        if buffer.isEmpty { buffer = [UInt8](repeating: 0, count: Self.gulp) }
        var count = 0
        var isAtEnd = false
        do throws(OSError) {
            while count < buffer.count {
                // Safe because the place lies in the buffer.
                let more = try stream.with { (descriptor) throws(OSError) in
                    try Self.read(descriptor, &buffer, from: count)
                }
                isAtEnd = more == 0
                count += more
                // A socket has given all that it has; a virtio port gives a page at a time.
                if more == 0 || isSocket && count < buffer.count { break }
            }
        } catch {
            isAtEnd = error.code != .wouldBlock && error.code != .resourceTemporarilyUnavailable
        }
        if count > 0 { offer(0..<count) }
        if isAtEnd { fail("the other end is closed") }
    }

    private static func read(_ descriptor: borrowing Descriptor, _ buffer: inout [UInt8], from start: Int) throws(OSError) -> Int {
        var result = 0
        var failure: OSError?
        // Safe because the rest of the array is what is written to, inside the call.
        unsafe buffer.withUnsafeMutableBytes { all in
            do throws(OSError) {
                result = unsafe try descriptor.read(into: UnsafeMutableRawBufferPointer(rebasing: all[start...]))
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return result
    }

    private func offer(_ range: Range<Int>) {
        // Safe because bytes are bytes; the range is checked.
        let taken = unsafe input.offer(buffer.span.bytes.extracting(range))
        if let mark, input.takeFoundMark() {
            output.say(mark: mark)
            flush()
        }
        held = taken < range.count ? (range.lowerBound + taken)..<range.upperBound : nil
        onInput()
        if input.isBroken { return fail("what came over the stream is no record") }
        follow()
    }

    private func offerHeld() {
        if let held { offer(held) }
    }

    private func fail(_ reason: String) {
        guard trouble == nil else { return }
        trouble = reason
        held = nil
        // What the guest still sends is lost, not kept waiting.
        output.stall()
        flush()
        onBroken(reason)
        onLink()
    }

    // MARK: The loop

    private func watch(_ interest: EventLoop.Interest) throws(OSError) {
        if isWatched { return try loop.change(stream.number, to: interest) }
        try loop.watch(stream.number, interest) { [weak self] in self?.ready($0) }
        isWatched = true
    }

    /// Makes the loop wait for what is wanted, and for nothing else.
    private func follow() {
        let isBlocked = output.isBlocked && trouble == nil
        var interest: EventLoop.Interest = []
        if held == nil, trouble == nil { interest.insert(.read) }
        if isBlocked { interest.insert(.write) }
        if interest.isEmpty {
            // An end that is gone would wake the loop for ever.
            loop.remove(stream.number)
            isWatched = false
        } else {
            // It was watched before, or one that was like it: only a want of memory could refuse, and the next turn tries again.
            try? watch(interest)
        }
        if isBlocked, stall == nil {
            waitForReader()
        } else if !isBlocked, let stall {
            loop.cancel(stall.timer)
            self.stall = nil
        }
    }

    private func waitForReader() {
        let timer = loop.after(milliseconds: Self.patience) { [weak self] in
            guard let self, let stall else { return }
            self.stall = nil
            if output.written == stall.written { output.stall() }
            flush()
        }
        stall = (timer, output.written)
    }
}
