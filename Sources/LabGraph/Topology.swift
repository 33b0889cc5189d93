package import LabModel

/// What is drawn: a lab's machines and networks, and, while it is up, how they are.
///
/// Made from the lab alone; whoever has the live state lays it over: every `state` is absent until then.
package struct Topology: Hashable, Sendable {
    /// The lab's id.
    package var lab: String
    /// `up`, `starting`, ...; nil for what the file says.
    package var state: String?
    /// In the order of the file.
    package var networks: [Network]
    /// In the order of the file.
    package var machines: [Machine]

    package struct Network: Hashable, Sendable {
        package var name: String
        package var subnet: String
        /// The bridge's own address.
        package var gateway: String
        /// The machine that is the way out, where it is not the bridge.
        package var router: String?
        package var mtu: Int
        package var hasUplink: Bool
        package var shape: LinkShape
        package var state: String?
        package var isUp = true
        /// Machines that see each other only within their group; empty when everybody sees everybody.
        package var partition: [[String]] = []
    }

    package struct Machine: Hashable, Sendable {
        package var name: String
        package var image: String
        package var cpus: Int
        package var memory: String
        package var state: String?
        /// `127.0.0.1:8080 to 80/tcp`.
        package var publish: [String]
        package var after: [String]
        package var ports: [Port]
    }

    package struct Port: Hashable, Sendable {
        /// Which of `networks`.
        package var network: Int
        package var address: String
        package var address6: String
        package var mac: String
        package var vlan: Int?
        package var shape: LinkShape
        package var isUp = true
    }

    package init(_ lab: Lab, id: String) {
        self.lab = id
        networks = lab.networks.map { network in
            var router: String?
            if case .machine(let name) = network.route { router = name }
            return Network(
                name: network.name, subnet: network.subnet.description, gateway: network.subnet.gateway.description, router: router,
                mtu: network.mtu, hasUplink: network.uplink != .none, shape: network.link)
        }
        machines = lab.machines.map { machine in
            Machine(
                name: machine.name, image: machine.image, cpus: machine.cpus, memory: machine.memory.description,
                publish: machine.publish.map { "\($0.hostAddress):\($0.hostPort) to \($0.machinePort)/\($0.transport.rawValue)" },
                after: machine.after,
                ports: machine.interfaces.compactMap { interface in
                    guard let index = lab.networks.firstIndex(where: { $0.name == interface.network }) else { return nil }
                    let prefix = Derived.ipv6Prefix(lab: id, seed: lab.seed, network: interface.network)
                    return Port(
                        network: index, address: interface.address.description,
                        address6: IPv6Address(prefix: prefix, interface.mac).description, mac: interface.mac.description,
                        vlan: interface.vlan, shape: interface.link)
                })
        }
    }
}

extension Topology.Network {
    /// What is worth a line, after name and subnet.
    var facts: [String] {
        var facts = [router.map { "gateway \($0)" } ?? "gateway \(gateway)"]
        if mtu != 1500 { facts.append("mtu \(mtu)") }
        facts += shape.lines
        if !isUp { facts.append("down") }
        if !partition.isEmpty { facts.append("split: " + partition.map { $0.joined(separator: ", ") }.joined(separator: " | ")) }
        if let state, state != "up" { facts.append(state) }
        return facts
    }
}

extension Topology.Port {
    /// What is worth a line, after the address: three at most.
    var facts: [String] {
        let place = [isUp ? nil : "down", vlan.map { "vlan \($0)" }].compactMap(\.self)
        return (place.isEmpty ? [] : [place.joined(separator: ", ")]) + shape.lines
    }
}

extension Topology.Machine {
    var size: String { "\(cpus) \(cpus == 1 ? "cpu" : "cpus"), \(memory)" }
}
