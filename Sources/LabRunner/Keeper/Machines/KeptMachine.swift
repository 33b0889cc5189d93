internal import Carrier
internal import Glibc
internal import Host
internal import LabModel
internal import LabPlan

/// One machine of the lab, from its first start to the lab's end: its process when it has one, its consoles always.
final class KeptMachine {
    let name: String
    private let folders: LabFolders
    private let loop: EventLoop
    /// As the lab file has it now; the process may be told otherwise only by a restart.
    var machine: Machine
    private(set) var state = State.idle
    private(set) var since = Timestamp.now
    private(set) var restarts = 0
    private(set) var consoles: [MachineConsole] = []
    /// As it was last started.
    private(set) var started: StartedMachine?
    private var watches: [String: ConsoleWatch] = [:]
    /// Looks at the display from time to time, while a text is waited for.
    private var displayTimer: EventLoop.TimerID?
    private var displayWaiters: [(DisplayedText?) -> Void] = []
    /// What the bridge is asked until it is ready.
    private var probe: Probe?
    private var pause = RestartPause()
    private var readyTimer: EventLoop.TimerID?
    private var readyWaiters: [(RunnerError?) -> Void] = []
    private var stopWaiters: [() -> Void] = []
    /// What the keeper does about it.
    var onEvent: (LabEvent.Kind, String?) -> Void = { _, _ in }
    /// The process ended by itself: to be written down.
    var onEnd: (String) -> Void = { _ in }
    /// It is ready: to be written down.
    var onReady: () -> Void = {}
    /// The restart policy wants it back.
    var onRestart: () -> Void = {}
    var onOutput: () -> Void = {}

    enum State {
        case idle
        case running(Run, Phase)
        case stopping(Run, StopLadder, EventLoop.TimerID?)
        /// Ended, to be started again.
        case pausing(EventLoop.TimerID, reason: String)
        case ended(reason: String)
    }

    enum Phase: Equatable {
        case starting
        case ready
        case unready
    }

    /// One life of its process.
    final class Run {
        let process: MachineProcess
        var control: MachineControl?
        let startedAt = EventLoop.now()
        var fault: String?
        var poweredOff = false
        /// Its virtual processors run.
        var hasStarted = false

        init(_ process: MachineProcess) { self.process = process }
    }

    /// A monitor says "started" in milliseconds, a carrier on a busy host in some seconds.
    private static let startLimit = 120_000
    static let streamNames = ["serial", "console"]

    init(_ machine: Machine, folders: LabFolders, loop: EventLoop) {
        name = machine.name
        self.machine = machine
        self.folders = folders
        self.loop = loop
    }

    var process: MachineProcess? {
        switch state {
        case .running(let run, _), .stopping(let run, _, _): run.process
        case .idle, .pausing, .ended: nil
        }
    }

    /// A word to its monitor; nobody hears it when there is none.
    func say(_ word: MachineControl.Word) {
        switch state {
        case .running(let run, _), .stopping(let run, _, _): run.control?.say(word)
        case .idle, .pausing, .ended: break
        }
    }

    // MARK: Start

    /// Opens the console logs, so that not one byte of a start is lost.
    func prepareConsoles() throws(OSError) {
        guard consoles.isEmpty else { return }
        consoles = try Self.streamNames.map { stream throws(OSError) in
            let log = try ConsoleLog(path: folders.consoleLog(name, stream: stream))
            let console = MachineConsole(name: stream, log: log, loop: loop)
            console.onOutput = { [unowned self] bytes in
                look(for: bytes, in: stream)
                onOutput()
            }
            console.onLoss = { [unowned self] in onEvent(.consoleLost, "no room for the \(stream) log: what \(name) says is lost") }
            return console
        }
    }

    /// Its process was started: watches it.
    func run(_ process: MachineProcess, as started: StartedMachine) throws(OSError) {
        self.started = started
        machine = started.machine
        let run = Run(process)
        enter(.running(run, .starting))
        stopLooking()
        if case .console(let pattern, _) = machine.ready {
            for console in consoles { watches[console.name] = ConsoleWatch(pattern) }
            watchDisplay(for: pattern)
        }
        armReadyTimer()
        if let control = process.stream("control") {
            run.control = try MachineControl(control, loop: loop) { [unowned self, unowned run] event in hear(event, from: run) }
        }
        for console in consoles {
            if let number = process.stream(console.name) { try console.attach(number) }
        }
    }

