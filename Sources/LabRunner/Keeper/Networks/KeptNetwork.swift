internal import Glibc
internal import Host
internal import LabModel

/// The lab's bridge: the wires for the lab's life, and the process between them, started again whenever it dies.
///
/// Machines live on without it. What they and people were told, and what it was told itself, is said again to the next one:
/// fresh marks on every wire, links, partitions, probes.
final class KeptNetwork {
    let surroundings: Surroundings
    private(set) var state = State.idle
    /// As it was last started.
    private(set) var launch: NetworkLaunch?
    private(set) var restarts = 0
    private(set) var since = Timestamp.now
    var uplinks: [PortName: KeptUplink] = [:]
    var links = LinkTable()
    var wires: [PortName: Wire] = [:]
    /// Ports whose machine runs.
    var plugged: Set<PortName> = []
    var probes: [String: Probe] = [:]
    var nextProbe = 1
    private var pause = RestartPause(first: firstPause)
    private var startWaiters: [(RunnerError?) -> Void] = []
    /// Runs while somebody waits for a start.
    private var startTimer: EventLoop.TimerID?
    private var stopWaiters: [() -> Void] = []
    /// Words that are answered by `done` or `refused`, in their order.
    var asked: [(RunnerError?) -> Void] = []

    /// What it needs of the lab around it.
    struct Surroundings {
        var loop: EventLoop
        var environment: [String]
        /// Finds `vmlab-network` and `vmlab-leash`.
        var programs: () throws(OSError) -> (network: String, leash: String)
        /// Finds passt.
        var uplinkProgram: () -> String?
        var tell: (LabEvent.Kind, _ network: String?, _ machine: String?, String?) -> Void
        /// Writes down that it is about to be started; called with the process once there is one.
        var begin: (NetworkLaunch) throws(OSError) -> (ProcessIdentity) throws(OSError) -> Void
        /// Writes down that a process beside it came to be.
        var note: (String, ProcessIdentity) -> Void
        /// Writes down that it ended.
        var ended: (String) -> Void
        /// To a machine's monitor.
        var toMachine: (String, MachineControl.Word) -> Void
    }

    enum State {
        case idle
        case running(NetworkProcess)
        case stopping(NetworkProcess, EventLoop.TimerID)
        /// Ended, to be started again.
        case pausing(EventLoop.TimerID, reason: String)
        case ended(reason: String)
    }

    /// Nothing flows meanwhile: the first rest is short.
    private static let firstPause = 100
    /// It says "started" in milliseconds; this is for a host that is hardly alive.
    private static let startLimit = 30_000
    /// After "stop", and again after SIGTERM.
    private static let stopLimit = 2000

    init(_ surroundings: Surroundings) { self.surroundings = surroundings }

    var process: NetworkProcess? {
        switch state {
        case .running(let process), .stopping(let process, _): process
        case .idle, .pausing, .ended: nil
        }
    }

    // MARK: Start

    /// Starts it, or another one in its place, and calls back when it runs.
    func start(_ launch: NetworkLaunch, done: @escaping (RunnerError?) -> Void) {
        if case .running(let process) = state, process.hasStarted, self.launch == launch { return done(nil) }
        stop { [self] in
            self.launch = launch
            restarts = 0
            pause = RestartPause(first: Self.firstPause)
            startWaiters.append(done)
            do throws(RunnerError) {
                dropUplinks()
                try startProcess(launch)
                startTimer = surroundings.loop.after(milliseconds: Self.startLimit) { [weak self] in self?.missStart() }
            } catch {
                state = .ended(reason: error.description)
                tellStartWaiters(error)
            }
        }
    }

    /// As if it had been started like this: the process is told in words.
    func update(_ launch: NetworkLaunch, _ words: [String], done: @escaping (RunnerError?) -> Void) {
        self.launch = launch
        var left = words.count
        var failure: RunnerError?
        guard left > 0 else { return done(nil) }
        for word in words {
            ask(word) { error in
                failure = failure ?? error
                left -= 1
                if left == 0 { done(failure) }
            }
        }
    }

