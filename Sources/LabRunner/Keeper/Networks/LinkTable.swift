internal import LabModel

/// What the lab's wires are told to do: as the lab file has it, and what people said since.
///
/// The keeper's memory of it: a network process that takes the place of another is told all of it again.
struct LinkTable: Hashable, Sendable {
    /// As the lab file has them, by network (`lan`) or port (`web/lan`).
    private var declared: [String: LinkShape] = [:]
    /// Said since, whole.
    private var said: [String: LinkShape] = [:]
    /// Networks and ports whose cable is out.
    private(set) var down: Set<String> = []
    /// By network.
    private(set) var partitions: [String: [[String]]] = [:]

    init() {}

    /// A lab came up, or came up anew: what was said of a wire that the file has changed is forgotten.
    mutating func take(_ lab: Lab) {
        var fresh: [String: LinkShape] = [:]
        for network in lab.networks { fresh[network.name] = network.link }
        for machine in lab.machines {
            for interface in machine.interfaces { fresh["\(machine.name)/\(interface.network)"] = interface.link }
        }
        said = said.filter { fresh[$0.key] != nil && fresh[$0.key] == declared[$0.key] }
        down = down.filter { fresh[$0] != nil }
        let members = lab.machines.reduce(into: [String: Set<String>]()) { sets, machine in
            for interface in machine.interfaces { sets[interface.network, default: []].insert(machine.name) }
        }
        partitions = partitions.filter { network, groups in
            groups.joined().allSatisfy { members[network]?.contains($0) == true }
        }
        declared = fresh
    }

    /// Every wire that can be spoken of.
    var names: [String] { declared.keys.sorted() }

    func contains(_ what: String) -> Bool { declared[what] != nil }

    func shape(of what: String) -> LinkShape { said[what] ?? declared[what] ?? LinkShape() }

    func isDown(_ port: PortName) -> Bool { down.contains(port.description) || down.contains(port.network) }

    mutating func apply(_ change: LinkChange, to what: String) {
        switch change {
        case .up: down.remove(what)
        case .down: down.insert(what)
        case .clear: said[what] = LinkShape()
        case .reset: said[what] = nil
        case .set(let change): said[what] = change.applied(to: shape(of: what))
        }
    }

    mutating func divide(_ network: String, into groups: [[String]]) {
        partitions[network] = groups.isEmpty ? nil : groups
    }

    // MARK: Words

    /// What a network is told of a change that was just applied.
    func word(for change: LinkChange, to what: String) -> String {
        switch change {
        case .up: "link \(what) up"
        case .down: "link \(what) down"
        case .clear, .reset, .set: Self.word(what, shape(of: what))
        }
    }

    func partitionWord(_ network: String) -> String {
        guard let groups = partitions[network] else { return "heal \(network)" }
        return "partition \(network) " + groups.map { $0.joined(separator: ",") }.joined(separator: "|")
    }

    private static func word(_ what: String, _ shape: LinkShape) -> String {
        shape.isNothing ? "link \(what) clear" : "link \(what) \(shape.words(separator: " "))"
    }

    /// What a new network, told no more than the lab file by its command line, does not know yet.
    var words: [String] {
        said.keys.sorted().map { Self.word($0, shape(of: $0)) } + down.sorted().map { "link \($0) down" }
            + partitions.keys.sorted().map(partitionWord)
    }
}

extension LinkShape {
    /// As `vmlab-network` reads them: `delay=US`, `jitter=US`, `rate=BPS`, and parts in a million.
    func words(separator: String) -> String {
        [
            "delay=\(delayMicroseconds)", "jitter=\(jitterMicroseconds)", "rate=\(bitsPerSecond)", "loss=\(lossPPM)",
            "reorder=\(reorderPPM)", "duplicate=\(duplicatePPM)", "corrupt=\(corruptPPM)",
        ].joined(separator: separator)
    }
}