    private func armReadyTimer() {
        // A machine that dies and is started again while somebody waits does not get its time anew.
        guard readyTimer == nil else { return }
        let limit: Int
        switch machine.ready {
        case .started: limit = Self.startLimit
        case .console(_, let within), .tcp(_, let within), .ping(let within): limit = within
        }
        readyTimer = loop.after(milliseconds: limit) { [unowned self] in
            readyTimer = nil
            missReady(limit)
        }
    }

    private func hear(_ event: MonitorEvent, from run: Run) {
        switch event.event {
        case "started":
            run.hasStarted = true
            let time = event.startup_us.map { "in \($0 / 1000).\($0 / 100 % 10) ms" }
            onEvent(.machineStarted, time.map { time in event.boot.map { "\(time), entered by \($0)" } ?? time })
            if case .started = machine.ready { becomeReady() }
        case "reset": onEvent(.machineReset, event.cause)
        case "powered-off": run.poweredOff = true
        case "guest-fault": run.fault = [event.kind, event.detail].compactMap(\.self).joined(separator: ": ")
        case "screen":
            tellDisplayWaiters(DisplayedText(rows: event.rows ?? [], row: event.row ?? 0, column: event.column ?? 0))
        case "device-error": onEvent(.deviceError, [event.device, event.detail].compactMap(\.self).joined(separator: ": "))
        case "refused":
            // A guest that has not switched its power button on will not hear it: no use waiting.
            if event.word == MachineControl.Word.powerButton.text, case .stopping(let stopping, let ladder, _) = state, stopping === run {
                climb(run, ladder)
            }
        default: break
        }
    }

    // MARK: Display

    /// Asks the monitor what the display shows; nil when there is nobody to answer.
    func askDisplay(_ done: @escaping (DisplayedText?) -> Void) {
        guard case .running(let run, _) = state, run.hasStarted, run.control?.say(.screen) == true else { return done(nil) }
        displayWaiters.append(done)
    }

    /// - Returns: false if nobody runs who could take the keys.
    func type(_ text: String) -> Bool {
        guard case .running(let run, _) = state, let control = run.control else { return false }
        let bytes = Array(text.utf8)
        return stride(from: 0, to: bytes.count, by: Self.keysAtOnce).allSatisfy { start in
            control.say(.type(Array(bytes[start..<min(start + Self.keysAtOnce, bytes.count)])))
        }
    }

    /// A word of the control stream is at most 256 bytes long.
    private static let keysAtOnce = 100
    /// A person's glance.
    private static let displayPause = 1000

    /// A system without a serial line says what it has to say there.
    private func watchDisplay(for pattern: String) {
        displayTimer = loop.after(milliseconds: Self.displayPause) { [unowned self] in
            displayTimer = nil
            guard case .running(_, .starting) = state else { return }
            askDisplay { [weak self] display in
                if display?.rows.contains(where: { $0.contains(pattern) }) == true { self?.becomeReady() }
            }
            watchDisplay(for: pattern)
        }
    }

    private func tellDisplayWaiters(_ display: DisplayedText?) {
        let waiting = displayWaiters
        displayWaiters = []
        for tell in waiting { tell(display) }
    }

    // MARK: Ready

    private func look(for bytes: [UInt8], in stream: String) {
        guard case .running(_, let phase) = state, phase != .ready, watches[stream]?.found(in: bytes) == true else { return }
        becomeReady()
    }

    /// The bridge is asking for its readiness.
    func expect(_ probe: Probe) { self.probe = probe }

    private func stopLooking() {
        watches = [:]
        if let timer = displayTimer { loop.cancel(timer) }
        displayTimer = nil
        probe?.stop()
        probe = nil
    }

    func becomeReady() {
        guard case .running(let run, let phase) = state, phase != .ready else { return }
        stopReadyTimer()
        enter(.running(run, .ready))
        stopLooking()
        onReady()
        onEvent(.machineReady, "after \(Self.seconds(since: run.startedAt))")
        tellReadyWaiters(nil)
    }

