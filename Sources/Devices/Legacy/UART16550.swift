import Synchronization

/// A 16550A serial port with FIFOs.
///
///     0  RBR read, THR write (divisor low with DLAB)    4  MCR  modem control
///     1  IER (divisor high with DLAB)                   5  LSR  line status
///     2  IIR read, FCR write                            6  MSR  modem status
///     3  LCR, bit 7 DLAB                                7  SCR  scratch
///
/// Output leaves at once, whatever the divisor says, so the transmitter is always empty; bytes that the sink refuses are counted and lost, as on a wire that
/// nobody reads. Input waits in a bounded backlog behind the FIFO. A partly filled FIFO interrupts at once, as its time-out would. Attach 8 ports, and
/// wire the line to an edge-triggered interrupt: it falls whenever the reason for it is served.
package final class UART16550: ByteBusDevice, ResettableDevice {
    /// Bytes of input that wait behind the FIFO.
    package static let backlogLimit = 4096
    private static let fifoDepth = 16

    private enum Interrupt {
        static let received: UInt8 = 1
        static let transmitterEmpty: UInt8 = 2
        static let lineStatus: UInt8 = 4
        static let modemStatus: UInt8 = 8
    }

    private enum Line {
        static let dataReady: UInt8 = 0x01
        static let overrun: UInt8 = 0x02
        /// Transmitter holding register and shift register empty.
        static let empty: UInt8 = 0x60
    }

    private static let loopback: UInt8 = 0x10
    /// CTS, DSR and DCD: somebody is there.
    private static let connected: UInt8 = 0xB0

    private struct State {
        var divisor: UInt16 = 12
        var interruptEnable: UInt8 = 0
        var lineControl: UInt8 = 0x03
        var modemControl: UInt8 = 0
        /// Lines in the upper half, what changed since the last read in the lower.
        var modemStatus: UInt8 = UART16550.connected
        var scratch: UInt8 = 0
        var hasFIFO = false
        var trigger = 1
        var overrun = false
        /// The transmitter became empty and nobody has looked.
        var isEmptyPending = false
        var fifo: [UInt8] = []
        var backlog: [UInt8] = []
        var isHeldBack = false
        var asserted = false
        var dropped: UInt64 = 0

        var isLoopback: Bool { modemControl & UART16550.loopback != 0 }
        var depth: Int { hasFIFO ? UART16550.fifoDepth : 1 }

        /// The reason of highest priority, as the low nibble of IIR; 1 is none.
        var reason: UInt8 {
            if interruptEnable & Interrupt.lineStatus != 0, overrun { return 0x06 }
            if interruptEnable & Interrupt.received != 0, !fifo.isEmpty { return fifo.count >= trigger ? 0x04 : 0x0C }
            if interruptEnable & Interrupt.transmitterEmpty != 0, isEmptyPending { return 0x02 }
            if interruptEnable & Interrupt.modemStatus != 0, modemStatus & 0x0F != 0 { return 0x00 }
            return 0x01
        }
    }

    private let sink: any ByteSink
    private let line: any InterruptLine
    private let gate: any InputGate
    private let state = Mutex(State())

    /// - Parameters:
    ///   - sink: takes output, byte by byte.
    ///   - gate: told when input that was refused may be offered again.
    package init(sink: any ByteSink, line: any InterruptLine, gate: any InputGate = NoInputGate()) {
        self.sink = sink
        self.line = line
        self.gate = gate
    }

    /// Bytes of output that the sink refused.
    package var droppedCount: UInt64 { state.withLock { $0.dropped } }

    /// Input from outside.
    /// - Returns: how many bytes were taken; when fewer than offered, the gate is told of room later.
    package func receive(_ bytes: RawSpan) -> Int {
        state.withLock { state in
            let room = state.depth + Self.backlogLimit - state.fifo.count - state.backlog.count
            let count = min(bytes.byteCount, max(room, 0))
            for index in 0..<count {
                // Safe because a byte is a byte, and the span checks the index.
                unsafe state.backlog.append(bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self))
            }
            state.isHeldBack = count < bytes.byteCount
            refill(&state)
            drive(&state)
            return count
        }
    }

    package func reset() {
        state.withLock { state in
            let dropped = state.dropped
            let asserted = state.asserted
            let waiting = state.fifo + state.backlog
            state = State()
            state.dropped = dropped
            state.asserted = asserted
            state.backlog = waiting
            refill(&state)
            drive(&state)
        }
    }

    // MARK: Registers

    package func readByte(offset: UInt64) -> UInt8 {
        state.withLock { state in
            let isDivisor = state.lineControl & 0x80 != 0
            switch offset {
            case 0 where isDivisor: return UInt8(truncatingIfNeeded: state.divisor)
            case 1 where isDivisor: return UInt8(truncatingIfNeeded: state.divisor >> 8)
            case 0: return receiveBuffer(&state)
            case 1: return state.interruptEnable
            case 2:
                let reason = state.reason
                // Looking at it serves the empty transmitter.
                if reason == 0x02 { state.isEmptyPending = false }
                drive(&state)
                return reason | (state.hasFIFO ? 0xC0 : 0)
            case 3: return state.lineControl
            case 4: return state.modemControl
            case 5:
                let value = Line.empty | (state.fifo.isEmpty ? 0 : Line.dataReady) | (state.overrun ? Line.overrun : 0)
                state.overrun = false
                drive(&state)
                return value
            case 6:
                let value = state.modemStatus
                state.modemStatus &= 0xF0
                drive(&state)
                return value
            case 7: return state.scratch
            default: return 0xFF
            }
        }
    }

    package func writeByte(offset: UInt64, value: UInt8) {
        state.withLock { state in
            let isDivisor = state.lineControl & 0x80 != 0
            switch offset {
            case 0 where isDivisor: state.divisor = state.divisor & 0xFF00 | UInt16(value)
            case 1 where isDivisor: state.divisor = state.divisor & 0x00FF | UInt16(value) << 8
            case 0: transmit(value, &state)
            case 1:
                // Enabling the interrupt of an empty transmitter raises it.
                if value & ~state.interruptEnable & Interrupt.transmitterEmpty != 0 { state.isEmptyPending = true }
                state.interruptEnable = value & 0x0F
            case 2: controlFIFO(value, &state)
            case 3: state.lineControl = value
            case 4:
                state.modemControl = value & 0x1F
                updateModemLines(&state)
                refill(&state)
            case 7: state.scratch = value
            default: break
            }
            drive(&state)
        }
    }

    private func receiveBuffer(_ state: inout State) -> UInt8 {
        guard !state.fifo.isEmpty else { return 0 }
        let byte = state.fifo.removeFirst()
        refill(&state)
        drive(&state)
        return byte
    }

    private func transmit(_ value: UInt8, _ state: inout State) {
        // The new byte makes the transmitter busy for a moment: that edge is what a driver waits for when it never reads IIR.
        if state.asserted, state.reason == 0x02 {
            state.isEmptyPending = false
            drive(&state)
        }
        if state.isLoopback {
            if state.fifo.count < state.depth { state.fifo.append(value) } else { state.overrun = true }
        } else {
            let byte: InlineArray<1, UInt8> = [value]
            // Safe because a byte is a byte.
            if unsafe sink.write(byte.span.bytes) < 1 { state.dropped &+= 1 }
        }
        state.isEmptyPending = true
    }

    private func controlFIFO(_ value: UInt8, _ state: inout State) {
        let hasFIFO = value & 1 != 0
        if value & 2 != 0 || hasFIFO != state.hasFIFO { state.fifo.removeAll() }
        state.hasFIFO = hasFIFO
        state.trigger = hasFIFO ? [1, 4, 8, 14][Int(value >> 6)] : 1
        refill(&state)
    }

    private func updateModemLines(_ state: inout State) {
        var lines = Self.connected
        if state.isLoopback {
            // RTS -> CTS, DTR -> DSR, OUT1 -> RI, OUT2 -> DCD.
            let control = state.modemControl
            lines = (control & 2) << 3 | (control & 1) << 5 | (control & 4) << 4 | (control & 8) << 4
        }
        let changed = (lines ^ state.modemStatus) & 0xF0
        var delta = (changed >> 4) & 0b1011
        // The ring indicator counts only when it ends.
        if changed & 0x40 != 0, lines & 0x40 == 0 { delta |= 0b0100 }
        state.modemStatus = lines | (state.modemStatus & 0x0F) | delta
    }

    /// Moves input up into the FIFO; in loopback the wire is cut and it waits.
    private func refill(_ state: inout State) {
        guard !state.isLoopback, !state.backlog.isEmpty else { return }
        let count = min(state.depth - state.fifo.count, state.backlog.count)
        if count > 0 {
            state.fifo += state.backlog.prefix(count)
            state.backlog.removeFirst(count)
        }
        if state.isHeldBack, state.backlog.count <= Self.backlogLimit / 2 {
            state.isHeldBack = false
            gate.roomForInput()
        }
    }

    private func drive(_ state: inout State) {
        let wanted = state.reason != 0x01
        guard wanted != state.asserted else { return }
        state.asserted = wanted
        line.setLevel(wanted)
    }
}
