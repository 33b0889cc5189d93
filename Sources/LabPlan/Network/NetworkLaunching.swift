package import LabModel

extension NetworkLaunch {
    /// The program that speaks to the outside for one port, as `Kind.uplink` starts it.
    package static let uplinkProgram = "passt"
    /// The number under which the uplink's own process has its end of the stream; its arguments name it.
    package static let uplinkDescriptor: Int32 = 3

    private static let control: Int32 = 3
    /// Ports, uplinks and captures from here up, in this order.
    private static let first: Int32 = 10

    /// The launch of a lab's networks; nil for a lab without any.
    ///
    /// Everything follows from the lab alone, and nothing from the order of its file. Link shapes come in options of their own, so that
    /// launches which differ in nothing else can be told apart (`NetworkChange`).
    package init?(of lab: Lab, folders: LabFolders) {
        guard !lab.networks.isEmpty else { return nil }
        var arguments = ["--lab", lab.name, "--seed", String(lab.seed), "--control", String(NetworkLaunch.control)]
        var descriptors = [Descriptor(number: NetworkLaunch.control, kind: .control)]
        func hand(_ kind: Kind) -> String {
            let number = NetworkLaunch.first + Int32(clamping: descriptors.count - 1)
            descriptors.append(Descriptor(number: number, kind: kind))
            return String(number)
        }
        let networks = lab.networks.sorted { $0.name < $1.name }
        for network in networks { arguments += ["--network", NetworkLaunch.description(of: network, in: lab)] }
        for network in networks where !network.link.isNothing {
            arguments += ["--link", "\(network.name),\(network.link.settings.joined(separator: ","))"]
        }
        for network in networks { arguments += NetworkLaunch.boots(network.boot, of: network.name, on: network.name, in: lab) }
        let machines = lab.machines.sorted { $0.name < $1.name }
        let places = machines.flatMap { machine in machine.interfaces.sorted { $0.network < $1.network }.map { (machine, $0) } }
        for (machine, interface) in places where !interface.link.isNothing {
            arguments += ["--link", "\(machine.name)/\(interface.network),\(interface.link.settings.joined(separator: ","))"]
        }
        for (machine, interface) in places {
            let name = "\(machine.name)/\(interface.network)"
            arguments += NetworkLaunch.boots(interface.boot, of: name, on: interface.network, in: lab)
        }
        for (machine, interface) in places {
            let name = PortName(machine: machine.name, network: interface.network)
            var port = "id=\(name),fd=\(hand(.port(name))),mac=\(interface.mac),address=\(interface.address)"
            if let vlan = interface.vlan { port += ",vlan=\(vlan)" }
            arguments += ["--port", port]
        }
        for (machine, interface) in places {
            guard let network = networks.first(where: { $0.name == interface.network }), case .nat = network.uplink else { continue }
            let name = PortName(machine: machine.name, network: network.name)
            let published = lab.published(by: machine) == network.name ? machine.publish : []
            let uplink = Uplink(network: network, lab: lab, address: interface.address, publish: published)
            arguments += ["--uplink", "port=\(name),fd=" + hand(.uplink(name, arguments: uplink.arguments))]
        }
        for network in networks where network.capture.ring.bytes > 0 {
            let files = (0...1).map { hand(.capture(path: folders.capture(network.name, part: $0))) }
            arguments += [
                "--capture",
                "network=\(network.name),fd=\(files[0]),fd=\(files[1]),bytes=\(network.capture.ring.bytes),snap=\(network.capture.snapLength)",
            ]
        }
        self.init(arguments: arguments, descriptors: descriptors)
    }

    private static func description(of network: Network, in lab: Lab) -> String {
        let mac = Derived.gatewayMAC(lab: lab.name, seed: lab.seed, network: network.name)
        let prefix = IPv6Address(high: Derived.ipv6Prefix(lab: lab.name, seed: lab.seed, network: network.name), low: 0)
        var text = "id=\(network.name),subnet=\(network.subnet),mac=\(mac),mtu=\(network.mtu),domain=\(lab.domain),prefix6=\(prefix)/64"
        if case .machine(let name) = network.route,
            let router = lab.address(of: name, on: network.name)
        {
            text += ",router=\(router)"
        }
        if case .nat(let allow) = network.uplink, !allow.isEmpty { text += ",allow=" + allow.map(\.description).joined(separator: "+") }
        return text
    }

    /// A file's name comes last: there may be commas in it.
    private static func boots(_ boot: NetworkBoot?, of subject: String, on network: String, in lab: Lab) -> [String] {
        guard let boot else { return [] }
        let server: IPv4Address? =
            switch boot.server {
            case .machine(let name): lab.address(of: name, on: network)
            case .address(let address): address
            case nil: nil
            }
        let start = subject + (server.map { ",server=\($0)" } ?? "")
        var arguments: [String] = []
        if let file = boot.file { arguments += ["--boot", "\(start),file=\(file)"] }
        if let file = boot.ipxe { arguments += ["--boot", "\(start),class=\(NetworkBoot.ipxeClass),file=\(file)"] }
        return arguments
    }
}

extension LinkShape {
    /// `delay=40000`, `loss=5000`: all that is not zero, as `--link` and the word `link` take it.
    var settings: [String] { allSettings.filter { !$0.hasSuffix("=0") } }

    /// Every setting, so that nothing of an earlier shape is left.
    var allSettings: [String] {
        [
            "delay=\(delayMicroseconds)", "jitter=\(jitterMicroseconds)", "rate=\(bitsPerSecond)", "loss=\(lossPPM)",
            "reorder=\(reorderPPM)",
            "duplicate=\(duplicatePPM)", "corrupt=\(corruptPPM)",
        ]
    }
}

extension Lab {
    fileprivate func address(of machine: String, on network: String) -> IPv4Address? {
        machines.first { $0.name == machine }?.interfaces.first { $0.network == network }?.address
    }

    /// The network by which a machine's published ports are reached: the first of its own with an uplink.
    package func published(by machine: Machine) -> String? {
        machine.interfaces.first { interface in
            guard let network = networks.first(where: { $0.name == interface.network }), case .nat = network.uplink else { return false }
            return true
        }?.network
    }
}