    private func missReady(_ limit: Int) {
        let time = Milliseconds(limit)
        guard case .running(let run, .starting) = state else {
            return tellReadyWaiters(.machine("\(name) did not become ready in \(time)", code: .timedOutOrBusy, hint: nil))
        }
        let missing = missing(run)
        enter(.running(run, .unready))
        let lines = lastLines
        let said = lines.isEmpty ? "; its consoles said nothing" : "; its console ends with:\n" + lines.joined(separator: "\n")
        onEvent(.machineNotReady, "not ready after \(time): \(missing)" + (lines.last.map { "; its console ends with \"\($0)\"" } ?? ""))
        tellReadyWaiters(
            .machine("\(name) is not ready after \(time): \(missing)\(said)", code: .timedOutOrBusy, hint: nextCommand))
    }

    /// How far it came, and what it has not done.
    private func missing(_ run: Run) -> String {
        guard run.hasStarted else { return "its processors do not run yet" }
        let address = machine.interfaces.first?.address.description ?? "no address"
        let answer = probe?.lastAnswer.map { " (the last try was \($0))" } ?? " (nothing answers)"
        return switch machine.ready {
        case .started: "its processors do not run yet"
        case .console(let pattern, _): "it runs, but no console has shown \(JSON.text(pattern).line)"
        case .tcp(let port, _): "it runs, but does not accept connections at \(address), port \(port)\(answer)"
        case .ping: "it runs, but does not answer pings at \(address)\(answer)"
        }
    }

    private var nextCommand: String {
        let more = "`ready: {within: ...}` gives it more time"
        return switch machine.ready {
        case .started, .console: "`vmlab logs \(name)` shows all it said; \(more)"
        case .tcp, .ping: "`vmlab logs \(name)` shows all it said, `vmlab link show` its networks; \(more)"
        }
    }

    /// Calls back when it is ready, or when it cannot become so any more.
    func awaitReady(_ done: @escaping (RunnerError?) -> Void) {
        switch state {
        case .running(_, .ready): done(nil)
        case .running(_, .starting), .pausing: readyWaiters.append(done)
        case .running(_, .unready):
            done(.machine("\(name) is not ready", code: .timedOutOrBusy, hint: "`vmlab logs \(name)` shows all it said"))
        case .idle: done(.machine("\(name) was not started", code: .timedOutOrBusy, hint: nil))
        case .stopping: done(.machine("\(name) is being stopped", code: .timedOutOrBusy, hint: nil))
        case .ended(let reason): done(.machine("\(name) \(reason)", code: .timedOutOrBusy, hint: nil))
        }
    }

    private func tellReadyWaiters(_ error: RunnerError?) {
        let waiting = readyWaiters
        readyWaiters = []
        for tell in waiting { tell(error) }
    }

    private func stopReadyTimer() {
        if let timer = readyTimer { loop.cancel(timer) }
        readyTimer = nil
    }

    // MARK: Stop

    /// Climbs the ladder until its process has ended; a second, other ladder takes the place of the first.
    func stop(_ ladder: StopLadder, done: @escaping () -> Void) {
        stopReadyTimer()
        switch state {
        case .idle, .ended: return done()
        case .pausing(let timer, let reason):
            loop.cancel(timer)
            enter(.ended(reason: reason))
            tellReadyWaiters(.machine("\(name) \(reason)", code: .timedOutOrBusy, hint: nil))
            return done()
        case .running(let run, let phase):
            stopWaiters.append(done)
            onEvent(.machineStopping, nil)
            var ladder = ladder
            // A guest that is still booting does not hear its power button.
            if phase != .ready { ladder.rungs.removeAll { $0.means == .powerButton } }
            climb(run, ladder)
        case .stopping(let run, let current, let timer):
            stopWaiters.append(done)
            guard ladder.rungs.count < current.rungs.count else { return }
            if let timer { loop.cancel(timer) }
            climb(run, ladder)
        }
    }

    private func climb(_ run: Run, _ ladder: StopLadder) {
        if case .stopping(_, _, let timer?) = state { loop.cancel(timer) }
        guard let rung = ladder.rungs.first else {
            enter(.stopping(run, ladder, nil))
            onEvent(.note, "process \(run.process.identity.pid) of \(name) does not end, not even by SIGKILL")
            return
        }
        let rest = StopLadder(rungs: Array(ladder.rungs.dropFirst()))
        let timer = loop.after(milliseconds: rung.waitMilliseconds) { [unowned self] in climb(run, rest) }
        enter(.stopping(run, rest, timer))
        switch rung.means {
        case .powerButton: run.control?.say(.powerButton)
        case .stop: run.control?.say(.stop)
        case .terminate: run.process.signal(SIGTERM)
        case .kill: run.process.signal(SIGKILL)
        }
    }

