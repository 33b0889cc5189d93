package import LabModel

/// One thing to do, why, and how it is taken back.
package struct Step: Hashable, Sendable, Codable {
    /// Stable and unique in its plan: `start/db`, `image/debian-12`.
    package var id: String
    package var action: Action
    /// For people, without a full stop: `db is not running`.
    package var reason: String
    /// Ids of earlier steps of the same plan that must have been done; steps that do not wait for each other may run side by side.
    package var after: [String]
    /// `nil` where there is nothing to take back (a wait), or where the thing is to stay (an image in the cache).
    package var undo: Action?

    package init(_ action: Action, reason: String, after: [String] = [], undo: Action? = nil) {
        self.id = action.id
        self.action = action
        self.reason = reason
        self.after = after
        self.undo = undo
    }
}

/// Everything that can be done to a lab. Each is safe to do twice: what is already so is success.
package enum Action: Hashable, Sendable, Codable {
    /// The lab's own folders: state, consoles, machines, run.
    case makeFolders(LabFolders)
    /// Everything that is still in the lab's own folders, the ledger last, then the folders.
    case deleteFolders(LabFolders)
    case buildImage(PlannedImage)
    /// The file, and its folder if that is missing.
    case createDisk(machine: String, disk: MachineDisk)
    case deleteDisk(machine: String, disk: MachineDisk)
    /// The lab's bridge with all its networks, what leads out of them, and what is recorded of them; machines go on while it is replaced.
    case startNetwork(NetworkLaunch)
    /// The running bridge is told so many control words, after which it is as if it had been started like this.
    case updateNetwork(NetworkLaunch, words: [String])
    case stopNetwork
    case startMachine(StartedMachine)
    /// Returns when the machine is ready; fails when its time is over or its process has ended.
    case awaitReady(machine: String, Machine.Readiness)
    /// What the keeper goes by from now on (`ready`, `restart`, `after`); the process is not touched.
    case updateMachine(Machine)
    case stopMachine(machine: String, StopLadder)
    /// The machine's folder, its console logs, and its place in the ledger.
    case forgetMachine(machine: String)
}

/// An image as a plan names it.
package struct PlannedImage: Hashable, Sendable, Codable {
    package var name: String
    package var key: String

    package init(name: String, key: String) {
        self.name = name
        self.key = key
    }
}

/// A file that serves one machine as a disk.
package struct MachineDisk: Hashable, Sendable, Codable {
    /// `root`, `disk0`, `disk1`: also the disk's serial number in the guest.
    package var id: String
    package var path: String
    package var content: Content

    package init(id: String, path: String, content: Content) {
        self.id = id
        self.path = path
        self.content = content
    }

    package enum Content: Hashable, Sendable, Codable {
        /// The machine's own writes over an immutable base, the first of them a layer of files that is laid over it as it is made.
        ///
        /// A disk with another layer is another disk: the layer says nothing that other machines could change.
        case delta(base: String, layer: Layer = Layer())
        /// All zeros at first.
        case empty(ByteCount)
    }

    /// What lies below the machine's own writes, if anything does.
    package var base: String? {
        if case .delta(let base, _) = content { base } else { nil }
    }
}

extension Action {
    /// The id of the step that does this.
    package var id: String {
        switch self {
        case .makeFolders: "folders"
        case .deleteFolders: "delete-folders"
        case .buildImage(let image): "image/\(image.name)"
        case .createDisk(let machine, let disk): "disk/\(machine)/\(disk.id)"
        case .deleteDisk(let machine, let disk): "delete-disk/\(machine)/\(disk.id)"
        case .startNetwork: "network"
        case .updateNetwork: "update-network"
        case .stopNetwork: "stop-network"
        case .startMachine(let started): "start/\(started.machine.name)"
        case .awaitReady(let machine, _): "ready/\(machine)"
        case .updateMachine(let machine): "update/\(machine.name)"
        case .stopMachine(let machine, _): "stop/\(machine)"
        case .forgetMachine(let machine): "forget/\(machine)"
        }
    }

    /// The machine it is about, if it is about one.
    package var machine: String? {
        switch self {
        case .makeFolders, .deleteFolders, .buildImage, .startNetwork, .updateNetwork, .stopNetwork: nil
        case .createDisk(let machine, _), .deleteDisk(let machine, _), .awaitReady(let machine, _), .stopMachine(let machine, _),
            .forgetMachine(let machine):
            machine
        case .startMachine(let started): started.machine.name
        case .updateMachine(let machine): machine.name
        }
    }
}
