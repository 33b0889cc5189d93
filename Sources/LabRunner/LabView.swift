internal import Host
internal import LabImages
package import LabModel
package import LabPlan

/// A lab as a command sees it that changes nothing: through its keeper, or through what one wrote down.
package struct LabView {
    package let lab: String
    package let paths: LabPaths

    package init(lab: String, paths: LabPaths) {
        self.lab = lab
        self.paths = paths
    }

    private var folders: LabFolders { paths.lab(lab) }

    /// What is there, for a plan: the records, held against the kernel's word on the processes they name.
    package func seen() -> SeenState {
        guard let ledger = try? Ledger.read(folders.ledger) else { return SeenState(lab: lab) }
        var state = ledger.state(lab: lab)
        let processes = ledger.machineProcesses
        for machine in state.machines where machine.isRunning && processes[machine.name]?.isAlive != true {
            state.end(machine.name, reason: "was lost with its keeper")
        }
        return state
    }

    /// What `up` would do to bring it to this lab.
    package func plan(up wanted: Lab) throws -> Plan {
        let workshop = Workshop.host(paths)
        let facts = try workshop.imageFacts(wanted)
        var seen = seen()
        seen.images = Set(facts.map(\.key).filter(workshop.hasImage))
        return try Plan.up(wanted, images: facts, folders: folders, seen: seen)
    }

    package func planDown() -> Plan { Plan.down(seen: seen()) }

    /// What `ps` shows.
    package func status() throws(RunnerError) -> LabStatus {
        if let client = try KeeperClient.connect(folders) { return try client.status() }
        guard (try? FileStatus(of: folders.state)) != nil else { return LabStatus(lab: lab, state: .down) }
        // Somebody may be about to bring it up, or to take it down: the lock says so.
        if (try? FileStatus(of: folders.lock)) == nil || !LabLock.isTaken(folders) {
            return LabStatus(
                lab: lab, state: .lost, detail: "its keeper is gone: `vmlab up` goes on, `vmlab down` cleans up", machines: lost())
        }
        let holder = LabLock.holder(folders)
        return LabStatus(
            lab: lab, state: holder?.doing == "down" ? .stopping : .starting, detail: holder.map { "process \($0.pid) since \($0.since)" },
            machines: lost())
    }

    private func lost() -> [MachineStatus] {
        seen().machines.map { seen in
            let machine = seen.started?.machine
            let (state, detail): (MachineStatus.State, String?) =
                switch seen.life {
                case .neverStarted: (.waiting, nil)
                case .running(_, let ready): (ready ? .ready : .starting, nil)
                case .ended(_, let reason): (.ended, reason)
                }
            return MachineStatus(
                name: seen.name, image: machine?.image ?? "-", state: state, detail: detail, cpus: machine?.cpus ?? 0,
                memory: machine?.memory.description ?? "-", since: "", pid: nil, restarts: 0, consoles: [],
                addresses: machine?.interfaces.map(\.address.description))
        }
    }
}
