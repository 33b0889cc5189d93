internal import CLinux
internal import Devices
internal import Glibc
internal import Host
internal import PortStream
internal import Synchronization

/// The writing half of a network port: whole records in a bounded buffer, and the stream that they go to.
///
/// Small frames gather here and go out together at the end of a turn (`flush`); a large one goes to a socket straight out of guest memory.
/// While the other end takes nothing the guest's frames wait; after `NetworkPort.patience` they are lost instead, as on a wire that nobody
/// listens to, so that a guest never hangs on its network.
final class PortOutput: FrameSink {
    /// Several of the largest records.
    static let limit = 256 << 10
    /// From this many bytes on, a frame is worth a system call of its own.
    private static let directCount = 16 << 10
    /// The kernel takes no more pieces in one write (IOV_MAX); what does not fit goes through the buffer.
    private static let pieceLimit = 1024
    /// Bytes handed to one write.
    private static let gulp = 64 << 10

    private struct State {
        var bytes: [UInt8] = []
        /// Bytes at the front that the stream has taken.
        var taken = 0
        /// A record was refused for want of room.
        var hasRefused = false
        /// The other end takes nothing: what is sent is lost.
        var isStalled = false
        /// There is no other end.
        var isClosed = false
        /// Bytes that the stream has taken in all.
        var written: UInt64 = 0

        var count: Int { bytes.count - taken }
    }

    private let stream: SharedDescriptor
    private let isSocket: Bool
    private let state = Mutex(State())

    /// - Parameters:
    ///   - stream: does not block.
    ///   - isSocket: several pieces of memory go in one write. A virtio port would make a message of each.
    init(_ stream: SharedDescriptor, isSocket: Bool) {
        self.stream = stream
        self.isSocket = isSocket
    }

    // MARK: The card's side

    func send(head: [UInt8], frame: [UnsafeMutableRawBufferPointer], count: Int) -> Bool {
        state.withLock { state in
            let total = head.count + count
            if state.isStalled || state.isClosed { return true }
            if state.count + total > Self.limit { drain(&state) }
            guard state.count + total <= Self.limit else {
                state.hasRefused = true
                return false
            }
            // Safe because the ranges are used inside the call only.
            let done = unsafe isSocket && state.count == 0 && total >= Self.directCount ? writeDirectly(head, frame, &state) : 0
            guard done < total else { return true }
            if done < head.count { state.bytes += head[done...] }
            var skip = max(0, done - head.count)
            for index in unsafe frame.indices {
                let size = unsafe frame[index].count
                if skip < size {
                    // Safe because `skip` lies in the range.
                    unsafe state.bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: frame[index][skip...]))
                }
                skip = max(0, skip - size)
            }
            return true
        }
    }

    /// One write of all the pieces.
    /// - Returns: how many bytes the stream took.
    private func writeDirectly(_ head: [UInt8], _ frame: [UnsafeMutableRawBufferPointer], _ state: inout State) -> Int {
        unsafe head.withUnsafeBytes { head in
            var pieces = unsafe [iovec(iov_base: UnsafeMutableRawPointer(mutating: head.baseAddress), iov_len: head.count)]
            for index in unsafe frame.indices.prefix(Self.pieceLimit - 1) {
                unsafe pieces.append(iovec(iov_base: frame[index].baseAddress, iov_len: frame[index].count))
            }
            // Safe because every piece outlives the call.
            return max(0, unsafe writev(stream.number, pieces, CInt(pieces.count)))
        }
    }

    // MARK: The loop's side

    /// Writes what the stream takes now.
    /// - Returns: true if a record that was refused may be sent now.
    func flush() -> Bool {
        state.withLock { state in
            drain(&state)
            guard state.hasRefused, state.count <= Self.limit / 2 || state.isStalled || state.isClosed else { return false }
            state.hasRefused = false
            return true
        }
    }

    /// Whether bytes wait for the stream.
    var isBlocked: Bool { state.withLock { $0.count > 0 } }

    /// Bytes that the stream has taken so far: whether the other end is awake.
    var written: UInt64 { state.withLock { $0.written } }

    /// The other end has taken nothing for long, or nothing that is said to it counts.
    func stall() { state.withLock { $0.isStalled = true } }

    /// The stream is taken up anew: whatever waited is forgotten, and the mark comes first.
    func restart(mark: [UInt8]) {
        state.withLock { $0 = State(bytes: PortRecord.markPrefix + mark, written: $0.written) }
    }

    /// The mark once more, behind whatever waits: the other end may not have listened yet when it came first.
    func say(mark: [UInt8]) {
        state.withLock { if !$0.isClosed { $0.bytes += PortRecord.markPrefix + mark } }
    }

    private func drain(_ state: inout State) {
        while state.count > 0 {
            let end = min(state.bytes.count, state.taken + Self.gulp)
            // Safe because the range lies in the array, which outlives the call.
            let count = unsafe state.bytes.withUnsafeBytes { unsafe write(stream.number, $0.baseAddress! + state.taken, end - state.taken) }
            if count < 0 {
                if errno == EINTR { continue }
                if errno == EAGAIN {
                    // A guest that always has more would else never let go of what was written.
                    if state.taken > Self.limit / 2 {
                        state.bytes.removeFirst(state.taken)
                        state.taken = 0
                    }
                    return
                }
                // There is no other end any more.
                state = State(isClosed: true, written: state.written)
                return
            }
            state.taken += count
            state.written &+= UInt64(count)
            state.isStalled = false
        }
        state.bytes.removeAll(keepingCapacity: true)
        state.taken = 0
    }
}
