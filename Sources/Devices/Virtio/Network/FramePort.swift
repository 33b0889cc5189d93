import Synchronization

/// Where a guest's frames go: the writing half of a port's stream.
package protocol FrameSink: Sendable {
    /// Takes one record (`PortStream.PortRecord`), all of it or nothing.
    /// - Parameters:
    ///   - head: count and header.
    ///   - frame: where the frame lies; read inside the call only.
    ///   - count: bytes of the frame.
    /// - Returns: false if there is no room; whoever owns the sink rings the card's queue 1 when there is.
    func send(head: [UInt8], frame: [UnsafeMutableRawBufferPointer], count: Int) -> Bool
}

/// The reading half of a port's stream: what came and waits for a card.
///
/// It outlives the card, which a reset of the machine replaces: a record that is still arriving then goes on arriving, and is thrown away.
package final class FrameInput: Sendable {
    struct State {
        var backlog: FrameBacklog
        /// Bytes were refused, and their source waits for room.
        var isHeldBack = false
        /// A driver takes frames; while none does they are lost, as on a wire whose other end is switched off.
        var hasDriver = false
    }

    let state: Mutex<State>
    private let gate: any InputGate

    /// - Parameters:
    ///   - mark: 16 bytes, before which nothing counts; nil: in step from the first byte.
    ///   - gate: told when refused bytes may be offered again.
    package init(mark: [UInt8]? = nil, gate: any InputGate = NoInputGate()) {
        state = Mutex(State(backlog: FrameBacklog(mark: mark)))
        self.gate = gate
    }

    /// Bytes of the stream; afterwards their owner gives the card's queue 0 a turn.
    /// - Returns: how many were taken; when fewer than offered, the gate is told of room later.
    package func offer(_ bytes: RawSpan) -> Int {
        state.withLock { state in
            var taken = 0
            repeat {
                taken += state.backlog.append(bytes.extracting(droppingFirst: taken))
                if !state.hasDriver { state.backlog.removeWhole() }
            } while taken < bytes.byteCount && state.backlog.hasRoom
            state.isHeldBack = taken < bytes.byteCount
            return taken
        }
    }

    /// The stream said something that is no record: nothing more comes out of it until it is taken up anew.
    package var isBroken: Bool { state.withLock { $0.backlog.isBroken } }

    /// Whether the mark has been found since this was last asked: then it is to be said once more.
    package func takeFoundMark() -> Bool {
        state.withLock { state in
            defer { state.backlog.hasFoundMark = false }
            return state.backlog.hasFoundMark
        }
    }

    /// The stream is taken up anew: nothing counts before this mark.
    package func restart(mark: [UInt8]) {
        state.withLock {
            $0.backlog = FrameBacklog(mark: mark)
            $0.isHeldBack = false
        }
    }

    /// A driver begins to take frames, or ends; what waits was for the one before.
    func setDriver(_ hasDriver: Bool) {
        let hasRoom = state.withLock { state in
            state.hasDriver = hasDriver
            state.backlog.removeWhole()
            return Self.takeRoom(&state)
        }
        if hasRoom { gate.roomForInput() }
    }

    /// Lets a turn work on the backlog.
    func withBacklog<Failure: Error>(_ turn: (inout FrameBacklog) throws(Failure) -> Bool) throws(Failure) -> Bool {
        let (result, hasRoom) = try state.withLock { (state) throws(Failure) in
            let result = try turn(&state.backlog)
            return (result, Self.takeRoom(&state))
        }
        if hasRoom { gate.roomForInput() }
        return result
    }

    private static func takeRoom(_ state: inout State) -> Bool {
        guard state.isHeldBack, state.backlog.hasRoom else { return false }
        state.isHeldBack = false
        return true
    }
}
