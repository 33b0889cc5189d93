internal import PortStream

/// Queue 1: frames from the guest, each one record for the sink.
extension VirtioNetwork {
    func send(_ queue: inout Virtqueue) throws(VirtqueueError) -> Bool {
        var left = Self.turnByteCount
        queue.suppressNotifications()
        repeat {
            while left > 0, !queue.mustStop, try queue.next() {
                let chain = queue.chain
                left -= max(chain.readableCount, 1)
                guard pass(chain) else {
                    // The sink is full: the chain stays in hand, and the sink's owner rings when there is room.
                    queue.publish()
                    return false
                }
                queue.finish(written: 0)
                if queue.unpublished >= Self.batch { queue.publish() }
            }
            queue.publish()
            if queue.mustStop { return false }
            if left <= 0 { return true }
        } while try queue.resumeNotifications()
        return false
    }

    /// Sends one frame, or drops it; false if the sink has no room for it.
    private func pass(_ chain: DescriptorChain) -> Bool {
        guard let head = judge(chain) else {
            settings.withLock { $0.counters.sendDropped += 1 }
            return true
        }
        let headerCount = settings.withLock { $0.headerByteCount }
        let count = chain.readableCount - headerCount
        // Safe because the ranges are the chain's own, in guest memory; the sink copies what it takes.
        let isTaken = unsafe output.send(head: head, frame: chain.readableRanges(from: headerCount, count: count), count: count)
        if isTaken { settings.withLock { $0.counters.sent += 1 } }
        return isTaken
    }

    /// Count and header for the stream, from one copy of what the guest said; nil for a frame that nobody shall see.
    private func judge(_ chain: DescriptorChain) -> [UInt8]? {
        let headerCount = settings.withLock { $0.headerByteCount }
        let count = chain.readableCount - headerCount
        guard count >= NetworkHeader.ethernetCount, count <= PortRecord.frameLimit,
            let bytes = chain.read(at: 0, count: headerCount),
            let header = NetworkHeader(
                checking: bytes + [UInt8](repeating: 0, count: NetworkHeader.byteCount - headerCount), frameCount: count)
        else { return nil }
        let mayPass = settings.withLock { settings in
            settings.isLinkUp && settings.maySend(header)
                && (header.segmentation != .none || count <= Int(mtu) + NetworkHeader.ethernetCount + Self.tagCount)
        }
        guard mayPass else { return nil }
        let length = UInt32(NetworkHeader.byteCount + count)
        return (0..<4).map { UInt8(truncatingIfNeeded: length >> (24 - 8 * $0)) } + header.bytes(buffers: 0)
    }
}
