/// Something that happened in a lab: one line of `vmlab events`.
package struct LabEvent: Hashable, Sendable, Codable {
    /// 1 for a keeper's first event.
    package var seq: UInt64
    /// `2026-11-23T10:00:00.123Z`.
    package var at: String
    package var event: Kind
    package var machine: String?
    /// With `machine`: one port of the network.
    package var network: String?
    /// For people: why, or how far.
    package var detail: String?

    package init(seq: UInt64, at: String, event: Kind, machine: String?, network: String? = nil, detail: String?) {
        self.seq = seq
        self.at = at
        self.event = event
        self.machine = machine
        self.network = network
        self.detail = detail
    }

    package enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
        /// How machines are accelerated, and why.
        case accelerator
        case imageBuilding = "image-building"
        case imageProgress = "image-progress"
        case imageBuilt = "image-built"
        case imageFailed = "image-failed"
        case machineStarting = "machine-starting"
        case machineStarted = "machine-started"
        case machineReady = "machine-ready"
        case machineNotReady = "machine-not-ready"
        /// The guest rebooted.
        case machineReset = "machine-reset"
        case machineStopping = "machine-stopping"
        /// Its process has ended, by itself or not; the detail says how.
        case machineEnded = "machine-ended"
        /// It will be started again after a pause.
        case machineRestarting = "machine-restarting"
        case machineChanged = "machine-changed"
        case machineForgotten = "machine-forgotten"
        case deviceError = "device-error"
        /// A driver of the guest has taken a device, for the first time in this process.
        case deviceDriven = "device-driven"
        /// The bridge runs; without a network, all of them.
        case networkStarted = "network-started"
        /// Its process has ended by itself; machines live on.
        case networkEnded = "network-ended"
        /// It will be started again after a pause.
        case networkRestarting = "network-restarting"
        case networkStopped = "network-stopped"
        /// A machine was given its address.
        case lease
        /// A machine nobody knows asked for an address, and there is none left.
        case poolExhausted = "pool-exhausted"
        /// One Ethernet address is seen at several ports by turns.
        case macFlap = "mac-flap"
        /// More broadcasts than the bridge passes on.
        case storm
        /// A port's stream held what is no frame: it begins anew.
        case portBroken = "port-broken"
        case uplinkStarted = "uplink-started"
        case uplinkEnded = "uplink-ended"
        case uplinkBroken = "uplink-broken"
        /// The host has no program for it.
        case uplinkMissing = "uplink-missing"
        /// Somebody changed a wire: shape, cable, or who sees whom.
        case linkChanged = "link-changed"
        case stepFailed = "step-failed"
        case stepSkipped = "step-skipped"
        case consoleLost = "console-lost"
        /// A reader was too slow: so many events are missing here.
        case eventsLost = "events-lost"
        case labUp = "lab-up"
        case labStopping = "lab-stopping"
        case labStopped = "lab-stopped"
        case note
    }
}

/// The last events, for readers that come later or read slowly.
struct EventHistory {
    private var events: [LabEvent] = []
    private(set) var next: UInt64 = 1

    /// Enough for the story of a large lab's start; older ones are in nobody's way.
    static let limit = 4096

    mutating func append(_ kind: LabEvent.Kind, machine: String?, network: String? = nil, detail: String?) {
        let event = LabEvent(seq: next, at: Timestamp.now.text, event: kind, machine: machine, network: network, detail: detail)
        next += 1
        events.append(event)
        // Cut in halves, so that the cost of cutting is shared by many events.
        if events.count > Self.limit * 2 { events.removeFirst(Self.limit) }
    }

    /// The oldest event at or after a sequence number, with a word about those that are gone.
    func event(at sequence: UInt64) -> LabEvent? {
        guard let first = events.first, sequence < next else { return nil }
        if sequence < first.seq {
            return LabEvent(
                seq: first.seq - 1, at: first.at, event: .eventsLost, machine: nil, detail: "\(first.seq - sequence) events are gone")
        }
        return events[Int(clamping: sequence - first.seq)]
    }
}
