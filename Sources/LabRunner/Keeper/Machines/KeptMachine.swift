internal import Carrier
internal import Glibc
internal import Host
internal import LabModel
internal import LabPlan

/// One machine of the lab, from its first start to the lab's end: its process when it has one, its consoles always.
final class KeptMachine {
    let name: String
    private let folders: LabFolders
    let loop: EventLoop
    /// As the lab file has it now; the process may be told otherwise only by a restart.
    var machine: Machine
    private(set) var state = State.idle
    private(set) var since = Timestamp.now
    var restarts = 0
    private(set) var consoles: [MachineConsole] = []
    /// As it was last started.
    private(set) var started: StartedMachine?
    var watches: [String: ConsoleWatch] = [:]
    /// Looks at the display from time to time, while a text is waited for.
    var displayTimer: EventLoop.TimerID?
    var displayWaiters: [(DisplayedText?) -> Void] = []
    /// What the bridge is asked until it is ready.
    var probe: Probe?
    var pause = RestartPause()
    var readyTimer: EventLoop.TimerID?
    var readyWaiters: [(RunnerError?) -> Void] = []
    var stopWaiters: [() -> Void] = []
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

    /// Every console that a machine may have.
    static let streamNames = ["serial", "console", "com2"]

    private static func streamNames(of machine: Machine) -> [String] {
        streamNames.filter { $0 != "com2" || machine.hardware.hasSecondSerial }
    }

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
    func prepareConsoles(for machine: Machine) throws(OSError) {
        for stream in Self.streamNames(of: machine) where !consoles.contains(where: { $0.name == stream }) {
            let log = try ConsoleLog(path: folders.consoleLog(name, stream: stream))
            let console = MachineConsole(name: stream, log: log, loop: loop)
            console.onOutput = { [unowned self] bytes in
                look(for: bytes, in: stream)
                onOutput()
            }
            console.onLoss = { [unowned self] in onEvent(.consoleLost, "no room for the \(stream) log: what \(name) says is lost") }
            consoles.append(console)
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
        case "device-driven": onEvent(.deviceDriven, event.device)
        case "device-error": onEvent(.deviceError, [event.device, event.detail].compactMap(\.self).joined(separator: ": "))
        case "refused":
            // A guest that has not switched its power button on will not hear it: no use waiting.
            if event.word == MachineControl.Word.powerButton.text, case .stopping(let stopping, let ladder, _) = state, stopping === run {
                climb(run, ladder)
            }
        default: break
        }
    }

    func enter(_ state: State) {
        self.state = state
        since = Timestamp.now
    }
}
