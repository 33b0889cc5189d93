/// Something that happened in a lab: one line of `vmlab events`.
package struct LabEvent: Hashable, Sendable, Codable {
    /// 1 for a keeper's first event.
    package var seq: UInt64
    /// `2026-11-23T10:00:00.123Z`.
    package var at: String
    package var event: Kind
    package var machine: String?
    /// For people: why, or how far.
    package var detail: String?

    package init(seq: UInt64, at: String, event: Kind, machine: String?, detail: String?) {
        self.seq = seq
        self.at = at
        self.event = event
        self.machine = machine
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

    mutating func append(_ kind: LabEvent.Kind, machine: String?, detail: String?) {
        let event = LabEvent(seq: next, at: Timestamp.now.text, event: kind, machine: machine, detail: detail)
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
