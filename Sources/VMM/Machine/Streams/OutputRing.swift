internal import Devices
internal import Synchronization

/// What a guest has written to a stream and the reader has not taken yet: bounded, and never the guest's prison.
///
/// A writer that can wait (virtio-console) is held back by a full ring while the reader makes progress: `write` takes fewer bytes than offered. A reader that
/// has taken nothing for `Stream.patience` loses the oldest bytes instead: the guest goes on, and whoever comes back to read finds the newest. A writer that
/// cannot wait (a serial port) makes the reader lose the oldest bytes at once.
final class OutputRing: Sendable, ByteSink {
    /// A quarter of a second of a fast console; also all the memory that a stream without a reader costs.
    static let limit = 256 << 10

    private struct State {
        var bytes: [UInt8] = []
        /// Bytes at the front that the reader has already.
        var taken = 0
        var isAbandoned = false
        var hasRefused = false

        var count: Int { bytes.count - taken }

        mutating func drop(_ count: Int) {
            taken += count
            if taken == bytes.count {
                bytes.removeAll(keepingCapacity: bytes.count <= 4096)
                taken = 0
            } else if taken >= 64 << 10 {
                bytes.removeFirst(taken)
                taken = 0
            }
        }
    }

    private let state = Mutex(State())
    private let canWait: Bool
    /// Called when the ring stops being empty, and when it becomes half full.
    private let wake: @Sendable () -> Void

    init(canWait: Bool, wake: @escaping @Sendable () -> Void) {
        self.canWait = canWait
        self.wake = wake
    }

    // MARK: Writers, on any thread

    func write(_ bytes: RawSpan) -> Int {
        let (taken, mustWake) = state.withLock { state in
            let before = state.count
            let room = Self.limit - before
            var taken = min(bytes.byteCount, room)
            if taken < bytes.byteCount {
                if state.isAbandoned || !canWait {
                    taken = min(bytes.byteCount, Self.limit)
                    state.drop(max(0, state.count + taken - Self.limit))
                } else {
                    state.hasRefused = true
                }
            }
            // Safe because the range lies in the span, and the pointer is used inside the call only.
            unsafe bytes.extracting(first: taken).withUnsafeBytes { unsafe state.bytes.append(contentsOf: $0) }
            return (taken, taken > 0 && (before == 0 || before < Self.limit / 2 && state.count >= Self.limit / 2))
        }
        if mustWake { wake() }
        return taken
    }

    func write(_ bytes: [UInt8]) {
        // Safe because bytes are bytes.
        unsafe _ = write(bytes.span.bytes)
    }

    // MARK: The reader's side, on the loop's thread

    var isEmpty: Bool { state.withLock { $0.count == 0 } }
    var isHalfFull: Bool { state.withLock { $0.count >= Self.limit / 2 } }

    /// The oldest bytes, at most so many.
    func front(_ limit: Int) -> [UInt8] {
        state.withLock { Array($0.bytes[$0.taken...].prefix(limit)) }
    }

    /// The reader has taken so many.
    /// - Returns: true if a writer that was refused may try again.
    func advance(_ count: Int) -> Bool {
        state.withLock { state in
            state.drop(min(count, state.count))
            state.isAbandoned = false
            guard state.hasRefused, state.count <= Self.limit / 2 else { return false }
            state.hasRefused = false
            return true
        }
    }

    /// The reader is gone or asleep: from now on the oldest bytes make room, until it takes some.
    func abandon() {
        state.withLock {
            $0.isAbandoned = true
            $0.hasRefused = false
        }
    }
}
