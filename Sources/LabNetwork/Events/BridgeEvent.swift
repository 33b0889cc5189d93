package import LabModel

/// What the bridge tells its keeper: one JSON object a line.
package enum BridgeEvent: Hashable, Sendable {
    case started
    /// It works as always, but without a sandbox around it.
    case unconfined(detail: String)
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

    /// Without the end of the line.
    package var json: String { object.line }

    private var object: JSON {
        switch self {
        case .started: Self.object("started")
        case .unconfined(let detail): Self.object("unconfined", .init("detail", .text(detail)))
        case .portDown(let port): Self.object("port-down", .init("port", .text(port.description)))
        case .uplinkDown(let port): Self.object("uplink-down", .init("port", .text(port.description)))
        case .portBroken(let port, let detail):
            Self.object("port-broken", .init("port", .text(port.description)), .init("detail", .text(detail)))
        case .uplinkBroken(let port, let detail):
            Self.object("uplink-broken", .init("port", .text(port.description)), .init("detail", .text(detail)))
        case .lease(let port, let mac, let address):
            Self.object(
                "lease", .init("port", .text(port.description)), .init("mac", .text(mac.description)),
                .init("address", .text(address.description))
            )
        case .poolExhausted(let network): Self.object("pool-exhausted", .init("network", .text(network)))
        case .macFlap(let network, let mac, let from, let to):
            Self.object(
                "mac-flap", .init("network", .text(network)), .init("mac", .text(mac.description)), .init("from", .text(from.description)),
                .init("to", .text(to.description))
            )
        case .storm(let port): Self.object("storm", .init("port", .text(port.description)))
        case .probe(let identity, let answer):
            Self.object("probe", .init("id", .text(identity)), .init("answer", .text(answer.rawValue)))
        case .done(let word): Self.object("done", .init("word", .text(word)))
        case .refused(let word, let detail): Self.object("refused", .init("word", .text(word)), .init("detail", .text(detail)))
        }
    }

    /// What every line is: an object that names its event first.
    static func object(_ event: String, _ members: JSON.Member...) -> JSON { .object([.init("event", .text(event))] + members) }
}
