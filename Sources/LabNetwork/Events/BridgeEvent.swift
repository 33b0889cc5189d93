package import LabModel

/// What the bridge tells its keeper: one JSON object a line.
package enum BridgeEvent: Hashable, Sendable {
    case started
    /// The bridge does not touch that stream again until it is told to take it up.
    case portDown(PortName)
    case uplinkDown(PortName)
    /// What came over the stream is no stream of records; the port is down.
    case portBroken(PortName, detail: String)
    case uplinkBroken(PortName, detail: String)
    case lease(PortName, mac: MACAddress, address: IPv4Address)
    case poolExhausted(network: String)
    /// An address is seen at two ports in turn.
    case macFlap(network: String, mac: MACAddress, from: PortName, to: PortName)
    /// More frames for everybody than a port may send.
    case storm(PortName)
    case probe(identity: String, answer: ProbeAnswer)
    case done(word: String)
    case refused(word: String, detail: String)

    package enum ProbeAnswer: String, Hashable, Sendable {
        case ready
        /// The machine is there but says no (a reset connection); asked again.
        case refused
    }

    package var json: String {
        switch self {
        case .started: JSONLine("started").text
        case .portDown(let port): JSONLine("port-down", ("port", .text(port.description))).text
        case .uplinkDown(let port): JSONLine("uplink-down", ("port", .text(port.description))).text
        case .portBroken(let port, let detail):
            JSONLine("port-broken", ("port", .text(port.description)), ("detail", .text(detail))).text
        case .uplinkBroken(let port, let detail):
            JSONLine("uplink-broken", ("port", .text(port.description)), ("detail", .text(detail))).text
        case .lease(let port, let mac, let address):
            JSONLine(
                "lease", ("port", .text(port.description)), ("mac", .text(mac.description)), ("address", .text(address.description))
            ).text
        case .poolExhausted(let network): JSONLine("pool-exhausted", ("network", .text(network))).text
        case .macFlap(let network, let mac, let from, let to):
            JSONLine(
                "mac-flap", ("network", .text(network)), ("mac", .text(mac.description)), ("from", .text(from.description)),
                ("to", .text(to.description))
            ).text
        case .storm(let port): JSONLine("storm", ("port", .text(port.description))).text
        case .probe(let identity, let answer): JSONLine("probe", ("id", .text(identity)), ("answer", .text(answer.rawValue))).text
        case .done(let word): JSONLine("done", ("word", .text(word))).text
        case .refused(let word, let detail): JSONLine("refused", ("word", .text(word)), ("detail", .text(detail))).text
        }
    }
}
