package import LabModel

extension Layer {
    /// What makes an image's disk this machine's: its name, its identity, its networks, and the files that the lab gives it.
    ///
    /// A function of the lab alone. Which of these an image has a use for is asked when the layer is laid down: one that knows nothing of
    /// systemd, ifupdown or cloud-init gets nothing for them.
    package init(of machine: Machine, in lab: Lab, image: ImageFacts) {
        self.init()
        guard image.takesFiles else { return }
        let identity = MachineIdentity(machine, in: lab)
        let network = NetworkConfiguration(machine, in: lab)
        entries = identity.entries + network.entries + identity.cloudInit(network) + machine.files.map { Entry($0) }
    }
}

/// Who a machine is, as files.
private struct MachineIdentity {
    let name: String
    let domain: String
    let machineID: String

    init(_ machine: Machine, in lab: Lab) {
        name = machine.name
        domain = lab.domain
        machineID = Derived.machineID(lab: lab.name, seed: lab.seed, machine: machine.name)
    }

    var entries: [Layer.Entry] {
        let hosts = """
            127.0.0.1 localhost
            127.0.1.1 \(name).\(domain) \(name)
            ::1 localhost ip6-localhost ip6-loopback
            ff02::1 ip6-allnodes
            ff02::2 ip6-allrouters

            """
        return [
            .text("/etc/hostname", name + "\n", where: [.folder("/etc")]),
            .text("/etc/hosts", hosts, where: [.folder("/etc")]),
            .text("/etc/machine-id", machineID + "\n", mode: 0o444, where: [.folder("/etc")]),
            Layer.Entry(
                ImageRecipe.File(to: "/var/lib/dbus/machine-id", content: .symlink(target: "/etc/machine-id"), mode: 0o777),
                where: [.folder("/var/lib/dbus")]),
        ]
    }

    /// The NoCloud seed, read by cloud-init at its first start on this disk: a folder is as good to it as a disk.
    func cloudInit(_ network: NetworkConfiguration) -> [Layer.Entry] {
        let seed = "/var/lib/cloud/seed/nocloud"
        return [
            .text("\(seed)/meta-data", "instance-id: \(machineID)\nlocal-hostname: \(name)\n", where: [.folder("/etc/cloud")]),
            .text("\(seed)/user-data", "#cloud-config\nhostname: \(name)\nfqdn: \(name).\(domain)\n", where: [.folder("/etc/cloud")]),
            .text("\(seed)/network-config", network.cloudInit, where: [.folder("/etc/cloud")]),
        ]
    }
}

/// A machine's networks, in the words of whoever sets them up in the guest.
///
/// Addresses, routes and names all come by DHCP and router advertisement: here stands only which card is which, found by its address.
/// A card bears its network's name where a card can.
private struct NetworkConfiguration {
    private let domain: String
    private let ports: [Port]

    struct Port {
        let interface: Interface
        let network: Network
        /// Lower is better: where two networks lead out, the one named first is taken.
        let metric: Int
        /// Whether this machine is the one that the others send their traffic to.
        let isGateway: Bool
    }

    init(_ machine: Machine, in lab: Lab) {
        domain = lab.domain
        ports = machine.interfaces.enumerated().compactMap { index, interface in
            lab.networks.first { $0.name == interface.network }.map { network in
                Port(
                    interface: interface, network: network, metric: 100 + index,
                    isGateway: network.route == .machine(machine.name))
            }
        }
    }

