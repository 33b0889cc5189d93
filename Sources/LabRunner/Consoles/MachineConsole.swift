internal import Glibc
internal import Host
internal import SystemPackage

/// One console of one machine: its log, who waits for a text in it, and what people type to it.
///
/// It outlives the machine's process: a restart goes on in the same log.
final class MachineConsole {
    let name: String
    let log: ConsoleLog
    private let loop: EventLoop
    /// The stream to the running machine, as long as there is one.
    private var stream: CInt?
    private var input: [UInt8] = []
    /// Clients that typed more than the guest has taken; told when there is room.
    private var blocked: [() -> Void] = []
    /// Called with every piece of output.
    var onOutput: ([UInt8]) -> Void = { _ in }
    /// Called when the log stops being kept on the medium.
    var onLoss: () -> Void = {}

    /// A person's paste; a guest that does not read its console holds the typist up, nobody else.
    private static let inputLimit = 64 * 1024
    private static let readSize = 64 * 1024

    init(name: String, log: ConsoleLog, loop: EventLoop) {
        self.name = name
        self.log = log
        self.loop = loop
    }

    // MARK: The machine's side

    /// The machine has started with this stream, which its process owns and which does not block.
    func attach(_ number: CInt) throws(OSError) {
        log.markBoot()
        stream = number
        try loop.watch(number, .read) { [self] readiness in
            if readiness.contains(.write) { flush() }
            if readiness.contains(.read) {
                receive()
            } else if readiness.contains(.hangup) {
                loop.remove(number)
            }
        }
    }

    /// The machine's process has ended: what it still said is taken, the stream let go.
    func detach() {
        guard let number = stream else { return }
        // Bounded by what a socket can hold; the writer is dead.
        for _ in 0..<256 where receive() {}
        loop.remove(number)
        stream = nil
        input = []
        unblock()
    }

    @discardableResult
    private func receive() -> Bool {
        guard let number = stream else { return false }
        do throws(OSError) {
            let bytes = try Borrowed(number).read(upTo: Self.readSize)
            guard !bytes.isEmpty else {
                loop.remove(number)
                return false
            }
            let wasLosing = log.isLosing
            log.append(bytes)
            if log.isLosing && !wasLosing { onLoss() }
            onOutput(bytes)
            return true
        } catch {
            if error.code != .wouldBlock && error.code != .resourceTemporarilyUnavailable { loop.remove(number) }
            return false
        }
    }

    // MARK: The typist's side

    /// Sends bytes to the guest. False when it has enough to chew on: `whenReady` is called then.
    func type(_ bytes: [UInt8], whenReady: @escaping () -> Void) -> Bool {
        // To a machine that is off, keys go nowhere, as on a real one.
        guard stream != nil else { return true }
        input += bytes
        flush()
        if input.count <= Self.inputLimit { return true }
        blocked.append(whenReady)
        return false
    }

    private func flush() {
        guard let number = stream else { return }
        loop.send(&input, to: number)
        if input.count <= Self.inputLimit / 2 { unblock() }
    }

    private func unblock() {
        let waiting = blocked
        blocked = []
        for resume in waiting { resume() }
    }
}
