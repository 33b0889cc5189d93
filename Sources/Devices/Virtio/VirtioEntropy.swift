/// virtio-rng (virtio 1.2 section 5.4): one queue of buffers that come back with random bytes.
///
/// A request is answered with what it asks for up to a limit, and never with nothing: the driver asks again for the rest.
package final class VirtioEntropy: VirtioDevice {
    /// Bytes for one request, however large its buffers.
    static let requestLimit = 4096
    /// Requests in one turn; then others on the same thread get theirs.
    static let turnLimit = 64

    package let identity = VirtioIdentity(type: 4, classCode: 0x00FF00, name: "virtio-rng")
    package let features: UInt64 = 0
    package let queueSizes: [UInt16] = [64]
    package let configuration: [UInt8] = []

    private let source: any EntropySource

    package init(source: any EntropySource) {
        self.source = source
    }

    package func negotiated(features: UInt64) {}
    package func reset() {}

    package func process(queue index: Int, _ queue: inout Virtqueue) throws(VirtqueueError) -> Bool {
        var left = Self.turnLimit
        queue.suppressNotifications()
        repeat {
            while left > 0, !queue.mustStop, try queue.next() {
                left -= 1
                let count = min(queue.chain.writableCount, Self.requestLimit)
                guard count > 0 else { throw queue.fail(.wrongShape) }
                let bytes = randomBytes(count)
                guard !bytes.isEmpty else { throw queue.fail(.deviceFailed) }
                queue.finish(written: queue.chain.write(bytes, at: 0))
            }
            queue.publish()
            if queue.mustStop { return false }
            if left == 0 { return true }
        } while try queue.resumeNotifications()
        return false
    }

    private func randomBytes(_ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var span = bytes.mutableSpan
        // Safe because bytes are bytes.
        var raw = unsafe span.mutableBytes
        let filled = source.fill(&raw)
        if filled < count { bytes.removeLast(count - max(0, filled)) }
        return bytes
    }
}