    // MARK: End

    /// Its process runs, or has ended.
    func hear(_ event: MachineProcess.Event) {
        switch (event, state) {
        case (.ended(let ending), .running(let run, _)), (.ended(let ending), .stopping(let run, _, _)): ended(ending, run)
        default: break
        }
    }

    private func ended(_ ending: MachineProcess.Ending, _ run: Run) {
        run.control?.close()
        tellDisplayWaiters(nil)
        for console in consoles { console.detach() }
        let end = MachineEnd(ending, said: run.process.errorText, fault: run.fault, poweredOff: run.poweredOff)
        stopLooking()
        if case .stopping(_, _, let timer) = state {
            if let timer { loop.cancel(timer) }
            var reason = run.poweredOff ? "powered off" : "was stopped"
            if case .signalled(let signal) = ending { reason = "was killed(signal \(signal))" }
            finish(reason: reason, error: nil)
            return
        }
        let again =
            switch machine.restart {
            case .never: false
            case .onFailure: end.isFailure
            case .always: true
            }
        guard again else { return finish(reason: end.reason, error: end.code) }
        onEnd(end.reason)
        rest(reason: end.reason, ran: (EventLoop.now() - run.startedAt) / 1_000_000)
    }

    /// Until it is started again.
    private func rest(reason: String, ran: UInt64) {
        onEvent(.machineEnded, reason)
        let wait = pause.milliseconds(ran: ran)
        onEvent(.machineRestarting, "in \(wait / 1000) s")
        let timer = loop.after(milliseconds: wait) { [unowned self] in
            restarts += 1
            onRestart()
        }
        enter(.pausing(timer, reason: reason))
    }

    /// The host could not start it this time: no reason to give it up.
    func restartFailed(_ reason: String) { rest(reason: reason, ran: 0) }

    private func finish(reason: String, error: ExitCode?) {
        stopReadyTimer()
        enter(.ended(reason: reason))
        onEnd(reason)
        onEvent(.machineEnded, reason)
        let hint = "`vmlab logs \(name)` shows all it said"
        tellReadyWaiters(.machine("\(name) \(reason)", code: error ?? .timedOutOrBusy, hint: hint))
        let waiting = stopWaiters
        stopWaiters = []
        for done in waiting { done() }
    }

    // MARK: Looks

    private func enter(_ state: State) {
        self.state = state
        since = Timestamp.now
    }

    var status: MachineStatus {
        let (state, detail): (MachineStatus.State, String?) =
            switch self.state {
            case .idle: (.waiting, nil)
            case .running(_, .starting): (.starting, nil)
            case .running(_, .ready): (.ready, nil)
            case .running(_, .unready): (.unready, nil)
            case .stopping: (.stopping, nil)
            case .pausing(_, let reason): (.restarting, reason)
            case .ended(let reason): (.ended, reason)
            }
        return MachineStatus(
            name: name, image: machine.image, state: state, detail: detail, cpus: machine.cpus, memory: machine.memory.description,
            since: since.text, pid: process?.identity.pid, restarts: restarts,
            consoles: consoles.filter { $0.log.end > 0 }.map(\.name), addresses: machine.interfaces.map(\.address.description))
    }

    private static let shownLines = 5

    /// The last lines of text on the console that said something last, for messages.
    private var lastLines: [String] {
        let texts = consoles.map { console in
            var filter = EscapeFilter()
            let start = console.log.end > 4096 ? console.log.end - 4096 : 0
            return String(decoding: filter.text(of: console.log.read(at: start, limit: 4096).bytes), as: UTF8.self)
        }
        let lines = texts.map { text in
            text.split(separator: "\n").filter { !$0.allSatisfy(\.isWhitespace) }.suffix(Self.shownLines).map { String($0.suffix(120)) }
        }
        return lines.last { !$0.isEmpty } ?? []
    }

    static func seconds(since start: UInt64) -> String {
        let tenths = (EventLoop.now() - start) / 100_000_000
        return "\(tenths / 10).\(tenths % 10) s"
    }
}
