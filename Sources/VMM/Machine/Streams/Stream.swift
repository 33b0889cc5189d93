internal import CLinux
internal import Glibc
internal import Host
internal import SystemPackage

/// One byte stream of the command line (`IN[:OUT]`): a pipe, socket, terminal, virtio-serial port, file, or nothing.
///
/// Belongs to the event loop's thread, but for `output`, which any thread writes to.
final class Stream {
    /// How long a reader may take nothing before it costs it the oldest bytes.
    static let patience = 1000
    /// How long output is gathered before it is written, in milliseconds.
    private static let gathering = 2
    /// Bytes moved at once.
    private static let gulp = 64 << 10

    let name: String
    let output: OutputRing
    /// Takes input; returns how many bytes it had room for.
    var onInput: ([UInt8]) -> Int = { $0.count }
    /// The other end will send no more.
    var onEnd: () -> Void = {}
    /// Bytes that had been refused will be taken now.
    var onRoom: () -> Void = {}

    private let loop: EventLoop
    private let input: SharedDescriptor
    private let sink: SharedDescriptor
    /// Input that was read and not taken yet.
    private var held: [UInt8] = []
    private var isReading = false
    private var isBlocked = false
    private var isGathering = false
    private var hasEnded = false
    private var stall: EventLoop.TimerID?
    /// Descriptors that waited before this stream had them, with their flags.
    private var wereBlocking: [(number: CInt, flags: CInt)] = []
    /// Watched by the loop; nil for what cannot be waited for, such as files: always ready.
    private var watched: Set<CInt> = []

    /// - Parameter canWait: whether whoever writes to `output` can be told to wait.
    init(_ name: String, input: SharedDescriptor, output sink: SharedDescriptor, canWait: Bool, loop: EventLoop) throws(OSError) {
        self.name = name
        self.loop = loop
        self.input = input
        self.sink = sink
        // The ring's wake comes from any thread; the flush runs on the loop's.
        let pending = try EventCounter(isBlocking: false)
        output = OutputRing(canWait: canWait) { pending.signal() }
        try loop.watch(pending.number, .read) { [weak self] _ in
            pending.take()
            self?.flushSoon()
        }
        for number in Set([input.number, sink.number]) { try unblock(number) }
    }

    /// The mode is the open file's, which a shell or a terminal's other users may share: `finish` puts it back.
    private func unblock(_ number: CInt) throws(OSError) {
        let flags = try retrying("read the flags of descriptor \(number)") { fcntl(number, F_GETFL) }
        guard flags & O_NONBLOCK == 0 else { return }
        try retrying("set the flags of descriptor \(number)") { fcntl(number, F_SETFL, flags | O_NONBLOCK) }
        wereBlocking.append((number, flags))
    }

    /// Begins to read; input goes to `onInput`.
    func start() {
        isReading = true
        follow()
        if !watched.contains(input.number) { readMore() }
    }

    // MARK: Input

    /// Whoever refused input has room again.
    func roomForInput() {
        guard !held.isEmpty else { return }
        let taken = onInput(held)
        held.removeFirst(min(taken, held.count))
        if held.isEmpty {
            isReading = !hasEnded
            follow()
            if !watched.contains(input.number) { readMore() }
        }
    }

    private func readMore() {
        while isReading, !hasEnded {
            let bytes: [UInt8]
            do throws(OSError) {
                bytes = try input.with { (descriptor) throws(OSError) in try descriptor.read(upTo: 4096) }
            } catch {
                if error.code == .wouldBlock || error.code == .resourceTemporarilyUnavailable { return }
                return end()
            }
            if bytes.isEmpty { return end() }
            let taken = onInput(bytes)
            if taken < bytes.count {
                held = Array(bytes[taken...])
                isReading = false
                follow()
            }
            if watched.contains(input.number) { return }  // the loop says when there is more
        }
    }

    private func end() {
        guard !hasEnded else { return }
        hasEnded = true
        isReading = false
        follow()
        onEnd()
    }

    // MARK: Output

    /// Lets a burst gather: a serial port writes byte by byte, and each turn of this thread may cost the guest its processor.
    private func flushSoon() {
        if output.isHalfFull { return flush() }
        guard !isGathering, !isBlocked else { return }
        isGathering = true
        loop.after(milliseconds: Self.gathering) { [weak self] in
            self?.isGathering = false
            self?.flush()
        }
    }

    /// Writes what the other end takes now.
    func flush() {
        while !output.isEmpty {
            let bytes = output.front(Self.gulp)
            var count = 0
            do throws(OSError) {
                // A write of no more than PIPE_BUF to a pipe, and any to the rest, is whole or says how much.
                count = try sink.with { (descriptor) throws(OSError) in try descriptor.writeSome(bytes) ?? 0 }
            } catch {
                // Nobody will ever read again: what is written is gone, the guest is not held back.
                count = bytes.count
            }
            if count == 0 { return block() }
            unblock()
            if output.advance(count) { onRoom() }
        }
        follow()
    }

    private func block() {
        isBlocked = true
        follow()
        guard stall == nil else { return }
        stall = loop.after(milliseconds: Self.patience) { [weak self] in
            guard let self else { return }
            stall = nil
            output.abandon()
            onRoom()
            // Not every stream says when it can be written again (a port whose host was away).
            flush()
        }
    }

    private func unblock() {
        isBlocked = false
        if let stall { loop.cancel(stall) }
        stall = nil
    }

    /// Tries to hand over what is left, for at most so long; the process ends after it.
    func finish(milliseconds: Int) {
        let deadline = EventLoop.now() + UInt64(milliseconds) * 1_000_000
        flush()
        while !output.isEmpty, EventLoop.now() < deadline {
            var entry = pollfd(fd: sink.number, events: Int16(POLLOUT), revents: 0)
            // Safe because the one entry outlives the call.
            unsafe _ = poll(&entry, 1, 20)
            flush()
        }
        for (number, flags) in wereBlocking { _ = fcntl(number, F_SETFL, flags) }
        wereBlocking = []
    }

    // MARK: The loop

    /// Makes the loop watch what is waited for, and nothing else: an end that is gone would wake it for ever.
    private func follow() {
        for number in Set([input.number, sink.number]) {
            var interest: EventLoop.Interest = []
            if number == input.number, isReading, !hasEnded { interest.insert(.read) }
            if number == sink.number, isBlocked { interest.insert(.write) }
            if interest.isEmpty {
                loop.remove(number)
                watched.remove(number)
            } else {
                do throws(OSError) {
                    try loop.watch(number, interest) { [weak self] in self?.ready(number, $0) }
                    watched.insert(number)
                } catch {
                    watched.remove(number)  // files are always ready
                }
            }
        }
    }

    private func ready(_ number: CInt, _ readiness: EventLoop.Readiness) {
        if number == input.number, !readiness.isDisjoint(with: [.read, .hangup]) { readMore() }
        if number == sink.number, isBlocked {
            if readiness.contains(.hangup), !readiness.contains(.write) {
                // Not watched until the timer tries again.
                loop.remove(number)
                watched.remove(number)
            }
            flush()
        }
    }
}
