/// One TCP connection on which names are asked for: the least of TCP that is right (RFC 9293), for questions and answers of a few
/// hundred bytes with a count before each (RFC 7766).
///
/// No congestion control and no reordering: what does not come in order is not taken and comes again.
struct NameStream: Sendable {
    let identity: UInt64
    let peer: Endpoint
    let local: Endpoint
    let peerPort: UInt16

    /// Bytes of questions that may wait, and of the largest question.
    private static let incomingLimit = 4096
    /// Bytes of answers that may wait; no question is looked at while there are more.
    private static let outgoingLimit = 16_384
    /// Bytes in a segment unless the peer takes less.
    private static let segmentLimit: UInt16 = 1220
    private static let leastSegmentLimit: UInt16 = 64
    private static let firstRetry: UInt64 = 300_000_000
    private static let retryLimit = 6
    /// How long nothing may come.
    private static let idleTime: UInt64 = 10_000_000_000

    private enum Phase { case opening, open, closing }

    private var phase = Phase.opening
    /// Of the first byte that the peer has not acknowledged.
    private var sent: UInt32
    private var outgoing: [UInt8] = []
    /// How many bytes of `outgoing` are on their way.
    private var inFlight = 0
    private var finishInFlight = false
    /// Of the next byte from the peer.
    private var expected: UInt32
    private var incoming: [UInt8] = []
    private var peerFinished = false
    private var wantsFinish = false
    private var window: UInt16
    private let limit: Int
    private var retry: UInt64?
    private var retries = 0
    private var idle: UInt64
    private(set) var isOver = false
    /// Questions that somebody else is answering.
    var waiting = 0

    /// - Parameter opening: with `synchronize` and nothing else.
    init(identity: UInt64, peer: Endpoint, local: Endpoint, opening: TCPSegment, start: UInt32, now: UInt64) {
        self.identity = identity
        self.peer = peer
        self.local = local
        peerPort = opening.sourcePort
        sent = start
        expected = opening.sequence &+ 1
        window = opening.window
        limit = Int(min(max(opening.segmentLimit ?? 536, Self.leastSegmentLimit), Self.segmentLimit))
        retry = now &+ Self.firstRetry
        idle = now &+ Self.idleTime
    }

    var isOpening: Bool { phase == .opening }
    var lastHeard: UInt64 { idle }
    var nextDeadline: UInt64 { min(retry ?? idle, idle) }

    /// What greets the peer.
    var greeting: TCPSegment { segment([.synchronize, .acknowledge], sequence: sent, offersLimit: true) }

    private func segment(
        _ flags: TCPSegment.Flags, sequence: UInt32, content: ArraySlice<UInt8> = [], offersLimit: Bool = false
    ) -> TCPSegment {
        TCPSegment(
            from: DNSResponder.port, to: peerPort, sequence: sequence, acknowledged: expected, flags: flags,
            window: UInt16(truncatingIfNeeded: max(0, Self.incomingLimit - incoming.count)),
            segmentLimit: offersLimit ? Self.segmentLimit : nil, content: content)
    }

    private var acknowledgement: TCPSegment {
        segment(.acknowledge, sequence: sent &+ UInt32(truncatingIfNeeded: inFlight) &+ (finishInFlight ? 1 : 0))
    }

    /// - Parameter answer: asked for each whole question; nil: somebody will send it later, or never.
    mutating func receive(_ segment: TCPSegment, now: UInt64, answer: (ArraySlice<UInt8>) -> [UInt8]?) -> [TCPSegment] {
        if segment.flags.contains(.reset) {
            if segment.sequence &- expected < UInt32(Self.incomingLimit) { isOver = true }
            return []
        }
        if segment.flags.contains(.synchronize) {
            // The first one again; or the peer has forgotten us and learns it from the answer (RFC 5961, 4).
            return [isOpening && segment.sequence &+ 1 == expected ? greeting : acknowledgement]
        }
        guard segment.flags.contains(.acknowledge) else { return [] }
        if isOpening {
            guard segment.acknowledged == sent &+ 1 else { return segment.refusal.map { [$0] } ?? [] }
            phase = .open
            sent &+= 1
            retry = nil
        }
        guard acknowledge(segment.acknowledged, now: now) else { return [acknowledgement] }
        idle = now &+ Self.idleTime
        window = segment.window
        let isTaken = take(segment)
        if isOver { return [] }
        guard answerQuestions(answer) else {
            isOver = true
            return [self.segment([.reset, .acknowledge], sequence: sent)]
        }
        let segments = flush(now: now)
        return segments.isEmpty && (segment.length > 0 || !isTaken) ? [acknowledgement] : segments
    }

