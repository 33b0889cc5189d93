internal import LabModel
internal import PortStream

/// The last frames of a network, in two files that take turns: when one is full, the other is emptied and begun anew.
///
///     file 0   [section][interface]...[packet]...[packet]     <- the older half, whole and readable
///     file 1   [section][interface]...[packet]..              <- grows
///
/// A value that keeps what is to be written until `drain`; it does no input or output and costs no allocation per frame. Only
/// whole blocks stand in a file: after a short write it is cut back, and says in its next section what is missing.
package struct CaptureRing: Sendable {
    private let half: UInt64
    private let snapLength: Int
    private var section: CaptureSection
    private var interfaces: [CaptureInterface]

    private var pending = BlockBuffer()
    /// Where the pending bytes go: the rest of one file, and the beginning of the other after a change of files.
    private var runs: [Run] = []

    private var file: Int
    /// Bytes of the current file, the pending ones included.
    private var position: UInt64 = 0
    private var state = State.unbegun
    private var lastTime: UInt64 = 0

    /// Frames that were to be recorded.
    package private(set) var frames: UInt64 = 0
    /// Those of them that reached no file.
    package private(set) var lost: UInt64 = 0

    private enum State {
        /// The current file holds something older; it is emptied first.
        case unbegun
        /// Blocks may be appended to the current section.
        case open
        /// A write failed: the next block goes into a new section, after what is whole in the file.
        case broken
    }

    private struct Run {
        var file: Int
        var begins: Bool
        /// In the pending bytes.
        var start: Int
        /// In the file.
        var offset: UInt64
    }

    /// Pending bytes at which the owner should drain: one large write is cheaper than many small ones.
    package static let drainCount = 64 << 10
    /// Pending bytes that are kept for an owner that does not drain; frames beyond are lost, and counted.
    private static let pendingLimit = 1 << 20

    /// - Parameters:
    ///   - byteLimit: bytes for both files together.
    ///   - snapLength: bytes kept of each frame.
    ///   - run: the moment at which this run of the bridge began, in nanoseconds since 1970.
    ///   - file: 0 or 1, the one to begin with: that which was written longer ago.
    package init(
        lab: String, network: String, interfaces: [CaptureInterface], byteLimit: UInt64, snapLength: Int, run: UInt64,
        firstFile file: Int = 0
    ) {
        half = byteLimit / 2
        self.snapLength = min(max(snapLength, 0), PortRecord.frameLimit)
        self.interfaces = interfaces
        section = CaptureSection(lab: lab, network: network, run: run)
        self.file = file & 1
    }

    /// True when enough waits to be worth a write.
    package var wantsDrain: Bool { pending.count >= Self.drainCount }
    /// True when something waits, the beginning of the first section included.
    package var hasPending: Bool { pending.count > 0 || state == .unbegun }

    // MARK: Frames

    /// Once where a frame comes in (or comes from the gateway's services), with the reason if it is dropped there; once more,
    /// with that reason, if it is lost on its way out.
    ///
    /// - Parameters:
    ///   - header: 12 bytes (`NetworkHeader`), not judged yet; a checksum that it leaves open is completed in the copy. Empty: nothing is open.
    ///   - frame: from the Ethernet header on.
    ///   - interface: in the order in which the capture was given its interfaces.
    ///   - time: nanoseconds since 1970.
    package mutating func record(
        header: Span<UInt8>, frame: Span<UInt8>, interface: Int, direction: FrameDirection, drop: DropReason?, time: UInt64
    ) {
        let captured = min(frame.count, snapLength)
        let reason = drop?.rawValue ?? ""
        let optionCount = 8 + (reason.isEmpty ? 0 : 4 + PCAPNG.padded(reason.utf8.count)) + 4
        let count = PCAPNG.packetHeaderCount + PCAPNG.padded(captured) + optionCount + 4
        guard interface >= 0, interface < interfaces.count, pending.count < Self.pendingLimit, makeRoom(for: count) else {
            frames &+= 1
            lost &+= 1
            return
        }
        frames &+= 1
        // Never backwards, whatever the clock does.
        lastTime = max(lastTime, time)
        pending.append(PCAPNG.Block.packet)
        pending.append(UInt32(truncatingIfNeeded: count))
        pending.append(UInt32(truncatingIfNeeded: interface))
        pending.append(UInt32(truncatingIfNeeded: lastTime >> 32))
        pending.append(UInt32(truncatingIfNeeded: lastTime))
        pending.append(UInt32(truncatingIfNeeded: captured))
        pending.append(UInt32(truncatingIfNeeded: frame.count))
        let start = pending.count
        pending.appendPadded(frame.extracting(first: captured))
        if captured == frame.count { completeChecksum(header, frame, at: start) }
        pending.append(PCAPNG.Option.packetFlags)
        pending.append(UInt16(4))
        pending.append(Self.flags(frame, direction))
        if !reason.isEmpty { pending.appendOption(PCAPNG.Option.comment, reason) }
        pending.appendEndOfOptions()
        pending.append(UInt32(truncatingIfNeeded: count))
        position &+= UInt64(count)
    }

    /// Bits 0 and 1: the direction; bits 2 to 4: to one (1), a group (2), or everybody (3).
    private static func flags(_ frame: Span<UInt8>, _ direction: FrameDirection) -> UInt32 {
        var reception: UInt32 = 0
        if frame.count >= 6 {
            var isEverybody = true
            for index in 0..<6 where frame[index] != 0xFF { isEverybody = false }
            reception = isEverybody ? 3 : frame[0] & 1 == 1 ? 2 : 1
        }
        return UInt32(direction.rawValue) | reception << 2
    }

    /// Completes the checksum that the header leaves open, in the copy of a whole frame.
    private mutating func completeChecksum(_ header: Span<UInt8>, _ frame: Span<UInt8>, at start: Int) {
        guard header.count >= NetworkHeader.byteCount, header[0] & 1 == 1 else { return }
        let from = Int(header[6]) | Int(header[7]) << 8
        let field = from + (Int(header[8]) | Int(header[9]) << 8)
        guard from >= NetworkHeader.ethernetCount, field + 2 <= frame.count else { return }
        let sum = InternetChecksum.sum(frame.extracting(from..<frame.count))
        pending.storeBig(InternetChecksum.finished(sum, offset: field - from), at: start + field)
    }

    // MARK: Sections

    /// One more source of frames, in the running section too; its number is the next.
    package mutating func add(_ interface: CaptureInterface) {
        interfaces.append(interface)
        guard state == .open else { return }
        var block = BlockBuffer()
        block.append(interface, snapLength: snapLength)
        if position + UInt64(block.count) <= half {
            append(block)
        } else if !begin(inNext: true, roomFor: 0) {
            state = .broken
        }
    }

    /// Makes sure that a block of so many bytes can be appended; false if it is too large for a whole file.
    private mutating func makeRoom(for count: Int) -> Bool {
        switch state {
        case .open: position + UInt64(count) <= half || begin(inNext: true, roomFor: count)
        case .unbegun: begin(inNext: false, roomFor: count)
        case .broken: goOn(roomFor: count) || begin(inNext: true, roomFor: count)
        }
    }

    /// Begins a section in an emptied file: the current one, or the other.
    private mutating func begin(inNext: Bool, roomFor count: Int) -> Bool {
        let header = sectionHeader()
        guard UInt64(header.count + count) <= half else { return false }
        if inNext { file = 1 - file }
        if runs.count == 2 {
            // The third change of files since the last drain: the first run would be emptied away at once.
            pending.removeFirst(runs[1].start)
            runs.removeFirst()
            runs[0].start = 0
        }
        runs.append(Run(file: file, begins: true, start: pending.count, offset: 0))
        position = 0
        open(with: header)
        return true
    }

    /// Begins a section after what is whole in the current file, if there is room for it.
    private mutating func goOn(roomFor count: Int) -> Bool {
        let header = sectionHeader()
        guard position + UInt64(header.count + count) <= half else { return false }
        open(with: header)
        return true
    }

    private mutating func open(with header: BlockBuffer) {
        append(header)
        section.number &+= 1
        state = .open
    }

    private mutating func append(_ blocks: BlockBuffer) {
        pending.append(blocks)
        position &+= UInt64(blocks.count)
    }

    private func sectionHeader() -> BlockBuffer {
        var section = section
        section.framesBefore = frames
        section.lost = lost
        return section.blocks(interfaces: interfaces, snapLength: snapLength)
    }

    // MARK: Files

    /// Writes what waits. What a file does not take is lost and counted; the next section says so.
    package mutating func drain(into files: inout some CaptureFiles) {
        if state == .unbegun { _ = begin(inNext: false, roomFor: 0) }
        for index in runs.indices {
            let run = runs[index]
            let isLast = index == runs.count - 1
            let end = isLast ? pending.count : runs[index + 1].start
            if run.begins, !files.empty(run.file) {
                lost &+= CaptureBlocks.packets(in: pending.bytes[run.start..<end])
                if isLast { (state, position) = (.unbegun, 0) }
                continue
            }
            let whole = write(run, run.start == 0 && isLast ? pending.bytes : Array(pending.bytes[run.start..<end]), &files)
            if isLast, whole < end - run.start { (state, position) = (.broken, run.offset + UInt64(whole)) }
        }
        pending.removeAll()
        runs.removeAll(keepingCapacity: true)
        if state != .unbegun { runs.append(Run(file: file, begins: false, start: 0, offset: position)) }
    }

    /// Returns how many bytes stay in the file: whole blocks.
    private mutating func write(_ run: Run, _ bytes: [UInt8], _ files: inout some CaptureFiles) -> Int {
        if bytes.isEmpty { return 0 }
        let written = files.write(bytes, to: run.file, at: run.offset)
        if written >= bytes.count { return bytes.count }
        var blocks = CaptureBlocks(Array(bytes.prefix(max(0, written))))
        while blocks.next() != nil {}
        files.cut(run.file, to: run.offset + UInt64(blocks.end))
        lost &+= CaptureBlocks.packets(in: bytes[blocks.end...])
        return blocks.end
    }
}
