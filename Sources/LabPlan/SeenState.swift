package import LabModel

/// What is there of a lab right now: the ledger replayed, and the kernel asked about the processes it names.
///
/// Built by replaying recorded actions: `begin` for each one that was written down before it was tried, `finish` for each
/// that is known to have been done. A thing that was begun but not finished may exist, so `down` removes it all the same.
package struct SeenState: Hashable, Sendable {
    /// The lab's id.
    package var lab: String
    package var folders: Folders
    /// Keys of the images that are whole in the cache.
    package var images: Set<String>
    /// The lab's bridge.
    package var network: SeenNetwork
    /// In the order in which they were first recorded.
    package var machines: [SeenMachine]

    package init(
        lab: String, folders: Folders = .absent, images: Set<String> = [], network: SeenNetwork = .absent, machines: [SeenMachine] = []
    ) {
        self.lab = lab
        self.folders = folders
        self.images = images
        self.network = network
        self.machines = machines
    }

    package enum Folders: Hashable, Sendable {
        /// This lab has never been brought up, or has been taken down completely.
        case absent
        /// Any part of them may be there.
        case begun(LabFolders)
        case made(LabFolders)
    }

    package subscript(machine name: String) -> SeenMachine? { machines.first { $0.name == name } }
}

/// What is there of the process that all of a lab's networks are in.
package enum SeenNetwork: Hashable, Sendable {
    /// It was never started, or has been stopped.
    case absent
    case running(NetworkLaunch)
    /// It has ended by itself; the reason reads after `the networks`: `crashed: signal 9`.
    case ended(NetworkLaunch, reason: String)
}

/// What is there of one machine.
package struct SeenMachine: Hashable, Sendable {
    package var name: String
    /// The files that were made for it.
    package var disks: [SeenDisk]
    package var life: Life

    package init(name: String, disks: [SeenDisk] = [], life: Life = .neverStarted) {
        self.name = name
        self.disks = disks
        self.life = life
    }

    package enum Life: Hashable, Sendable {
        case neverStarted
        /// Its process is there.
        case running(StartedMachine, ready: Bool)
        /// Its process has ended; the reason reads after the machine's name: `powered off`, `crashed: signal 9`.
        case ended(StartedMachine, reason: String)
    }

    /// As it was last started, if it ever was.
    package var started: StartedMachine? {
        switch life {
        case .neverStarted: nil
        case .running(let started, _), .ended(let started, _): started
        }
    }

    package var isRunning: Bool {
        if case .running = life { true } else { false }
    }
}

/// A machine as it was started: what the lab file said then, and what `vmlab-machine` was told.
package struct StartedMachine: Hashable, Sendable, Codable {
    package var machine: Machine
    package var launch: MachineLaunch

    package init(machine: Machine, launch: MachineLaunch) {
        self.machine = machine
        self.launch = launch
    }
}

/// A file that was made to be a machine's disk.
package struct SeenDisk: Hashable, Sendable {
    package var disk: MachineDisk
    /// False while it may be half made.
    package var isWhole: Bool

    package init(disk: MachineDisk, isWhole: Bool) {
        self.disk = disk
        self.isWhole = isWhole
    }
}

extension SeenState {
    /// An action was recorded and may have had any part of its effect.
    package mutating func begin(_ action: Action) {
        switch action {
        case .makeFolders(let wanted):
            if folders != .made(wanted) { folders = .begun(wanted) }
        case .createDisk(let machine, let disk):
            change(machine) { seen in
                seen.disks.removeAll { $0.disk.path == disk.path }
                seen.disks.append(SeenDisk(disk: disk, isWhole: false))
            }
        case .startNetwork(let launch): network = .running(launch)
        case .startMachine(let started):
            change(started.machine.name) { $0.life = .running(started, ready: false) }
        case .deleteDisk(let machine, let disk):
            change(machine) { seen in
                for index in seen.disks.indices where seen.disks[index].disk.path == disk.path { seen.disks[index].isWhole = false }
            }
        case .buildImage, .awaitReady, .stopMachine, .updateMachine, .forgetMachine, .updateNetwork, .stopNetwork, .deleteFolders: break
        }
    }

    /// An action was done completely.
    package mutating func finish(_ action: Action) {
        switch action {
        case .makeFolders(let made): folders = .made(made)
        case .deleteFolders:
            folders = .absent
            network = .absent
            machines = []
        case .buildImage(let image): images.insert(image.key)
        case .createDisk(let machine, let disk):
            change(machine) { seen in
                seen.disks.removeAll { $0.disk.path == disk.path }
                seen.disks.append(SeenDisk(disk: disk, isWhole: true))
            }
        case .deleteDisk(let machine, let disk):
            change(machine) { $0.disks.removeAll { $0.disk.path == disk.path } }
        case .startNetwork(let launch), .updateNetwork(let launch, words: _): network = .running(launch)
        case .stopNetwork: network = .absent
        case .startMachine(let started):
            change(started.machine.name) { $0.life = .running(started, ready: false) }
        case .awaitReady(let machine, _):
            change(machine) { seen in
                if case .running(let started, _) = seen.life { seen.life = .running(started, ready: true) }
            }
        case .updateMachine(let machine):
            change(machine.name) { seen in
                switch seen.life {
                case .neverStarted: break
                case .running(var started, let ready):
                    started.machine = machine
                    seen.life = .running(started, ready: ready)
                case .ended(var started, let reason):
                    started.machine = machine
                    seen.life = .ended(started, reason: reason)
                }
            }
        case .stopMachine(let machine, _): end(machine, reason: "was stopped")
        case .forgetMachine(let machine): machines.removeAll { $0.name == machine }
        }
    }

    /// The machine's process has ended, by itself or not.
    package mutating func end(_ machine: String, reason: String) {
        guard let index = machines.firstIndex(where: { $0.name == machine }) else { return }
        if let started = machines[index].started { machines[index].life = .ended(started, reason: reason) }
    }

    /// The process of the networks has ended by itself.
    package mutating func endNetwork(reason: String) {
        if case .running(let launch) = network { network = .ended(launch, reason: reason) }
    }

    private mutating func change(_ name: String, _ body: (inout SeenMachine) -> Void) {
        if let index = machines.firstIndex(where: { $0.name == name }) {
            body(&machines[index])
        } else {
            var machine = SeenMachine(name: name)
            body(&machine)
            machines.append(machine)
        }
    }
}