    /// - Returns: false if it acknowledges what was never sent.
    private mutating func acknowledge(_ number: UInt32, now: UInt64) -> Bool {
        let distance = number &- sent
        let most = UInt32(truncatingIfNeeded: outgoing.count) &+ (finishInFlight ? 1 : 0)
        if distance == 0 || distance > UInt32(Int32.max) { return true }
        guard distance <= most else { return false }
        let bytes = min(Int(distance), outgoing.count)
        outgoing.removeFirst(bytes)
        inFlight = max(0, inFlight - bytes)
        sent = number
        retries = 0
        retry = outgoing.isEmpty ? nil : now &+ Self.firstRetry
        if Int(distance) > bytes {
            // Our end was heard of. Kept in `sent`, so that it is not sent again.
            finishInFlight = false
            phase = .closing
            if peerFinished { isOver = true }
        }
        return true
    }

    /// - Returns: false if not all of it was taken.
    private mutating func take(_ segment: TCPSegment) -> Bool {
        let known = expected &- segment.sequence
        guard Int(known) <= segment.content.count else { return false }
        let fresh = segment.content.dropFirst(Int(known))
        let taken = peerFinished ? fresh.prefix(0) : fresh.prefix(Self.incomingLimit - incoming.count)
        incoming += taken
        expected &+= UInt32(truncatingIfNeeded: taken.count)
        guard taken.count == fresh.count else { return false }
        if segment.flags.contains(.finish), !peerFinished {
            expected &+= 1
            peerFinished = true
            wantsFinish = true
            if phase == .closing { isOver = true }
        }
        return true
    }

    /// - Returns: false if a question is larger than any can be.
    private mutating func answerQuestions(_ answer: (ArraySlice<UInt8>) -> [UInt8]?) -> Bool {
        while incoming.count >= 2, outgoing.count < Self.outgoingLimit {
            let count = Int(incoming[0]) << 8 | Int(incoming[1])
            guard count <= Self.incomingLimit - 2 else { return false }
            guard incoming.count >= 2 + count else { break }
            if let bytes = answer(incoming[2..<(2 + count)]) { append(bytes) } else { waiting += 1 }
            incoming.removeFirst(2 + count)
        }
        return true
    }

    private mutating func append(_ answer: [UInt8]) {
        guard !answer.isEmpty else { return }
        outgoing.append(word: UInt16(truncatingIfNeeded: answer.count))
        outgoing += answer
    }

    /// An answer that was waited for.
    mutating func send(_ answer: [UInt8], now: UInt64) -> [TCPSegment] {
        waiting = max(0, waiting - 1)
        append(answer)
        return flush(now: now)
    }

    /// What may go now: bytes within the peer's window, and the end behind the last of them.
    private mutating func flush(now: UInt64, atLeast: Int = 0) -> [TCPSegment] {
        var segments: [TCPSegment] = []
        let room = min(outgoing.count, max(Int(window), atLeast))
        while inFlight < room {
            let piece = outgoing[inFlight..<min(room, inFlight + limit)]
            segments.append(segment([.acknowledge, .push], sequence: sent &+ UInt32(truncatingIfNeeded: inFlight), content: piece))
            inFlight = piece.endIndex
        }
        if wantsFinish, waiting == 0, phase == .open, inFlight == outgoing.count, !finishInFlight {
            segments.append(segment([.acknowledge, .finish], sequence: sent &+ UInt32(truncatingIfNeeded: inFlight)))
            finishInFlight = true
        }
        if retry == nil, !outgoing.isEmpty || finishInFlight { retry = now &+ Self.firstRetry }
        return segments
    }

    mutating func tick(now: UInt64) -> [TCPSegment] {
        if now >= idle {
            guard phase == .open, outgoing.isEmpty, !wantsFinish else {
                isOver = true
                return []
            }
            wantsFinish = true
            waiting = 0
            idle = now &+ Self.idleTime
            return flush(now: now)
        }
        guard let due = retry, now >= due else { return [] }
        retries += 1
        guard retries <= Self.retryLimit else {
            isOver = true
            return []
        }
        retry = now &+ Self.firstRetry << UInt64(retries)
        if isOpening { return [greeting] }
        inFlight = 0
        finishInFlight = false
        return flush(now: now, atLeast: 1)
    }
}
