package import LabModel

/// Everything that a lab's bridge is told before it starts: the networks, and the ports by which machines are on them.
package struct BridgeSettings: Hashable, Sendable {
    package var lab: String
    package var seed: UInt64
    package var networks: [NetworkSettings]
    /// All ports of the lab, in the order of the command line: a `PortIndex` counts here.
    package var ports: [PortSettings]

    package init(lab: String, seed: UInt64, networks: [NetworkSettings] = [], ports: [PortSettings] = []) {
        self.lab = lab
        self.seed = seed
        self.networks = networks
        self.ports = ports
    }

    /// The ports of one network, ascending.
    package func ports(of network: NetworkIndex) -> [PortIndex] {
        ports.indices.filter { ports[$0].network == network }.map { PortIndex($0) }
    }

    package subscript(port: PortIndex) -> PortSettings { ports[port.number] }
    package subscript(network: NetworkIndex) -> NetworkSettings { networks[network.number] }
}

/// Which network, counted in `BridgeSettings.networks`.
package struct NetworkIndex: Hashable, Sendable {
    package let number: Int
    package init(_ number: Int) { self.number = number }
}

/// Which port, counted in `BridgeSettings.ports`: through the whole lab, so that a port's network need not be told with it.
package struct PortIndex: Hashable, Sendable {
    package let number: Int
    package init(_ number: Int) { self.number = number }
}

/// One network: its addresses, and what its own host (the gateway) says of it.
package struct NetworkSettings: Hashable, Sendable {
    package var name: String
    package var subnet: IPv4Subnet
    /// The bridge's own Ethernet address on it.
    package var mac: MACAddress
    /// Bytes of the largest IP packet.
    package var mtu: Int
    /// What is appended to a machine's name: `shop.lab`.
    package var domain: String
    /// The upper 64 bits of its IPv6 addresses.
    package var prefix6: UInt64
    /// A machine that is the way out; nil: the bridge itself, but only for ports with an uplink.
    package var router: IPv4Address?
    /// Ranges behind the uplink that are reachable although they are private.
    package var allow: [IPv4Subnet] = []
    /// What each frame suffers once, where it leaves the switch.
    package var link = LinkShape()
    /// What machines are told to start that boot from it, each user class at most once.
    package var boots: [BootSettings] = []

    package init(name: String, subnet: IPv4Subnet, mac: MACAddress, mtu: Int, domain: String, prefix6: UInt64, router: IPv4Address? = nil) {
        self.name = name
        self.subnet = subnet
        self.mac = mac
        self.mtu = mtu
        self.domain = domain
        self.prefix6 = prefix6
        self.router = router
    }

    /// The bridge's own address: the first host's.
    package var gateway: IPv4Address { subnet.gateway }
}

/// One port: whose, where, and how it is known.
package struct PortSettings: Hashable, Sendable {
    package var name: PortName
    package var network: NetworkIndex
    package var mac: MACAddress
    package var address: IPv4Address
    /// The 802.1Q VLAN whose untagged member it is; nil: it carries whatever the guest sends.
    package var vlan: UInt16?
    /// What each frame suffers on its wire, in each direction.
    package var link = LinkShape()
    /// What it is told to start; empty: what its network says.
    package var boots: [BootSettings] = []
    /// There is a stream to the outside for it, though its other end may be down at the moment.
    package var hasUplink = false

    package init(name: PortName, network: NetworkIndex, mac: MACAddress, address: IPv4Address, vlan: UInt16? = nil) {
        self.name = name
        self.network = network
        self.mac = mac
        self.address = address
        self.vlan = vlan
    }
}
