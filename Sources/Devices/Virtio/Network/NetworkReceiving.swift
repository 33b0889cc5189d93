internal import PortStream

/// Queue 0: frames for the guest, out of the port's backlog.
extension VirtioNetwork {
    /// What a turn leaves for the next one. Nothing in it lies in the backlog, which may change in between.
    struct Receiving {
        /// Cuts a frame for a guest that cannot take it whole.
        var segmenter: Segmenter?
        /// Header and frame as the guest gets them, where they are not the backlog's own bytes.
        var piece: [UInt8]?
        /// Where header and frame lie in the backlog; only within a turn.
        var record: Range<Int>?
        /// A frame that is spread over several chains: the first of them, how many, and the bytes they hold.
        var spread: (first: DescriptorChain, chains: Int, done: Int)?
    }

    private enum Step {
        /// Bytes went into the chain; the frame ends there, or goes on in the next one.
        case filled(Int, isLast: Bool)
        /// The chain stays for a later frame.
        case kept
        case refused
    }

    func deliver(_ queue: inout Virtqueue) throws(VirtqueueError) -> Bool {
        try receiving.withLock { (receiving) throws(VirtqueueError) in
            try input.withBacklog { (backlog) throws(VirtqueueError) in
                defer { detach(&receiving, &backlog) }
                return try deliver(&queue, &receiving, &backlog)
            }
        }
    }

    private func deliver(
        _ queue: inout Virtqueue, _ receiving: inout Receiving, _ backlog: inout FrameBacklog
    ) throws(VirtqueueError) -> Bool {
        var left = Self.turnByteCount
        let chainLimit = Int(queue.size)
        queue.suppressNotifications()
        repeat {
            while left > 0, !queue.mustStop, prepare(&receiving, &backlog), try queue.next() {
                let isSpread = receiving.spread != nil
                switch fill(queue.chain, chainLimit: chainLimit, &receiving, &backlog) {
                case .filled(let count, let isLast):
                    // The chains of one frame are published together; those of earlier frames need not wait for them.
                    if !isLast, !isSpread { queue.publish() }
                    queue.finish(written: count)
                    left -= count
                    if isLast, queue.unpublished >= Self.batch { queue.publish() }
                case .kept:
                    queue.putBack()
                    left -= 1
                case .refused:
                    throw queue.fail(.wrongShape)
                }
            }
            if receiving.spread == nil { queue.publish() }
            if queue.mustStop { return false }
            if left <= 0 { return true }
            // Without frames the driver may give buffers as it likes, silently: a frame brings a turn itself.
            if !prepare(&receiving, &backlog) { return false }
        } while try queue.resumeNotifications()
        return false
    }

    /// Whether a frame for the guest is ready in front; those it does not want are dropped on the way.
    private func prepare(_ receiving: inout Receiving, _ backlog: inout FrameBacklog) -> Bool {
        while receiving.piece == nil, receiving.record == nil {
            if let segment = receiving.segmenter?.next() {
                receiving.piece = NetworkHeader().bytes(buffers: 1) + segment
                return true
            }
            receiving.segmenter = nil
            guard let record = backlog.first() else { return false }
            let start = record.lowerBound + NetworkHeader.byteCount
            let header = NetworkHeader(checking: backlog.bytes[record.lowerBound..<start], frameCount: record.upperBound - start)
            switch settings.withLock({ $0.choose(header, backlog.bytes[start..<(start + 6)]) }) {
            case .drop: backlog.removeFirst()
            case .whole(let header):
                backlog.rewrite(at: record.lowerBound, with: header.bytes(buffers: 1))
                receiving.record = record
            case .complete(let header):
                var completed = Array(backlog.bytes[start..<record.upperBound])
                backlog.removeFirst()
                InternetChecksum.complete(&completed, header)
                receiving.piece = NetworkHeader().bytes(buffers: 1) + completed
            case .cut(let header):
                receiving.segmenter = Segmenter(Array(backlog.bytes[start..<record.upperBound]), header)
                backlog.removeFirst()
                if receiving.segmenter == nil { settings.withLock { $0.counters.receiveDropped += 1 } }
            }
        }
        return true
    }

    /// Puts the frame in front, or the next part of it, into one chain.
    private func fill(
        _ chain: DescriptorChain, chainLimit: Int, _ receiving: inout Receiving, _ backlog: inout FrameBacklog
    ) -> Step {
        guard let total = receiving.piece?.count ?? receiving.record?.count else { return .kept }
        guard chain.writableCount > 0 else { return .refused }
        let (isMergeable, left) = settings.withLock {
            ($0.accepted & NetworkFeature.mergeableBuffers != 0, NetworkHeader.byteCount - $0.headerByteCount)
        }
        guard isMergeable else {
            let total = total - left
            let fits = chain.writableCount >= total
            if fits {
                write(from: 0, to: chain, receiving, backlog)
                // The frame goes where a short header ends.
                if left > 0 { write(from: NetworkHeader.byteCount, to: chain, at: NetworkHeader.byteCount - left, receiving, backlog) }
            }
            endFrame(&receiving, &backlog, wasDelivered: fits)
            return fits ? .filled(total, isLast: true) : .kept
        }
        var spread = receiving.spread ?? (first: chain, chains: 0, done: 0)
        // The header must be whole in the first chain.
        guard spread.chains > 0 || chain.writableCount >= NetworkHeader.byteCount else { return .refused }
        let count = write(from: spread.done, to: chain, receiving, backlog)
        spread.chains += 1
        spread.done += count
        let isWhole = spread.done == total
        // A guest whose buffers, all together, are too small gets the frame cut short: its own mistake, and no reason to wait for ever.
        guard isWhole || spread.chains >= chainLimit else {
            receiving.spread = spread
            return .filled(count, isLast: false)
        }
        if spread.chains > 1 {
            let chains = UInt16(truncatingIfNeeded: spread.chains)
            spread.first.write(
                [UInt8(truncatingIfNeeded: chains), UInt8(truncatingIfNeeded: chains >> 8)], at: NetworkHeader.buffersOffset)
        }
        endFrame(&receiving, &backlog, wasDelivered: isWhole)
        return .filled(count, isLast: true)
    }

    /// Copies what of header and frame lies past `start`, as far as the chain has room.
    @discardableResult
    private func write(
        from start: Int, to chain: DescriptorChain, at place: Int = 0, _ receiving: Receiving, _ backlog: borrowing FrameBacklog
    ) -> Int {
        // Safe because bytes are bytes.
        if let piece = receiving.piece { return unsafe chain.write(piece.span.bytes.extracting(droppingFirst: start), at: place) }
        guard let record = receiving.record else { return 0 }
        // Safe because bytes are bytes; the range is checked.
        return unsafe chain.write(backlog.bytes.span.bytes.extracting((record.lowerBound + start)..<record.upperBound), at: place)
    }

    private func endFrame(_ receiving: inout Receiving, _ backlog: inout FrameBacklog, wasDelivered: Bool) {
        if receiving.record != nil { backlog.removeFirst() }
        receiving.record = nil
        receiving.piece = nil
        receiving.spread = nil
        settings.withLock {
            if wasDelivered { $0.counters.received += 1 } else { $0.counters.receiveDropped += 1 }
        }
    }

    /// Takes a frame that is half delivered out of the backlog; one that has not been begun is found there again.
    private func detach(_ receiving: inout Receiving, _ backlog: inout FrameBacklog) {
        guard let record = receiving.record else { return }
        receiving.record = nil
        guard receiving.spread != nil else { return }
        receiving.piece = Array(backlog.bytes[record])
        backlog.removeFirst()
    }
}
