package import LabModel
package import LabPlan

/// What a command asks of a keeper: one JSON object on one line.
///
///     {"request":"status"}
///     {"request":"stop","machine":"web"}
package enum Request: Hashable, Sendable {
    case status
    /// Events from now on, or all that the keeper still has; without `follow` only those.
    case events(past: Bool, follow: Bool)
    /// One line of answer, then the console's raw bytes; with `input`, bytes sent go to the guest.
    case console(ConsoleRequest)
    /// Bring the lab to this state. Answered by events and, at the end, a result.
    case up(UpRequest)
    /// Roll back what the `up` of this connection began; `hard` without asking guests.
    case cancel(hard: Bool)
    /// Stop all machines and leave; what remains is undone by whoever asked.
    case down(StopLadder)
    case machine(MachineVerb, name: String, StopLadder?)
    /// What the machine's display shows.
    case display(machine: String)
    /// Keys for the machine's keyboard.
    case type(machine: String, text: String)
    /// A wire, or a whole network's: shape, cable in, cable out.
    case link(LinkRequest)
    /// Who sees whom on a network.
    case partition(PartitionRequest)
}

package enum MachineVerb: String, Hashable, Sendable, Codable, CaseIterable { case stop, start, restart, kill }

package struct ConsoleRequest: Hashable, Sendable, Codable {
    package var machine: String
    /// `serial` or `console`; `nil`: the one that has said most.
    package var stream: String?
    package var since: Since
    package var input: Bool
    /// False: what is there, then the end.
    package var follow: Bool

    package enum Since: String, Hashable, Sendable, Codable, CaseIterable { case start, boot, now }

    package init(machine: String, stream: String?, since: Since, input: Bool, follow: Bool) {
        self.machine = machine
        self.stream = stream
        self.since = since
        self.input = input
        self.follow = follow
    }
}

package struct UpRequest: Hashable, Sendable, Codable {
    package var lab: Lab
    /// The lab's id: its own name, or `--name`.
    package var id: String
    /// The file it was read from, for finding the lab again when the file is gone.
    package var source: String?
    package var accelerator: AcceleratorChoice
    /// Machines between power-on and ready at once; `nil`: as many as the host has cores.
    package var parallel: Int?

    package init(lab: Lab, id: String, source: String?, accelerator: AcceleratorChoice, parallel: Int?) {
        self.lab = lab
        self.id = id
        self.source = source
        self.accelerator = accelerator
        self.parallel = parallel
    }
}

/// `--accel`.
package enum AcceleratorChoice: String, Hashable, Sendable, Codable, CaseIterable {
    case automatic = "auto"
    case kvm
    case carrier
}

extension Request: Codable {
    private enum Verb: String, Codable {
        case status, events, console, up, cancel, down, stop, start, restart, kill, display, type, link, partition
    }
    private enum Key: String, CodingKey { case request, past, follow, console, up, hard, ladder, machine, text, link, partition }

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Key.self)
        func verb(_ verb: MachineVerb) throws -> Request {
            .machine(
                verb, name: try fields.decode(String.self, forKey: .machine),
                try fields.decodeIfPresent(StopLadder.self, forKey: .ladder))
        }
        switch try fields.decode(Verb.self, forKey: .request) {
        case .status: self = .status
        case .events:
            self = .events(
                past: try fields.decodeIfPresent(Bool.self, forKey: .past) ?? false,
                follow: try fields.decodeIfPresent(Bool.self, forKey: .follow) ?? true)
        case .console: self = .console(try fields.decode(ConsoleRequest.self, forKey: .console))
        case .up: self = .up(try fields.decode(UpRequest.self, forKey: .up))
        case .cancel: self = .cancel(hard: try fields.decodeIfPresent(Bool.self, forKey: .hard) ?? false)
        case .down: self = .down(try fields.decodeIfPresent(StopLadder.self, forKey: .ladder) ?? .patient)
        case .stop: self = try verb(.stop)
        case .start: self = try verb(.start)
        case .restart: self = try verb(.restart)
        case .kill: self = try verb(.kill)
        case .display: self = .display(machine: try fields.decode(String.self, forKey: .machine))
        case .type:
            self = .type(machine: try fields.decode(String.self, forKey: .machine), text: try fields.decode(String.self, forKey: .text))
        case .link: self = .link(try fields.decode(LinkRequest.self, forKey: .link))
        case .partition: self = .partition(try fields.decode(PartitionRequest.self, forKey: .partition))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: Key.self)
        switch self {
        case .status: try fields.encode(Verb.status, forKey: .request)
        case .events(let past, let follow):
            try fields.encode(Verb.events, forKey: .request)
            try fields.encode(past, forKey: .past)
            try fields.encode(follow, forKey: .follow)
        case .console(let console):
            try fields.encode(Verb.console, forKey: .request)
            try fields.encode(console, forKey: .console)
        case .up(let up):
            try fields.encode(Verb.up, forKey: .request)
            try fields.encode(up, forKey: .up)
        case .cancel(let hard):
            try fields.encode(Verb.cancel, forKey: .request)
            try fields.encode(hard, forKey: .hard)
        case .down(let ladder):
            try fields.encode(Verb.down, forKey: .request)
            try fields.encode(ladder, forKey: .ladder)
        case .machine(let verb, let name, let ladder):
            try fields.encode(verb.rawValue, forKey: .request)
            try fields.encode(name, forKey: .machine)
            try fields.encodeIfPresent(ladder, forKey: .ladder)
        case .display(let machine):
            try fields.encode(Verb.display, forKey: .request)
            try fields.encode(machine, forKey: .machine)
        case .type(let machine, let text):
            try fields.encode(Verb.type, forKey: .request)
            try fields.encode(machine, forKey: .machine)
            try fields.encode(text, forKey: .text)
        case .link(let link):
            try fields.encode(Verb.link, forKey: .request)
            try fields.encode(link, forKey: .link)
        case .partition(let partition):
            try fields.encode(Verb.partition, forKey: .request)
            try fields.encode(partition, forKey: .partition)
        }
    }
}
