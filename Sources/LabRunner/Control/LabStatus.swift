internal import LabModel

/// A lab as it is right now: what `ps` shows.
package struct LabStatus: Hashable, Sendable, Codable {
    package var lab: String
    package var state: State
    /// What the state cannot say in a word.
    package var detail: String?
    package var keeper: Int32?
    /// When the keeper started; `nil` without one.
    package var since: String?
    package var accelerator: String?
    package var machines: [MachineStatus]
    /// Absent from keepers of labs without any.
    package var networks: [NetworkStatus]?

    package enum State: String, Hashable, Sendable, Codable {
        /// An `up` is at work.
        case starting
        case up
        case stopping
        /// Nothing of it is there.
        case down
        /// There are leftovers of a keeper that is gone: `down` removes them, `up` goes on from them.
        case lost
    }

    package init(
        lab: String, state: State, detail: String? = nil, keeper: Int32? = nil, since: String? = nil, accelerator: String? = nil,
        machines: [MachineStatus] = [], networks: [NetworkStatus]? = nil
    ) {
        self.lab = lab
        self.state = state
        self.detail = detail
        self.keeper = keeper
        self.since = since
        self.accelerator = accelerator
        self.machines = machines
        self.networks = networks
    }
}

package struct MachineStatus: Hashable, Sendable, Codable {
    package var name: String
    package var image: String
    package var state: State
    /// How it ended, or why it is not ready.
    package var detail: String?
    package var cpus: Int
    package var memory: String
    /// When it came into this state.
    package var since: String
    package var pid: Int32?
    /// How often it was started again by its restart policy.
    package var restarts: Int
    /// Which of `serial` and `console` have said something.
    package var consoles: [String]
    /// In the order of its interfaces: `10.20.0.10`.
    package var addresses: [String]?

    package enum State: String, Hashable, Sendable, Codable {
        /// Not started yet.
        case waiting
        /// Its process runs; it is not ready yet.
        case starting
        case ready
        /// Runs, but did not become ready in its time.
        case unready
        case stopping
        /// Ended and staying so.
        case ended
        /// Ended; its restart policy starts it again after a pause.
        case restarting
    }

    package init(
        name: String, image: String, state: State, detail: String?, cpus: Int, memory: String, since: String, pid: Int32?, restarts: Int,
        consoles: [String], addresses: [String]? = nil
    ) {
        self.name = name
        self.image = image
        self.state = state
        self.detail = detail
        self.cpus = cpus
        self.memory = memory
        self.since = since
        self.pid = pid
        self.restarts = restarts
        self.consoles = consoles
        self.addresses = addresses
    }
}
