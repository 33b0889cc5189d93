import Glibc
import Host
import LabImages
import LabModel
import LabPlan
import LabRunner

/// Takes one lab down: asks its keeper to stop it where there is one, undoes what was written down, and looks for leftovers.
struct TeardownCommand {
    let id: String
    let paths: LabPaths
    let io: Streams
    var ladder = StopLadder.patient
    /// A keeper that does not answer is ended.
    var isForced = false
    /// Each thing that is undone is named.
    var isVerbose = false

    private var folders: LabFolders { paths.lab(id) }
    /// A keeper has said its last word and is about to let go of the lock.
    private static let leaveLimit: UInt64 = 15_000_000_000

    func run() throws -> (report: Teardown.Report, interruptions: [CInt]) {
        let signals = try Signals()
        var interruptions: [CInt] = []
        if let client = try keeper() {
            do throws(RunnerError) {
                interruptions = try stop(client, signals)
            } catch {
                // One that was on its way out is gone: what it left is undone below.
                if case .keeperGone = error {
                } else {
                    guard isForced else { throw error }
                    endKeeper(error)
                }
            }
        } else if isForced {
            endKeeper(nil)
        }
        let report = try finish(doing: "down")
        while let signal = signals.next() { interruptions.append(signal) }
        return (report, interruptions)
    }

    /// The lab's keeper; `nil` when it has none, or none that may be asked.
    ///
    /// Where something else bears the name of its socket, nobody can ask it: it is ended when that is wanted, and what a dead
    /// one left is undone as ever.
    private func keeper() throws(RunnerError) -> KeeperClient? {
        do throws(RunnerError) {
            return try KeeperClient.connect(folders)
        } catch {
            if isForced { return nil }
            guard let keeper = recordedKeeper, keeper.isAlive else { return nil }
            var outcome = error.outcome
            outcome.hint = "process \(keeper.pid) keeps the lab and cannot be asked: `vmlab down --force` ends it and cleans up after it"
            throw .refused(outcome)
        }
    }

    /// Until every machine is stopped.
    private func stop(_ client: KeeperClient, _ signals: Signals) throws(RunnerError) -> [CInt] {
        let progress = Progress(io)
        var interruptions: [CInt] = []
        _ = try client.status()
        try client.send(.down(ladder))
        defer { progress.finish() }
        while true {
            var entries = [
                pollfd(fd: client.number, events: Int16(POLLIN), revents: 0), pollfd(fd: signals.number, events: Int16(POLLIN), revents: 0),
            ]
            // Safe because both entries outlive the call.
            let count = unsafe poll(&entries, 2, 1000)
            if count == 0 { progress.tick() }
            while let signal = signals.next() {
                interruptions.append(signal)
                progress.line(
                    interruptions.count == 1
                        ? "interrupted: a lab that is being taken down is taken down (again to stop hard)" : "stopping hard")
                if interruptions.count > 1 { try client.send(.down(.hard)) }
            }
            guard entries[0].revents != 0 else { continue }
            // A keeper that ends meanwhile has left the rest to us.
            guard let replies = try? client.receive() else { return interruptions }
            for reply in replies {
                switch reply {
                case .event(let event): progress.show(event)
                case .result(let outcome):
                    if outcome.exitCode != .done { throw .refused(outcome) }
                    return interruptions
                case .status, .console, .display: break
                }
            }
        }
    }

    private var recordedKeeper: ProcessIdentity? {
        guard let opening = try? Ledger.read(folders.ledger).lastOpening, case .opened(let written) = opening.entry else { return nil }
        return written.keeper
    }

    /// By the identity that it wrote down itself: never a stranger.
    private func endKeeper(_ error: RunnerError?) {
        guard let keeper = recordedKeeper else { return }
        if let error { io.say("\(error): ending process \(keeper.pid)") }
        _ = try? keeper.signal(SIGKILL)
    }

    /// Undoes what was written down, as soon as the keeper has let go.
    func finish(doing: String) throws -> Teardown.Report {
        let deadline = EventLoop.now() + Self.leaveLimit
        while true {
            do throws(RunnerError) {
                let report = try Teardown(lab: id, folders: folders, cache: paths.cache) { if isVerbose { io.say(Text.plain($0)) } }.run(
                    doing: doing)
                // The cache is nobody's leftover, but half an image in it is.
                ImageStore(paths: paths).removeAbandoned()
                return report
            } catch {
                guard case .busy(_, let holder) = error, EventLoop.now() < deadline, holder?.doing != "down" else { throw error }
                // The only wait for something that does not announce itself: a lock's release.
                usleep(20_000)
            }
        }
    }
}
