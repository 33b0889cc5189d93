import Synchronization

/// virtio-console (virtio 1.2 section 5.3), one port without MULTIPORT: queue 0 takes input to the guest, queue 1 brings its output.
///
/// Input waits in a bounded backlog. Output goes to the sink as fast as the sink takes it: while it takes nothing the guest's buffers stay
/// where they are, so a console that nobody reads holds up its writer and costs no memory. Whoever drains the sink rings queue 1 again.
package final class VirtioConsole: VirtioDevice {
    static let input = 0
    static let output = 1
    /// Bytes of input that the guest has not taken yet.
    package static let backlogLimit = 64 << 10
    /// Bytes moved in one turn; then others on the same thread get theirs.
    static let turnByteCount = 256 << 10

    package let identity = VirtioIdentity(type: 3, classCode: 0x078000, name: "virtio-console")
    /// EMERG_WRITE: a byte written to the configuration comes out, even before the driver is set up.
    package let features: UInt64 = 1 << 2
    package let queueSizes: [UInt16] = [128, 128]
    /// cols: u16, rows: u16, max_nr_ports: u32, emerg_wr: u32.
    package let configuration: [UInt8] = [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]

    private struct Backlog {
        var bytes: [UInt8] = []
        /// Bytes at the front that the guest has taken already.
        var taken = 0
        /// Input was refused, and its source waits for room.
        var isHeldBack = false

        var count: Int { bytes.count - taken }
    }

    private let sink: any ByteSink
    private let gate: any InputGate
    private let backlog = Mutex(Backlog())
    /// Bytes of the output chain at hand that the sink has taken.
    private let progress = Mutex(0)

    /// - Parameters:
    ///   - sink: takes the guest's output; after it has refused bytes, its owner rings queue 1 when there is room again.
    ///   - gate: told when refused input may be offered again.
    package init(sink: any ByteSink, gate: any InputGate = NoInputGate()) {
        self.sink = sink
        self.gate = gate
    }

    package func negotiated(features: UInt64) {}

    package func reset() {
        progress.withLock { $0 = 0 }
    }

    package func writeConfiguration(offset: Int, value: UInt8) {
        if offset == 8 { _ = put([value]) }
    }

    /// Input for the guest; afterwards its owner rings queue 0.
    /// - Returns: how many bytes were taken; when fewer than offered, the gate is told of room later.
    package func offer(_ bytes: RawSpan) -> Int {
        backlog.withLock { backlog in
            let count = min(bytes.byteCount, Self.backlogLimit - backlog.count)
            if backlog.taken > 0 {
                backlog.bytes.removeFirst(backlog.taken)
                backlog.taken = 0
            }
            for index in 0..<count {
                // Safe because a byte is a byte, and the span checks the index.
                unsafe backlog.bytes.append(bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self))
            }
            backlog.isHeldBack = count < bytes.byteCount
            return count
        }
    }

    package func process(queue index: Int, _ queue: inout Virtqueue) throws(VirtqueueError) -> Bool {
        index == Self.input ? try deliver(&queue) : try drain(&queue)
    }

    // MARK: Input

    private func deliver(_ queue: inout Virtqueue) throws(VirtqueueError) -> Bool {
        queue.suppressNotifications()
        repeat {
            while !queue.mustStop, backlog.withLock({ $0.count > 0 }), try queue.next() {
                guard queue.chain.writableCount > 0 else { throw queue.fail(.wrongShape) }
                let chain = queue.chain
                let (written, hasRoom) = backlog.withLock { backlog in
                    let piece = Array(backlog.bytes[backlog.taken...].prefix(chain.writableCount))
                    let written = chain.write(piece, at: 0)
                    backlog.taken += written
                    let hasRoom = backlog.isHeldBack && backlog.count <= Self.backlogLimit / 2
                    if hasRoom { backlog.isHeldBack = false }
                    return (written, hasRoom)
                }
                queue.finish(written: written)
                if hasRoom { gate.roomForInput() }
            }
            queue.publish()
            // Without input the driver may give buffers as it likes, silently: input itself rings.
            if queue.mustStop || backlog.withLock({ $0.count == 0 }) { return false }
        } while try queue.resumeNotifications()
        return false
    }

    // MARK: Output

    private func drain(_ queue: inout Virtqueue) throws(VirtqueueError) -> Bool {
        var left = Self.turnByteCount
        queue.suppressNotifications()
        repeat {
            while left > 0, !queue.mustStop, try queue.next() {
                let start = progress.withLock { $0 }
                let count = queue.chain.readableCount
                let moved = move(queue.chain, from: start, count: min(left, count - start))
                left -= max(moved, 1)
                if start + moved < count {
                    progress.withLock { $0 = start + moved }
                    // Either this turn has moved enough, or the sink is full: its owner rings when it is not.
                    queue.publish()
                    return left <= 0
                }
                progress.withLock { $0 = 0 }
                queue.finish(written: 0)
            }
            queue.publish()
            if queue.mustStop { return false }
            if left <= 0 { return true }
        } while try queue.resumeNotifications()
        return false
    }

    /// Gives the sink bytes of the chain.
    /// - Returns: how many it took.
    private func move(_ chain: DescriptorChain, from start: Int, count: Int) -> Int {
        var moved = 0
        let ranges = unsafe chain.readableRanges(from: start, count: count)
        for index in unsafe ranges.indices {
            // Safe because the ranges are the chain's own, in guest memory; the sink copies what it takes.
            let size = unsafe ranges[index].count
            let taken = unsafe sink.write(ranges[index].bytes)
            moved += min(max(taken, 0), size)
            if taken < size { break }
        }
        return moved
    }

    private func put(_ bytes: [UInt8]) -> Int {
        // Safe because bytes are bytes.
        unsafe sink.write(bytes.span.bytes)
    }
}
