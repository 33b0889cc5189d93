internal import PortStream
import Synchronization

/// virtio-net (virtio 1.2 section 5.1), one pair of queues and a control queue. Its port is a byte stream of records (`FrameBacklog`).
///
/// - Queue 0 brings frames to the guest. They wait in a bounded backlog; when that is full the stream waits, and whoever writes to it drops.
/// - Queue 1 takes frames from the guest. A frame goes to the sink as fast as that takes it, straight out of guest memory.
/// - Queue 2 takes commands (`NetworkControl`).
///
/// Offloads pass through: a frame whose checksum or segmentation was left to the receiver is completed here only for a guest that did not
/// accept it so. What a guest says of a frame is checked before anybody else sees it; a frame that is not what it says is dropped and counted.
package final class VirtioNetwork: VirtioDevice {
    static let input = 0
    static let output = 1
    static let control = 2
    /// The largest IP packet and its Ethernet header.
    package static let frameLimit = 65_549
    /// A VLAN tag comes on top of the MTU.
    static let tagCount = 4
    /// Bytes moved in one turn; then others on the same thread get theirs.
    static let turnByteCount = 512 << 10
    /// The driver sees frames at the latest after this many.
    static let batch = 32

    package let identity = VirtioIdentity(type: 1, classCode: 0x020000, name: "virtio-net")
    package let features = NetworkFeature.all
    package let queueSizes: [UInt16] = [256, 256, 64]

    /// What was done, and what was not.
    package struct Counters: Hashable, Sendable {
        package var sent = 0
        package var sendDropped = 0
        package var received = 0
        package var receiveDropped = 0
        package var receiveFiltered = 0
    }

    private struct Sending {
        /// Length, header: what goes before the frame of the chain at hand; empty between frames.
        var prefix: [UInt8] = []
        /// Bytes of prefix and frame together, and how many of them the sink has taken.
        var total = 0
        var done = 0
        /// Zeros that complete a record which a reset broke off: the stream's reader counts on its length.
        var owed = 0
    }

    private struct Receiving {
        var backlog = FrameBacklog()
        var isHeldBack = false
        /// Cuts the first frame of the backlog for a guest that cannot take it whole.
        var segmenter: Segmenter?
        /// Header and frame as the guest gets them, when they are not the backlog's own bytes.
        var piece: [UInt8]?
        /// A frame that is spread over several chains: the first of them, how many, and the bytes they hold.
        var spread: (first: DescriptorChain, chains: Int, done: Int)?
    }

    struct Settings {
        var accepted: UInt64 = 0
        /// What the guest takes now: its accepted features, less what it switched off.
        var offloads: UInt64 = 0
        var filter: ReceiveFilter
        var isLinkUp = true
        var counters = Counters()
    }

    private let address: [UInt8]
    private let mtu: UInt16
    private let sink: any ByteSink
    private let gate: any InputGate
    private let sending = Mutex(Sending())
    private let receiving = Mutex(Receiving())
    let settings: Mutex<Settings>

    /// - Parameters:
    ///   - address: 6 bytes.
    ///   - mtu: bytes of the largest packet, Ethernet header not counted.
    ///   - sink: takes records; after it has refused bytes, its owner rings queue 1 when there is room again.
    ///   - gate: told when refused input may be offered again.
    package init(address: [UInt8], mtu: UInt16 = 1500, sink: any ByteSink, gate: any InputGate = NoInputGate()) {
        let own = Array((address + Array(repeating: 0, count: 6)).prefix(6))
        self.address = own
        self.mtu = max(mtu, 68)
        self.sink = sink
        self.gate = gate
        settings = Mutex(Settings(filter: ReceiveFilter(address: own)))
    }

    /// mac: 6 bytes, status: u16, max_virtqueue_pairs: u16, mtu: u16.
    package var configuration: [UInt8] {
        let isLinkUp = settings.withLock { $0.isLinkUp }
        return address + [isLinkUp ? 1 : 0, 0, 1, 0, UInt8(truncatingIfNeeded: mtu), UInt8(truncatingIfNeeded: mtu >> 8)]
    }

    package var counters: Counters { settings.withLock { $0.counters } }

    /// The stream said something that is no record; nothing more comes to the guest, and the owner takes the link down.
    package var isStreamBroken: Bool { receiving.withLock { $0.backlog.isBroken } }

    /// Plugs the cable in or pulls it; afterwards the owner tells the driver (`VirtioPCI.configurationChanged`).
    package func setLink(up: Bool) {
        settings.withLock { $0.isLinkUp = up }
    }

    package func accepts(features: UInt64) -> Bool { NetworkFeature.goTogether(features) }

    package func negotiated(features: UInt64) {
        settings.withLock {
            $0.accepted = features
            $0.offloads = features & NetworkFeature.switchable
        }
    }

    package func reset() {
        sending.withLock { $0 = Sending(owed: $0.owed + ($0.done > 0 ? $0.total - $0.done : 0)) }
        receiving.withLock {
            $0.segmenter = nil
            $0.piece = nil
            $0.spread = nil
            $0.backlog.removeWhole()
        }
        settings.withLock {
            $0.accepted = 0
            $0.offloads = 0
            $0.filter = ReceiveFilter(address: address)
        }
    }

    package func process(queue index: Int, _ queue: inout Virtqueue) throws(VirtqueueError) -> Bool {
        switch index {
        case Self.input: try deliver(&queue)
        case Self.output: try send(&queue)
        default: try command(&queue)
        }
    }

    // MARK: From the guest

    private func send(_ queue: inout Virtqueue) throws(VirtqueueError) -> Bool {
        var left = Self.turnByteCount
        queue.suppressNotifications()
        repeat {
            while left > 0, !queue.mustStop, try queue.next() {
                let chain = queue.chain
                let (isDone, moved) = sending.withLock { sending in
                    guard settle(&sending) else { return (false, 0) }
                    if sending.prefix.isEmpty {
                        guard let prefix = judge(chain) else { return (true, 0) }
                        sending = Sending(prefix: prefix, total: FrameBacklog.prefixCount + chain.readableCount)
                    }
                    let moved = move(chain, &sending)
                    guard sending.done >= sending.total else { return (false, moved) }
                    sending = Sending()
                    return (true, moved)
                }
                left -= max(moved, 1)
                guard isDone else {
                    // The sink is full: its owner rings when it is not.
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

    /// Length and header for the stream, from one copy of what the guest said; nil for a frame that nobody shall see.
    private func judge(_ chain: DescriptorChain) -> [UInt8]? {
        settings.withLock { settings in
            let count = chain.readableCount - NetworkHeader.byteCount
            guard settings.isLinkUp, count >= NetworkHeader.ethernetCount, count <= Self.frameLimit,
                let bytes = chain.read(at: 0, count: NetworkHeader.byteCount),
                let header = NetworkHeader(checking: bytes, frameCount: count), settings.maySend(header),
                header.segmentation != .none || count <= Int(mtu) + NetworkHeader.ethernetCount + Self.tagCount
            else {
                settings.counters.sendDropped += 1
                return nil
            }
            settings.counters.sent += 1
            let length = UInt32(chain.readableCount)
            return (0..<4).map { UInt8(truncatingIfNeeded: length >> (24 - 8 * $0)) } + header.bytes(buffers: 0)
        }
    }

    /// Sends what an earlier record still owes; false while the sink has no room for all of it.
    private func settle(_ sending: inout Sending) -> Bool {
        while sending.owed > 0 {
            let zeros = [UInt8](repeating: 0, count: min(sending.owed, 4096))
            // Safe because bytes are bytes.
            let taken = min(max(unsafe sink.write(zeros.span.bytes), 0), zeros.count)
            sending.owed -= taken
            if taken < zeros.count { return false }
        }
        return true
    }

    /// Gives the sink as much of prefix and frame as it takes.
    private func move(_ chain: DescriptorChain, _ sending: inout Sending) -> Int {
        let start = sending.done
        if sending.done < sending.prefix.count {
            let rest = Array(sending.prefix[sending.done...])
            // Safe because bytes are bytes.
            sending.done += min(max(unsafe sink.write(rest.span.bytes), 0), rest.count)
            if sending.done < sending.prefix.count { return sending.done - start }
        }
        let offset = sending.done - FrameBacklog.prefixCount
        let ranges = unsafe chain.readableRanges(from: offset, count: chain.readableCount - offset)
        for index in unsafe ranges.indices {
            // Safe because the ranges are the chain's own, in guest memory; the sink copies what it takes.
            let size = unsafe ranges[index].count
            let taken = min(max(unsafe sink.write(ranges[index].bytes), 0), size)
            sending.done += taken
            if taken < size { break }
        }
        return sending.done - start
    }

    // MARK: To the guest

    /// Bytes of the port's stream; afterwards their owner rings queue 0.
    /// - Returns: how many were taken; when fewer than offered, the gate is told of room later.
    package func offer(_ bytes: RawSpan) -> Int {
        receiving.withLock { receiving in
            let count = receiving.backlog.append(bytes)
            receiving.isHeldBack = count < bytes.byteCount
            return count
        }
    }

    private enum Step {
        /// Bytes went into the chain; the frame ends there, or goes on in the next one.
        case filled(Int, isLast: Bool)
        /// The chain stays for a later frame.
        case kept
        case refused
    }

    private func deliver(_ queue: inout Virtqueue) throws(VirtqueueError) -> Bool {
        var left = Self.turnByteCount
        queue.suppressNotifications()
        repeat {
            while left > 0, !queue.mustStop, hasFrame(), try queue.next() {
                let chain = queue.chain
                let limit = Int(queue.size)
                let (isSpread, step) = receiving.withLock { receiving in
                    (receiving.spread != nil, fill(chain, chainLimit: limit, &receiving))
                }
                switch step {
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
            if receiving.withLock({ $0.spread == nil }) { queue.publish() }
            if queue.mustStop { return false }
            if left <= 0 { return true }
            // Without frames the driver may give buffers as it likes, silently: a frame rings itself.
            if !hasFrame() { return false }
        } while try queue.resumeNotifications()
        return false
    }

    /// Whether a frame for the guest is ready in front; those it does not want are dropped on the way.
    private func hasFrame() -> Bool {
        let (isReady, hasRoom) = receiving.withLock { receiving in
            let isReady = prepare(&receiving)
            let hasRoom = receiving.isHeldBack && receiving.backlog.hasRoom
            if hasRoom { receiving.isHeldBack = false }
            return (isReady, hasRoom)
        }
        if hasRoom { gate.roomForInput() }
        return isReady
    }

    private func prepare(_ receiving: inout Receiving) -> Bool {
        while receiving.piece == nil, receiving.spread == nil {
            if let segment = receiving.segmenter?.next() {
                receiving.piece = NetworkHeader().bytes(buffers: 1) + segment
                return true
            }
            if receiving.segmenter != nil {
                receiving.segmenter = nil
                receiving.backlog.removeFirst()
            }
            guard let record = receiving.backlog.first() else { return false }
            let bytes = receiving.backlog.bytes[record]
            let frame = bytes.dropFirst(NetworkHeader.byteCount)
            let choice = settings.withLock { $0.choose(NetworkHeader(checking: bytes, frameCount: frame.count), frame.prefix(6)) }
            switch choice {
            case .drop: receiving.backlog.removeFirst()
            case .whole(let header): receiving.piece = header.bytes(buffers: 1) + frame
            case .complete(let header):
                var completed = Array(frame)
                InternetChecksum.complete(&completed, header)
                receiving.piece = NetworkHeader().bytes(buffers: 1) + completed
            case .cut(let header):
                receiving.segmenter = Segmenter(Array(frame), header)
                if receiving.segmenter == nil {
                    receiving.backlog.removeFirst()
                    settings.withLock { $0.counters.receiveDropped += 1 }
                }
            }
        }
        return true
    }

    /// Puts the frame in front, or the next part of it, into one chain.
    private func fill(_ chain: DescriptorChain, chainLimit: Int, _ receiving: inout Receiving) -> Step {
        guard let piece = receiving.piece else { return .kept }
        guard chain.writableCount > 0 else { return .refused }
        let isMergeable = settings.withLock { $0.accepted & NetworkFeature.mergeableBuffers != 0 }
        guard isMergeable else {
            let fits = chain.writableCount >= piece.count
            if fits { chain.write(piece, at: 0) }
            endFrame(&receiving, wasDelivered: fits)
            return fits ? .filled(piece.count, isLast: true) : .kept
        }
        var spread = receiving.spread ?? (first: chain, chains: 0, done: 0)
        // The header must be whole in the first chain.
        guard spread.chains > 0 || chain.writableCount >= NetworkHeader.byteCount else { return .refused }
        let count = chain.write(Array(piece[spread.done...].prefix(chain.writableCount)), at: 0)
        spread.chains += 1
        spread.done += count
        let isWhole = spread.done == piece.count
        // A guest whose buffers, all together, are too small gets the frame cut short: its own mistake, and no reason to wait for ever.
        guard isWhole || spread.chains >= chainLimit else {
            receiving.spread = spread
            return .filled(count, isLast: false)
        }
        let chains = UInt16(truncatingIfNeeded: spread.chains)
        spread.first.write(
            [UInt8(truncatingIfNeeded: chains), UInt8(truncatingIfNeeded: chains >> 8)], at: NetworkHeader.buffersOffset)
        endFrame(&receiving, wasDelivered: isWhole)
        return .filled(count, isLast: true)
    }

    private func endFrame(_ receiving: inout Receiving, wasDelivered: Bool) {
        receiving.piece = nil
        receiving.spread = nil
        if receiving.segmenter == nil { receiving.backlog.removeFirst() }
        settings.withLock {
            if wasDelivered { $0.counters.received += 1 } else { $0.counters.receiveDropped += 1 }
        }
    }
}

extension VirtioNetwork.Settings {
    /// How a frame reaches the guest.
    enum Choice {
        case drop
        case whole(NetworkHeader)
        /// Its checksum made good first.
        case complete(NetworkHeader)
        /// In pieces, each complete.
        case cut(NetworkHeader)
    }

    /// Whether the guest accepted what it now asks for.
    func maySend(_ header: NetworkHeader) -> Bool {
        if header.needsChecksum, accepted & NetworkFeature.checksum == 0 { return false }
        if header.hasECN, accepted & NetworkFeature.hostECN == 0 { return false }
        switch header.segmentation {
        case .none: return true
        case .tcp4: return accepted & NetworkFeature.hostTCP4 != 0
        case .tcp6: return accepted & NetworkFeature.hostTCP6 != 0
        }
    }

    mutating func choose(_ header: NetworkHeader?, _ destination: some Collection<UInt8>) -> Choice {
        guard let header, isLinkUp else {
            counters.receiveDropped += 1
            return .drop
        }
        guard filter.wants(destination) else {
            counters.receiveFiltered += 1
            return .drop
        }
        let needed: UInt64 =
            switch header.segmentation {
            case .none: 0
            case .tcp4: NetworkFeature.guestTCP4
            case .tcp6: NetworkFeature.guestTCP6
            }
        if offloads & needed != needed { return .cut(header) }
        if header.hasECN, offloads & NetworkFeature.guestECN == 0 { return .cut(header) }
        if header.needsChecksum, offloads & NetworkFeature.guestChecksum == 0 {
            return header.segmentation == .none ? .complete(header) : .cut(header)
        }
        return .whole(header)
    }
}