    private func dropUplinks() {
        for uplink in uplinks.values { uplink.networkEnded() }
        uplinks = [:]
    }

    private func missStart() {
        tellStartWaiters(
            .machine("the network process has not started after \(Self.startLimit / 1000) s", code: .timedOutOrBusy, hint: nil))
    }

    func tellStartWaiters(_ error: RunnerError?) {
        if let startTimer { surroundings.loop.cancel(startTimer) }
        startTimer = nil
        let waiting = startWaiters
        startWaiters = []
        for tell in waiting { tell(error) }
    }

    func enter(_ state: State) {
        self.state = state
        since = Timestamp.now
    }

    // MARK: End

    /// Ends it, and the uplinks with it; at once when there is nothing to end.
    func stop(done: @escaping () -> Void) {
        switch state {
        case .idle, .ended: done()
        case .pausing(let timer, let reason):
            surroundings.loop.cancel(timer)
            enter(.ended(reason: reason))
            done()
        case .stopping: stopWaiters.append(done)
        case .running(let process):
            stopWaiters.append(done)
            for uplink in uplinks.values { uplink.networkEnded() }
            _ = process.say("stop")
            climb(process, [SIGTERM, SIGKILL])
        }
    }

    private func climb(_ process: NetworkProcess, _ signals: [CInt]) {
        let timer = surroundings.loop.after(milliseconds: Self.stopLimit) { [unowned self] in
            guard let signal = signals.first, case .stopping = state else { return }
            process.signal(signal)
            climb(process, Array(signals.dropFirst()))
        }
        enter(.stopping(process, timer))
    }

    func ended(_ ending: ChildProcess.Ending) {
        guard let process else { return }
        process.close()
        for uplink in uplinks.values { uplink.networkEnded() }
        var reason: String
        switch ending {
        case .exited(let status): reason = "exited(\(status))" + (process.lastWords.map { ": \($0)" } ?? "")
        case .signalled(SIGSYS):
            reason = "crashed(signal \(SIGSYS)): its sandbox forbids the system call that it made; the kernel's log may name it"
        case .signalled(let signal): reason = "crashed(signal \(signal))"
        }
        var wasStopped = false
        if case .stopping(_, let timer) = state {
            surroundings.loop.cancel(timer)
            wasStopped = true
            reason = "was stopped"
        }
        surroundings.ended(reason)
        surroundings.tell(wasStopped ? .networkStopped : .networkEnded, nil, nil, wasStopped ? nil : reason)
        answerAll()
        if wasStopped {
            enter(.ended(reason: reason))
            let waiting = stopWaiters
            stopWaiters = []
            tellStartWaiters(.machine("the network was stopped", code: .timedOutOrBusy, hint: nil))
            for done in waiting { done() }
            return
        }
        // Told wrongly it will not run the next time either; killed it may.
        if case .exited(let status) = ending, !process.hasStarted, !startWaiters.isEmpty {
            enter(.ended(reason: reason))
            let code = status == ExitCode.usage.rawValue ? ExitCode.bug : ExitCode(rawValue: status) ?? .operatingSystem
            return tellStartWaiters(.machine("the network process \(reason)", code: code, hint: nil))
        }
        startAgain(reason, ran: (EventLoop.now() - process.startedAt) / 1_000_000)
    }

    private func startAgain(_ reason: String, ran: UInt64) {
        let milliseconds = pause.milliseconds(ran: ran)
        surroundings.tell(.networkRestarting, nil, nil, milliseconds < 1000 ? "in \(milliseconds) ms" : "in \(milliseconds / 1000) s")
        let timer = surroundings.loop.after(milliseconds: milliseconds) { [unowned self] in
            guard let launch else { return }
            restarts += 1
            do throws(RunnerError) { try startProcess(launch) } catch {
                surroundings.tell(.networkEnded, nil, nil, "cannot be started again: \(error)")
                startAgain(error.description, ran: 0)
            }
        }
        enter(.pausing(timer, reason: reason))
    }
}
