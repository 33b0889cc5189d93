/// One network of a lab: a switch of our own, with addresses and names served on it.
package struct Network: Hashable, Sendable, Codable {
    /// Letters, digits and `-`, as a machine's name; at most 40.
    package var name: String
    package var subnet: IPv4Subnet
    /// Bytes of the largest IP packet.
    package var mtu: Int
    package var uplink: Uplink
    /// Where machines are told to send what is not for this network.
    package var route: Route
    /// What every frame suffers once on its way from one port to another.
    package var link: LinkShape
    package var capture: Capture
    /// What machines are told to start that boot from it; nil: nothing.
    package var boot: NetworkBoot?

    package init(
        name: String, subnet: IPv4Subnet, mtu: Int, uplink: Uplink, route: Route, link: LinkShape, capture: Capture,
        boot: NetworkBoot? = nil
    ) {
        self.name = name
        self.subnet = subnet
        self.mtu = mtu
        self.uplink = uplink
        self.route = route
        self.link = link
        self.capture = capture
        self.boot = boot
    }

    package enum Uplink: Hashable, Sendable, Codable {
        /// Nothing leaves the lab.
        case none
        /// Out through the host, as one unprivileged process; private ranges of the host's side only where they are allowed.
        case nat(allow: [IPv4Subnet])
    }

    package enum Route: Hashable, Sendable, Codable {
        case none
        /// The bridge's own address: with an uplink.
        case bridge
        /// A machine of the lab that is on this network.
        case machine(String)
    }

    /// A bounded ring of the frames that were seen.
    package struct Capture: Hashable, Sendable, Codable {
        /// Bytes that the ring may take on the host; 0 for no capture.
        package var ring: ByteCount
        /// Bytes kept of each frame.
        package var snapLength: Int

        package init(ring: ByteCount, snapLength: Int) {
            self.ring = ring
            self.snapLength = snapLength
        }

        package static let standard = Capture(ring: ByteCount(bytes: 8 << 20), snapLength: 2048)
    }
}

/// A machine's place on one network.
package struct Interface: Hashable, Sendable, Codable {
    package var network: String
    /// Written in the lab file, or derived from names and seed: always there once the lab is resolved.
    package var address: IPv4Address
    package var mac: MACAddress
    /// What every frame suffers on this wire, in each direction, on top of the network's own.
    package var link: LinkShape
    /// The 802.1Q VLAN whose untagged member the port is; nil: the port carries whatever the guest sends.
    package var vlan: Int?
    /// What it is told to start instead of what the network says.
    package var boot: NetworkBoot?

    package init(network: String, address: IPv4Address, mac: MACAddress, link: LinkShape, vlan: Int?, boot: NetworkBoot? = nil) {
        self.network = network
        self.address = address
        self.mac = mac
        self.link = link
        self.vlan = vlan
        self.boot = boot
    }
}

/// A way in from the host: `127.0.0.1:8080:80`.
package struct PublishedPort: Hashable, Sendable, Codable {
    package enum Transport: String, Hashable, Sendable, Codable, CaseIterable { case tcp, udp }
    package var hostAddress: IPv4Address
    package var hostPort: UInt16
    package var machinePort: UInt16
    package var transport: Transport

    package init(hostAddress: IPv4Address, hostPort: UInt16, machinePort: UInt16, transport: Transport) {
        self.hostAddress = hostAddress
        self.hostPort = hostPort
        self.machinePort = machinePort
        self.transport = transport
    }
}
