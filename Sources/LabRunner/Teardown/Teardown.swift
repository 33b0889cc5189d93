internal import Glibc
internal import Host
package import LabModel
internal import LabPlan

/// Takes a lab down from its ledger alone: no keeper, no lab file, no help from whoever was killed.
///
/// Every part is safe to do again, absent is success, and nothing outside the lab's own folders is ever removed, whatever
/// a damaged ledger says.
package struct Teardown {
    package let lab: String
    package let folders: LabFolders
    private let cache: String?
    /// Told of each step and of what is odd.
    package var tell: (String) -> Void

    package init(lab: String, folders: LabFolders, cache: String? = nil, tell: @escaping (String) -> Void = { _ in }) {
        self.lab = lab
        self.folders = folders
        self.cache = cache
        self.tell = tell
    }

    package struct Report: Sendable {
        package var audit: Audit
        /// Lines of the ledger that could not be read.
        package var damagedLines: [Int]
        /// What could not be undone, each with its reason.
        package var failures: [String]
    }

    /// How long processes get to end by themselves, and after each signal.
    private static let patienceMilliseconds = 3000
    /// After SIGKILL nothing can refuse: this is for a host that is hardly alive.
    private static let lastPatienceMilliseconds = 30_000

    /// Removes everything that is the lab's and looks for what is left.
    ///
    /// - Throws: `busy` while another process has the lab.
    package func run(doing: String) throws(RunnerError) -> Report {
        guard isPresent else {
            // Never up, or down already.
            return Report(audit: Audit.run(folders, cache: cache, recorded: [], before: nil), damagedLines: [], failures: [])
        }
        // The lock lives in the state folder: it is there or made again, so that two teardowns cannot meet.
        do throws(OSError) { try Folder.makePrivate(folders.state) } catch { throw .system(error) }
        removeFalseLock()
        let lock = try LabLock(lab, folders, doing: doing)
        let ledger = (try? Ledger.read(folders.ledger)) ?? LedgerContents([])
        if let line = ledger.damagedLines.first {
            tell("line \(line) of \(folders.ledger) is damaged: removing everything in the lab's own folders")
        }
        var failures: [String] = []
        endProcesses(ledger, &failures)
        let plan = Plan.down(seen: ledger.state(lab: lab))
        for step in plan.steps { undo(step.action, &failures) }
        removeRest(&failures)
        removeFolders(made: ledger.inventory?.missingFolders ?? [], &failures)
        _ = lock
        let audit = Audit.run(folders, cache: cache, recorded: ledger.processes, before: ledger.inventory)
        return Report(audit: audit, damagedLines: ledger.damagedLines, failures: failures)
    }

    private var isPresent: Bool {
        (try? FileStatus(of: folders.state)) != nil || (try? FileStatus(of: folders.run)) != nil
    }

    /// A symlink or a folder under the lock's name is nobody's lock, and would keep everybody from taking one.
    private func removeFalseLock() {
        guard let kind = try? FileStatus(of: folders.lock).kind, kind == .symlink || kind == .directory else { return }
        tell("removing \(folders.lock), which is no lock")
        try? Folder.removeTree(folders.lock)
    }

    // MARK: Processes

    /// Those that the ledger names and those that carry the lab's mark. A keeper's death takes its children along, so they
    /// first get a moment to be gone by themselves.
    private func endProcesses(_ ledger: LedgerContents, _ failures: inout [String]) {
        func alive() -> Set<ProcessIdentity> {
            var all = ledger.processes.filter { $0.isAlive && $0.pid != getpid() }
            for entry in ProcessTable.processes(of: folders) { all.insert(entry.identity) }
            return all
        }
        func waitUntilGone(_ milliseconds: Int = Self.patienceMilliseconds) -> Set<ProcessIdentity> {
            let deadline = EventLoop.now() + UInt64(milliseconds) * 1_000_000
            while true {
                let left = alive()
                if left.isEmpty || EventLoop.now() > deadline { return left }
                usleep(20_000)
            }
        }
        var left = alive()
        guard !left.isEmpty else { return }
        // Only when no keeper is left to look after the others: it is about to end them itself.
        left = waitUntilGone()
        for signal in [SIGTERM, SIGKILL] where !left.isEmpty {
            for process in left.sorted(by: { $0.pid < $1.pid }) {
                tell("ending process \(process.pid) \(ProcessTable.command(of: process.pid))")
                do throws(OSError) { try process.signal(signal) } catch { failures.append(error.description) }
            }
            left = waitUntilGone(signal == SIGKILL ? Self.lastPatienceMilliseconds : Self.patienceMilliseconds)
        }
        for process in left { failures.append("process \(process.pid) does not end") }
    }

    // MARK: Files

    private func undo(_ action: Action, _ failures: inout [String]) {
        switch action {
        case .deleteDisk(_, let disk):
            guard disk.path.hasPrefix(folders.state + "/"), !disk.path.split(separator: "/").contains("..") else {
                failures.append("the ledger names \(disk.path), which is not in the lab's folders: left alone")
                return
            }
            tell("deleting \(disk.path)")
            attempt(&failures) { () throws(OSError) in try Folder.removeFile(disk.path) }
        // Processes are ended already; the folders go last, whatever the ledger says.
        case .startNetwork, .updateNetwork, .stopNetwork, .stopMachine, .deleteFolders, .forgetMachine, .makeFolders, .buildImage,
            .createDisk, .startMachine, .awaitReady,
            .updateMachine:
            break
        }
    }

    /// What the lab's layout may hold, known to the ledger or not.
    private func removeRest(_ failures: inout [String]) {
        // Whatever lies under a name of ours is ours to remove, of whatever kind it is by now.
        for path in [
            folders.captures, folders.consoles, folders.machines, folders.controlSocket, folders.resolvedLab, folders.resolvedLab + ".part",
            folders.ledger + ".part", folders.keeperLog,
        ] {
            attempt(&failures) { () throws(OSError) in try Folder.removeTree(path) }
        }
    }

    /// The ledger goes when nothing is left that it could tell of, the lock last of all.
    private func removeFolders(made: [String], _ failures: inout [String]) {
        guard failures.isEmpty else { return }
        tell("deleting \(folders.state)")
        attempt(&failures) { () throws(OSError) in try Folder.removeTree(folders.ledger) }
        attempt(&failures) { () throws(OSError) in try Folder.removeFile(folders.lock) }
        for folder in [folders.run, folders.state] + made.reversed() { Folder.removeIfEmpty(folder) }
    }

    private func attempt(_ failures: inout [String], _ body: () throws(OSError) -> Void) {
        do throws(OSError) { try body() } catch { failures.append(error.description) }
    }
}
