import Glibc
import Host
import LabModel
import LabRunner

/// Bytes between a person, or a script, and a machine's console.
final class ConsoleSession {
    private let client: KeeperClient
    private let io: Streams
    private let until: String?
    private let limit: Int?
    private var watch: ConsoleWatch?
    private var result: LabModel.ExitCode?
    private var lastHeard = EventLoop.now()

    /// Ctrl-]: what telnet and virsh use; no shell or editor needs it.
    private static let escape: UInt8 = 0x1D
    private static let silence: UInt64 = 1_000_000_000

    init(client: KeeperClient, io: Streams, until: String?, limitMilliseconds: Int?) {
        self.client = client
        self.io = io
        self.until = until
        limit = limitMilliseconds
        watch = until.map { ConsoleWatch($0) }
    }

    // MARK: Terminal

    func atTerminal(_ machine: String) throws -> LabModel.ExitCode {
        io.say("console of \(machine); Ctrl-] leaves it")
        let loop = try EventLoop()
        let signals = try Signals()
        var mode = termios()
        // Safe because the structure outlives the calls.
        unsafe _ = tcgetattr(io.input, &mode)
        var raw = mode
        unsafe cfmakeraw(&raw)
        unsafe _ = tcsetattr(io.input, TCSANOW, &raw)
        defer {
            unsafe _ = tcsetattr(io.input, TCSANOW, &mode)
            io.say("")
        }
        try listen(loop)
        try loop.watch(io.input, .read) { [self] _ in
            guard let typed = try? Borrowed(io.input).read(upTo: 4096), !typed.isEmpty else { return end(.done, loop) }
            if let key = typed.firstIndex(of: Self.escape) {
                try? client.write(Array(typed[..<key]))
                return end(.done, loop)
            }
            try? client.write(typed)
        }
        try loop.watch(signals.number, .read) { [self] _ in end(.done, loop) }
        armLimit(loop)
        try loop.run()
        return result ?? .done
    }

    // MARK: Pipe

    func inPipe(_ machine: String) throws -> LabModel.ExitCode {
        let loop = try EventLoop()
        try listen(loop)
        armLimit(loop)
        let remote = loop.remote
        let ended = EndOfInput(session: self, loop: loop)
        let (client, input) = (ClientBox(client), io.input)
        // Standard input may be a file, which no event loop can wait for; and the guest may be slow to take it.
        _ = try NamedThread("console input") {
            while let bytes = try? Borrowed(input).read(upTo: 4096), !bytes.isEmpty { try? client.client.write(bytes) }
            remote.post { ended.session.inputEnded(ended.loop) }
        }
        try loop.run()
        if result == .timedOutOrBusy, let until { io.say("vmlab: \(machine) did not say \"\(Text.plain(until))\"") }
        return result ?? .done
    }

    /// Only writes are made from the other thread, and the kernel keeps those whole.
    private struct ClientBox: @unchecked Sendable {
        let client: KeeperClient
        init(_ client: KeeperClient) { self.client = client }
    }

    /// Unchecked because both are used only in blocks that run on the loop's thread.
    private struct EndOfInput: @unchecked Sendable {
        let session: ConsoleSession
        let loop: EventLoop
    }

    private func inputEnded(_ loop: EventLoop) {
        guard until == nil, limit == nil else { return }
        waitForSilence(loop)
    }

    private func waitForSilence(_ loop: EventLoop) {
        let quiet = EventLoop.now() - lastHeard
        if quiet >= Self.silence { return end(.done, loop) }
        loop.after(nanoseconds: Self.silence - quiet) { [self] in waitForSilence(loop) }
    }

    // MARK: Both

    private func listen(_ loop: EventLoop) throws(OSError) {
        let early = client.takeRest()
        if !early.isEmpty { hear(early, loop) }
        try loop.watch(client.number, .read) { [self] _ in
            guard let bytes = try? Borrowed(client.number).read(upTo: 65536), !bytes.isEmpty else {
                // The keeper is gone, and the console with it.
                return end(until == nil ? .done : .timedOutOrBusy, loop)
            }
            hear(bytes, loop)
        }
    }

    private func hear(_ bytes: [UInt8], _ loop: EventLoop) {
        lastHeard = EventLoop.now()
        io.writeOut(bytes)
        if watch?.found(in: bytes) == true { end(.done, loop) }
    }

    private func armLimit(_ loop: EventLoop) {
        guard let limit else { return }
        loop.after(milliseconds: limit) { [self] in end(until == nil ? .done : .timedOutOrBusy, loop) }
    }

    private func end(_ code: LabModel.ExitCode, _ loop: EventLoop) {
        if result == nil { result = code }
        loop.stop()
    }
}
