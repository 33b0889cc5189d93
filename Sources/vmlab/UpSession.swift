import Glibc
import Host
import LabModel
import LabRunner

/// One `up` from the command's side: hands the lab to its keeper, shows what comes back, passes `^C` on.
final class UpSession {
    private let io: Streams
    private let paths: LabPaths
    private let request: UpRequest
    private let progress: Progress
    private var outcome: Outcome?
    /// Signals that asked for an end, in order.
    private var interruptions: [CInt] = []

    init(_ request: UpRequest, paths: LabPaths, io: Streams) {
        self.request = request
        self.paths = paths
        self.io = io
        progress = Progress(io)
    }

    private var folders: LabFolders { paths.lab(request.id) }

    /// Until the lab is up, or it is clear that it will not be.
    func run() throws -> Outcome {
        let signals = try Signals()
        let loop = try EventLoop()
        let client = try KeeperClient.connect(folders) ?? startKeeper()
        try client.send(.up(request))
        try loop.watch(signals.number, .read) { [self] _ in
            while let signal = signals.next() { interrupted(by: signal, client) }
        }
        try loop.watch(client.number, .read) { [self] _ in
            receive(from: client)
            if outcome != nil { loop.stop() }
        }
        if io.drawsLive { tick(loop) }
        try loop.run()
        progress.finish()
        return try ended(signals)
    }

    private func startKeeper() throws -> KeeperClient {
        KeeperClient(
            socket: try KeeperProgram.spawn(
                program: try Programs.current(), lab: request.id, paths: paths, failpoint: io.environment[Failpoint.variable]))
    }

    private func tick(_ loop: EventLoop) {
        loop.after(milliseconds: 1000) { [self] in
            progress.tick()
            tick(loop)
        }
    }

    private func receive(from client: KeeperClient) {
        do throws(RunnerError) {
            guard let replies = try client.receive() else { throw .keeperGone("the keeper was killed") }
            for reply in replies {
                switch reply {
                case .event(let event): progress.show(event)
                case .result(let result): outcome = result
                case .status, .console, .display: break
                }
            }
        } catch {
            let words = (try? readFile(folders.keeperLog, limit: 65536)).map { String(decoding: $0.suffix(2000), as: UTF8.self) } ?? ""
            var told = error.outcome
            if !words.isEmpty { told.message += ":\n\(words)" }
            outcome = told
        }
    }

    /// Once: take back what this run began. Twice: without asking the guests.
    private func interrupted(by signal: CInt, _ client: KeeperClient) {
        interruptions.append(signal)
        let isHard = interruptions.count > 1
        progress.line(isHard ? "stopping hard" : "interrupted: taking back what this run began (again to stop hard)")
        try? client.send(.cancel(hard: isHard))
    }

    /// A keeper that leaves has stopped everything; what it wrote down is undone here.
    private func ended(_ signals: Signals) throws -> Outcome {
        var outcome = outcome ?? Outcome(.bug, "the keeper said nothing")
        if outcome.leaves {
            let report = try TeardownCommand(id: request.id, paths: paths, io: io).finish(doing: "up")
            if !report.audit.isClean {
                outcome = Outcome(.leftBehind, outcome.message, hint: outcome.hint)
            } else if !interruptions.isEmpty {
                io.say("left behind: nothing")
            }
        }
        if let first = interruptions.first, outcome.exitCode == .interrupted {
            outcome.code = 128 + first
        }
        return outcome
    }
}

/// Signals that ask a command to end, as something to read.
final class Signals {
    private let descriptor: SignalDescriptor

    init() throws(OSError) { descriptor = try SignalDescriptor([SIGINT, SIGTERM, SIGHUP]) }

    var number: CInt { descriptor.number }

    func next() -> CInt? { try? descriptor.next() }
}
