internal import Carrier
internal import Glibc
package import Host
package import LabModel
internal import LabPlan

/// One lab's keeper: does its plans, owns its machines, answers for it, and writes down what it does.
///
/// Everything here runs on the thread that runs the loop. It holds the lab's lock from before the first record to after
/// the last, so a lab has one keeper or none.
package final class Keeper {
    package let lab: String
    let paths: LabPaths
    let folders: LabFolders
    let loop: EventLoop
    let workshop: Workshop
    let bench: Bench
    let server: ControlServer
    let since = Timestamp.now
    private let lock: LabLock
    private(set) var ledger: Ledger!
    /// In the order in which they were first heard of.
    private(set) var machines: [KeptMachine] = []
    /// The lab's bridge.
    private(set) lazy var network = makeNetwork()
    /// The lab as it was last brought up.
    var wanted: Lab?
    var history = EventHistory()
    var operation = Operation.none
    var host: ChosenHost?
    /// Set when the loop is to end: everything is stopped and written down.
    private(set) var isLeaving = false

    /// What the keeper is busy with, beyond keeping.
    enum Operation {
        case none
        /// An `up` whose plan is being made.
        case preparing(UpConversation)
        case up(UpConversation, PlanRun)
        /// All machines are being stopped; the keeper ends after that.
        case leaving(PlanRun)
    }

    /// An `up` and whoever asked for it.
    final class UpConversation {
        let request: UpRequest
        let startedAt = Timestamp.now
        /// The client may be gone: the `up` goes on without it.
        weak var connection: Connection?
        var answer: Outcome?
        var isCancelled = false
        var cancelledHard = false

        init(_ request: UpRequest, _ connection: Connection) {
            self.request = request
            self.connection = connection
        }
    }

    /// Takes the lab: lock, ledger, socket. Nothing is there or happening before this has returned but these three.
    package init(lab: String, paths: LabPaths, loop: EventLoop, workshop: Workshop, failpoint: Failpoint?) throws(RunnerError) {
        self.lab = lab
        self.paths = paths
        self.loop = loop
        self.workshop = workshop
        folders = paths.lab(lab)
        bench = Bench(loop: loop.remote)
        server = ControlServer(loop: loop, path: folders.controlSocket)
        let inventory = HostInventory.now(parents: [Folder.parent(of: paths.run), paths.run, paths.state])
        do throws(OSError) {
            guard folders.controlSocket.utf8.count <= UnixSocket.longestPath else {
                throw OSError(.fileNameTooLong, "use the socket path \(folders.controlSocket): it may have \(UnixSocket.longestPath) bytes")
            }
            try Folder.makePrivate(folders.state)
        } catch {
            throw .system(error)
        }
        lock = try LabLock(lab, folders, doing: "up")
        do throws(OSError) {
            let contents = try Ledger.read(folders.ledger)
            ledger = try Ledger(lab: lab, path: folders.ledger, contents: contents, failpoint: failpoint) { [unowned self] in
                switch $0 {
                case .machines: for machine in machines { machine.process?.signal(SIGKILL) }
                case .network: network.process?.signal(SIGKILL)
                case .uplinks: for uplink in network.uplinks.values { uplink.process?.signal(SIGKILL) }
                case .keeper: break
                }
            }
            guard let own = ProcessIdentity(of: getpid()) else { throw OSError(.noSuchProcess, "find this process in /proc") }
            let opening = LedgerRecord.Opening(format: 1, lab: lab, version: Version.text, keeper: own, inventory: inventory)
            try ledger.open(opening)
            try endFormerProcesses(contents)
            try Folder.makePrivate(folders.run)
            try server.listen()
        } catch {
            throw .system(error)
        }
        server.onRequest = { [unowned self] request, connection in handle(request, connection) }
        server.onClose = { [unowned self] connection in clientLeft(connection) }
    }

    /// Looks for processes of a former keeper; a killed one is gone by the next.
    private static let endingRounds = 20

    /// Machines of a keeper that was killed: their leash ends them; what it missed is ended here.
    private func endFormerProcesses(_ contents: LedgerContents) throws(OSError) {
        let running = ledger.state.machines.filter(\.isRunning)
        for machine in running {
            if let process = contents.machineProcesses[machine.name] { _ = try? process.signal(SIGKILL) }
            try ledger.ended(machine.name, reason: "was lost with its keeper")
        }
        if case .running = ledger.state.network { try ledger.networkEnded(reason: "were lost with their keeper") }
        // Some hide their environment: what is known of them is what was written down.
        for process in contents.processes where process.isAlive && process.pid != getpid() { _ = try? process.signal(SIGKILL) }
        guard !contents.records.isEmpty else { return }
        // More than once: what builds an image starts others while it is being ended.
        for _ in 0..<Self.endingRounds {
            let left = ProcessTable.processes(of: folders)
            if left.isEmpty { return }
            for entry in left { _ = try? entry.identity.signal(SIGKILL) }
            usleep(10_000)
        }
    }

    // MARK: Machines

    subscript(machine name: String) -> KeptMachine? { machines.first { $0.name == name } }

    /// The kept machine of that name, made when it is new.
    func keep(_ machine: Machine) -> KeptMachine {
        if let known = self[machine: machine.name] { return known }
        let kept = KeptMachine(machine, folders: folders, loop: loop)
        kept.onEvent = { [unowned self, unowned kept] kind, detail in emit(kind, kept.name, detail) }
        kept.onOutput = { [unowned self] in server.wakeStreams() }
        kept.onEnd = { [unowned self, unowned kept] reason in
            network.unplug(kept.name)
            do throws(OSError) {
                try ledger.ended(kept.name, reason: reason)
            } catch {
                emit(.note, kept.name, "the ledger cannot be written: \(error)")
            }
        }
        kept.onReady = { [unowned self, unowned kept] in
            do throws(OSError) {
                let record = try ledger.begin(.awaitReady(machine: kept.name, kept.machine.ready))
                try ledger.finish(record)
            } catch {
                emit(.note, kept.name, "the ledger cannot be written: \(error)")
            }
        }
        kept.onRestart = { [unowned self, unowned kept] in
            guard let started = kept.started else { return }
            var again = started
            again.machine = kept.machine
            do throws(RunnerError) {
                try start(again)
            } catch {
                kept.restartFailed("cannot be started again: \(error)")
            }
        }
        machines.append(kept)
        return kept
    }

    func forget(_ name: String) { machines.removeAll { $0.name == name } }

    /// Starts a machine's process: logs first, then the record, then the process.
    func start(_ started: StartedMachine) throws(RunnerError) {
        guard let host else { throw .machine("no way to start machines was chosen", code: .bug, hint: nil) }
        let machine = keep(started.machine)
        guard machine.process == nil else { return }
        do {
            try machine.prepareConsoles(for: started.machine)
            let record = try ledger.begin(.startMachine(started))
            defer { ledger.abandon(record) }
            emit(.machineStarting, machine.name, nil)
            let process: MachineProcess
            do {
                let (launch, ends) = try plugged(started.launch)
                process = try host.host.start(launch, ends: ends, environment: [ProcessTable.variable(folders)], on: loop) {
                    [unowned machine] event in
                    machine.hear(event)
                }
            } catch {
                network.unplug(machine.name)
                try ledger.ended(machine.name, reason: "could not be started")
                throw RunnerError.refused(Outcome(explaining: error))
            }
            do throws(OSError) {
                try machine.run(process, as: started)
            } catch {
                // Half watched is not watched: it ends, and its end is recorded like any other.
                process.signal(SIGKILL)
                throw error
            }
            connect(machine)
            try ledger.finish(record, process: process.identity)
        } catch let error as OSError {
            throw .system(error)
        } catch let error as RunnerError {
            throw error
        } catch {
            throw .refused(Outcome(explaining: error))
        }
    }

    // MARK: Telling

    func emit(_ kind: LabEvent.Kind, _ machine: String? = nil, network: String? = nil, _ detail: String? = nil) {
        history.append(kind, machine: machine, network: network, detail: detail)
        server.wakeStreams()
    }

    var status: LabStatus {
        let state: LabStatus.State =
            switch operation {
            case .none: .up
            case .preparing, .up: .starting
            case .leaving: .stopping
            }
        return LabStatus(
            lab: lab, state: state, keeper: getpid(), since: since.text, accelerator: host?.summary, machines: machines.map(\.status),
            networks: networkStatus)
    }

    // MARK: The end

    /// Everything is stopped and written down: what clients wait for goes out, then the loop ends.
    func leave() {
        guard !isLeaving else { return }
        isLeaving = true
        emit(.labStopped)
        server.stopListening()
        waitForClients(rounds: 40)
    }

    /// A client that does not read its last words holds the keeper up for two seconds and no longer.
    private func waitForClients(rounds: Int) {
        server.closeFinished()
        guard rounds > 0, !server.isEmpty else { return loop.stop() }
        loop.after(milliseconds: 50) { [self] in waitForClients(rounds: rounds - 1) }
    }
}
