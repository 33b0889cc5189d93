import LabModel

/// How passt(1) speaks to the outside for one port: a process of its own, unprivileged, whose only peer is the bridge.
///
/// It stands in for the gateway: same addresses, and answers about names from outside the lab. Addresses, routes and everything
/// else that the lab's own services say it keeps to itself. `--no-map-gw`: what is sent to the gateway is never the host's own; but a
/// datagram that comes in from the host's loopback can only be answered without it, and then the bridge lets nothing but such answers by.
struct Uplink {
    let network: Network
    let lab: Lab
    let address: IPv4Address
    let publish: [PublishedPort]

    var arguments: [String] {
        let gateway = network.subnet.gateway.description
        let mac = Derived.gatewayMAC(lab: lab.name, seed: lab.seed, network: network.name)
        var arguments = ["--foreground", "--quiet", "--stderr", "--ipv4-only", "--fd", String(NetworkLaunch.uplinkDescriptor)]
        arguments += ["--mtu", String(network.mtu), "--address", address.description, "--netmask", String(network.subnet.prefixLength)]
        arguments += ["--gateway", gateway, "--mac-addr", mac.description, "--dns-forward", gateway]
        if !publish.contains(where: { $0.transport == .udp }) { arguments.append("--no-map-gw") }
        arguments += ["--no-dhcp", "--no-dhcpv6", "--no-ndp", "--no-ra"]
        return arguments + ports("--tcp-ports", .tcp) + ports("--udp-ports", .udp)
    }

    /// `none` is said as well: passt would else publish over UDP what is published over TCP.
    private func ports(_ option: String, _ transport: PublishedPort.Transport) -> [String] {
        let ports = publish.filter { $0.transport == transport }
        if ports.isEmpty { return [option, "none"] }
        return ports.flatMap { [option, "\($0.hostAddress)/\($0.hostPort):\($0.machinePort)"] }
    }
}
