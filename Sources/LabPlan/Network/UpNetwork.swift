import LabModel

/// The lab's bridge in an `up`: there before the first machine that is started, gone after the last that had a port.
extension UpPlanner {
    mutating func bringUpNetwork() {
        guard let network else { return }
        switch seen.network {
        case .absent: start(network, reason: "the networks are not running", after: ["folders"])
        case .ended(_, let why): start(network, reason: "the networks \(why)", after: ["folders"])
        case .running(let old):
            let change = NetworkChange(from: old, to: network)
            guard !change.reasons.isEmpty else { return }
            let reason = change.reasons.joined(separator: ", ")
            if let words = change.words {
                add(.updateNetwork(network, words: words), reason: reason)
            } else {
                // Machines that are gone should not lose their networks while they shut down.
                add(.stopNetwork, reason: reason, after: stops)
                start(network, reason: reason, after: ["folders", "stop-network"])
            }
        }
    }

    mutating func takeDownNetwork() {
        guard network == nil, seen.network != .absent else { return }
        add(.stopNetwork, reason: "the lab file names no networks any more", after: stops)
    }

    private mutating func start(_ launch: NetworkLaunch, reason: String, after: [String]) {
        add(.startNetwork(launch), reason: reason, after: after, undo: .stopNetwork)
    }

    private var stops: [String] { steps.map(\.id).filter { $0.hasPrefix("stop/") } }
}