    var entries: [Layer.Entry] {
        guard !ports.isEmpty else { return [] }
        var entries: [Layer.Entry] = [.text("/etc/resolv.conf", resolver, where: [.folder("/etc"), .noLink("/etc/resolv.conf")])]
        for port in ports {
            let path = "/etc/systemd/network/70-vmlab-\(port.network.name)"
            if let link = port.systemdLink { entries.append(.text(path + ".link", link, where: [.folder("/etc/systemd")])) }
            entries.append(.text(path + ".network", port.systemdNetwork, where: [.folder("/etc/systemd")]))
        }
        // One of them must do it, and the other two would have been chosen by the image.
        let isWithoutCloudInit = Layer.Condition.any([.nothing("/etc/cloud/cloud.cfg"), .something("/etc/cloud/cloud-init.disabled")])
        entries.append(
            .text(
                "/etc/network/interfaces.d/vmlab", ports.map(\.ifupdown).joined(separator: "\n"),
                where: [.folder("/etc/network/interfaces.d"), .nothing(Self.enabledNetworkd), isWithoutCloudInit]))
        return entries
    }

    private static let enabledNetworkd = "/etc/systemd/system/multi-user.target.wants/systemd-networkd.service"

    /// Most programs ask the first three servers only, and the next one when a server refuses: those that know the outside come first.
    private var resolver: String {
        let ordered = ports.filter(\.leadsOut) + ports.filter { !$0.leadsOut }
        return "search \(domain)\n" + ordered.map { "nameserver \($0.network.subnet.gateway)\n" }.joined()
    }

    var cloudInit: String {
        var text = "version: 2\n"
        if ports.isEmpty { return text + "ethernets: {}\n" }
        text += "ethernets:\n"
        for port in ports {
            text += """
                  \(port.interface.cardName ?? port.network.name):
                    match: {macaddress: "\(port.interface.mac)"}
                \(port.interface.cardName.map { "    set-name: \($0)\n" } ?? "")\
                    dhcp4: true
                    dhcp4-overrides: {route-metric: \(port.metric)\(port.isGateway ? ", use-routes: false" : "")}
                    nameservers: {addresses: [\(port.network.subnet.gateway)], search: [\(domain)]}

                """
        }
        return text
    }
}

extension NetworkConfiguration.Port {
    fileprivate var leadsOut: Bool { network.uplink != .none }

    /// The driver keeps out what takes over a card's address: a VLAN, a bridge.
    private var match: String {
        """
        [Match]
        MACAddress=\(interface.mac)
        Driver=virtio_net

        """
    }

    fileprivate var systemdLink: String? {
        interface.cardName.map { match + "\n[Link]\nName=\($0)\n" }
    }

    fileprivate var systemdNetwork: String {
        match + """

            [Link]
            RequiredFamilyForOnline=ipv4

            [Network]
            DHCP=ipv4
            IPv6AcceptRA=yes

            [DHCPv4]
            ClientIdentifier=mac
            UseDomains=yes
            RouteMetric=\(metric)
            \(isGateway ? "UseGateway=no\n" : "")
            [IPv6AcceptRA]
            UseDomains=yes

            """
    }

    /// By the name that udev gives the card, which the start of the network waits for; and by its address, where nobody renames it.
    fileprivate var ifupdown: String {
        let name = interface.cardName ?? "vmlab-\(network.name)"
        return (interface.cardName == nil ? "" : "auto \(name)\n") + """
            auto mac/\(interface.mac)=\(name)
            iface \(name) inet dhcp
                metric \(metric)

            """
    }
}

extension Lab {
    /// `web` is `web.shop.lab` in lab `shop`.
    package var domain: String { "\(name).lab" }
}

extension Interface {
    /// What the card is called in the guest: as its network, where that is no name that the kernel gives away itself; nil where it keeps the
    /// name it has (`enp0s3`).
    package var cardName: String? {
        // IFNAMSIZ, less the zero byte.
        guard network.utf8.count <= 15, network != "lo", network != "all", network != "default" else { return nil }
        let isOfKernel = network.hasPrefix("eth") && network.utf8.count > 3 && network.dropFirst(3).allSatisfy { $0.isNumber }
        return isOfKernel ? nil : network
    }
}

extension Layer.Entry {
    fileprivate static func text(_ path: String, _ text: String, mode: UInt16 = 0o644, where conditions: [Layer.Condition]) -> Layer.Entry {
        Layer.Entry(ImageRecipe.File(to: path, content: .text(text), mode: mode), where: conditions)
    }
}
