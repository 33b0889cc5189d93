internal import LabModel

/// What `vmlab-network` says on its control stream: one JSON object a line.
struct NetworkEvent: Hashable, Sendable, Decodable {
    var event: String
    var port: String?
    var network: String?
    var mac: String?
    /// The two ports between which an address wanders.
    var from: String?
    var to: String?
    var address: String?
    var id: String?
    var answer: String?
    var word: String?
    var detail: String?

    /// `MACHINE/NETWORK`, where it is about a port.
    var portName: PortName? { port.flatMap { PortName($0) } }
}
