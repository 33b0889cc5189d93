package import LabModel

/// One network of a lab as it is right now: what `link show`, `ps --json` and `graph` have.
package struct NetworkStatus: Hashable, Sendable, Codable {
    package var name: String
    package var subnet: String
    package var gateway: String
    package var mtu: Int
    package var uplink: Uplink
    package var state: State
    /// What the state cannot say in a word.
    package var detail: String?
    /// Of the one process that serves all networks of the lab.
    package var pid: Int32?
    /// How often that was started again.
    package var restarts: Int
    /// False when the network as a whole is out: `link set NETWORK down`.
    package var isUp: Bool
    /// What every frame suffers once, as it is now.
    package var shape: LinkShape
    /// Machines that see each other only within their group; empty when everybody sees everybody.
    package var partition: [[String]]
    package var ports: [PortStatus]
    /// The files of the capture ring, the older one not always first.
    package var captures: [String]

    package enum Uplink: String, Hashable, Sendable, Codable { case none, nat }

    package enum State: String, Hashable, Sendable, Codable {
        /// Not started yet.
        case waiting
        case starting
        case up
        case stopping
        case ended
        /// Its process died; another one takes its place after a pause.
        case restarting
    }

    package init(
        name: String, subnet: String, gateway: String, mtu: Int, uplink: Uplink, state: State, detail: String? = nil, pid: Int32? = nil,
        restarts: Int = 0, isUp: Bool = true, shape: LinkShape = LinkShape(), partition: [[String]] = [], ports: [PortStatus] = [],
        captures: [String] = []
    ) {
        self.name = name
        self.subnet = subnet
        self.gateway = gateway
        self.mtu = mtu
        self.uplink = uplink
        self.state = state
        self.detail = detail
        self.pid = pid
        self.restarts = restarts
        self.isUp = isUp
        self.shape = shape
        self.partition = partition
        self.ports = ports
        self.captures = captures
    }
}

/// One machine's place on a network.
package struct PortStatus: Hashable, Sendable, Codable {
    package var machine: String
    package var address: String
    package var address6: String
    package var mac: String
    package var vlan: Int?
    /// False when the cable is out: `link set MACHINE/NETWORK down`, or the whole network's.
    package var isUp: Bool
    /// The machine runs and the bridge serves its port.
    package var isPlugged: Bool
    /// What every frame suffers on this wire in each direction, on top of the network's own.
    package var shape: LinkShape
    /// `up`, `restarting`, `missing`, `waiting`; absent where there is none.
    package var uplink: String?

    package init(
        machine: String, address: String, address6: String, mac: String, vlan: Int?, isUp: Bool, isPlugged: Bool, shape: LinkShape,
        uplink: String?
    ) {
        self.machine = machine
        self.address = address
        self.address6 = address6
        self.mac = mac
        self.vlan = vlan
        self.isUp = isUp
        self.isPlugged = isPlugged
        self.shape = shape
        self.uplink = uplink
    }
}
