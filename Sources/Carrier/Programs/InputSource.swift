internal import Glibc
internal import Host

/// Reads a descriptor that belongs to somebody else, as fast as a carried program takes it, to its end.
final class InputSource {
    private let number: CInt
    private let loop: EventLoop
    private let program: CarriedProgram
    private var state = State.waiting

    private enum State {
        case waiting
        /// A pipe, a socket or a terminal tells when there is something.
        case watching
        /// A file always has something, and cannot be watched.
        case polling
        case ended
    }

    private static let piece = 64 << 10
    /// More than this on its way is enough to keep a carrier busy.
    private static let backlogLimit = 1 << 20
    private static let pauseMilliseconds = 2

    init(_ number: CInt, loop: EventLoop, program: CarriedProgram) {
        self.number = number
        self.loop = loop
        self.program = program
    }

    func begin() {
        guard case .waiting = state else { return }
        do throws(OSError) {
            try loop.watch(number, .read) { [unowned self] _ in self.readOnce() }
            state = .watching
        } catch {
            state = .polling
            poll()
        }
    }

    func end() {
        if case .watching = state { loop.remove(number) }
        state = .ended
    }

    private func poll() {
        guard case .polling = state else { return }
        readOnce()
        loop.after(milliseconds: program.backlog > Self.backlogLimit ? Self.pauseMilliseconds : 0) { [weak self] in self?.poll() }
    }

    private func readOnce() {
        guard program.backlog <= Self.backlogLimit else { return pause() }
        // Borrowed: given back before its owner could close it.
        let borrowed = Descriptor(owning: number)
        let bytes = try? borrowed.read(upTo: Self.piece)
        _ = borrowed.release()
        // An input that cannot be read is one that has ended.
        if let bytes, !bytes.isEmpty { return program.input(bytes) }
        program.input([])
        end()
    }

    /// Looks away until the carrier has taken some.
    private func pause() {
        guard case .watching = state else { return }
        loop.remove(number)
        state = .waiting
        loop.after(milliseconds: Self.pauseMilliseconds) { [weak self] in self?.begin() }
    }
}
