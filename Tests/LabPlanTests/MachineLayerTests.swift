import LabModel
import LabPlan
import Testing

/// The files that make an image's disk a machine's own.
@Suite struct MachineLayerTests {
    private func network(_ name: String, _ subnet: String, uplink: Network.Uplink = .none, route: Network.Route = .none) throws -> Network {
        Network(
            name: name, subnet: try #require(IPv4Subnet(subnet)), mtu: 1500, uplink: uplink, route: route, link: LinkShape(),
            capture: .standard)
    }

    private func lab(files: [ImageRecipe.File] = [], names: [String] = ["lan", "wan"]) throws -> Lab {
        let interfaces = names.enumerated().map { index, name in
            Interface(
                network: name, address: IPv4Address(0x0A14_0002), mac: MACAddress(0x0200_5E10_0001 + UInt64(index)), link: LinkShape(),
                vlan: nil)
        }
        let router = Machine(
            name: "router", image: "debian-12", cpus: 1, memory: ByteCount(bytes: 1 << 28), disks: [], interfaces: interfaces, files: files,
            commandLine: "", after: [], ready: .started, restart: .never)
        let networks = try names.enumerated().map { index, name in
            try network(
                name, "10.20.\(index).0/24", uplink: index == 1 ? .nat(allow: []) : .none,
                route: index == 0 ? .machine("router") : .bridge)
        }
        return Lab(name: "shop", seed: 7, networks: networks, machines: [router], images: [])
    }

    private func layer(_ lab: Lab) -> [String: Layer.Entry] {
        let entries = Layer(of: lab.machines[0], in: lab, image: Shop.debian).entries
        return Dictionary(entries.map { ($0.file.to, $0) }, uniquingKeysWith: { $1 })
    }

    private func text(_ entry: Layer.Entry?) -> String? {
        if case .text(let text) = entry?.file.content { text } else { nil }
    }

    @Test func `say who it is`() throws {
        let layer = layer(try lab())
        #expect(text(layer["/etc/hostname"]) == "router\n")
        #expect(text(layer["/etc/hosts"])?.contains("127.0.1.1 router.shop.lab router\n") == true)
        #expect(text(layer["/etc/machine-id"]) == Derived.machineID(lab: "shop", seed: 7, machine: "router") + "\n")
        #expect(layer["/var/lib/dbus/machine-id"]?.file.content == .symlink(target: "/etc/machine-id"))
        #expect(layer["/var/lib/dbus/machine-id"]?.conditions == [.folder("/var/lib/dbus")])
    }

    @Test func `set up each card by its address, and leave routes to the network`() throws {
        let layer = layer(try lab())
        #expect(
            text(layer["/etc/systemd/network/70-vmlab-lan.link"]) == """
                [Match]
                MACAddress=02:00:5e:10:00:01
                Driver=virtio_net

                [Link]
                Name=lan

                """)
        // It is the way out for the others, and has none itself there.
        #expect(
            text(layer["/etc/systemd/network/70-vmlab-lan.network"]) == """
                [Match]
                MACAddress=02:00:5e:10:00:01
                Driver=virtio_net

                [Link]
                RequiredFamilyForOnline=ipv4

                [Network]
                DHCP=ipv4
                IPv6AcceptRA=yes

                [DHCPv4]
                ClientIdentifier=mac
                UseDomains=yes
                RouteMetric=100
                UseGateway=no

                [IPv6AcceptRA]
                UseDomains=yes

                """)
        #expect(text(layer["/etc/systemd/network/70-vmlab-wan.network"])?.contains("RouteMetric=101\n\n[IPv6") == true)
        #expect(
            text(layer["/etc/network/interfaces.d/vmlab"]) == """
                auto lan
                auto mac/02:00:5e:10:00:01=lan
                iface lan inet dhcp
                    metric 100

                auto wan
                auto mac/02:00:5e:10:00:02=wan
                iface wan inet dhcp
                    metric 101

                """)
        // The one that knows the outside is asked first.
        #expect(text(layer["/etc/resolv.conf"]) == "search shop.lab\nnameserver 10.20.1.1\nnameserver 10.20.0.1\n")
        #expect(layer["/etc/resolv.conf"]?.conditions == [.folder("/etc"), .noLink("/etc/resolv.conf")])
    }

    @Test func `tell cloud-init the same`() throws {
        let layer = layer(try lab())
        #expect(
            text(layer["/var/lib/cloud/seed/nocloud/network-config"]) == """
                version: 2
                ethernets:
                  lan:
                    match: {macaddress: "02:00:5e:10:00:01"}
                    set-name: lan
                    dhcp4: true
                    dhcp4-overrides: {route-metric: 100, use-routes: false}
                    nameservers: {addresses: [10.20.0.1], search: [shop.lab]}
                  wan:
                    match: {macaddress: "02:00:5e:10:00:02"}
                    set-name: wan
                    dhcp4: true
                    dhcp4-overrides: {route-metric: 101}
                    nameservers: {addresses: [10.20.1.1], search: [shop.lab]}

                """)
        #expect(text(layer["/var/lib/cloud/seed/nocloud/user-data"]) == "#cloud-config\nhostname: router\nfqdn: router.shop.lab\n")
        #expect(text(layer["/var/lib/cloud/seed/nocloud/meta-data"])?.hasSuffix("local-hostname: router\n") == true)
    }

    @Test func `name a card as its network only where the kernel does not give that name away`() throws {
        let names = ["eth0", "eth12", "lo", "all", "a-network-of-sixteen"]
        let layer = layer(try lab(names: names))
        #expect(!layer.keys.contains { $0.hasSuffix(".link") })
        #expect(layer.keys.count { $0.hasSuffix(".network") } == names.count)
        #expect(text(layer["/var/lib/cloud/seed/nocloud/network-config"])?.contains("set-name") == false)
        let other = self.layer(try lab(names: ["eth", "ether-2", "fifteen-letters"]))
        #expect(other.keys.count { $0.hasSuffix(".link") } == 3)
    }

    @Test func `put the lab's own files last, and nothing on an image without a disk`() throws {
        let own = ImageRecipe.File(to: "/etc/hosts", content: .text("mine"), mode: 0o600)
        let lab = try lab(files: [own])
        let entries = Layer(of: lab.machines[0], in: lab, image: Shop.debian).entries
        #expect(entries.last == Layer.Entry(own) && entries.count { $0.file.to == "/etc/hosts" } == 2)
        #expect(Layer(of: lab.machines[0], in: lab, image: Shop.pulse).entries.isEmpty)
        var alone = lab
        alone.machines[0].interfaces = []
        #expect(!Layer(of: alone.machines[0], in: alone, image: Shop.debian).entries.contains { $0.file.to.contains("/network/") })
    }
}
