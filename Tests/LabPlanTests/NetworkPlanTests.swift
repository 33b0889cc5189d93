import LabModel
import LabPlan
import Testing

extension Shop {
    /// The shop with `db` and `web` on a network, `web` on another one with a way out.
    static var networked: Lab {
        var lab = lab
        guard let lan = IPv4Subnet("10.20.0.0/24"), let wan = IPv4Subnet("10.30.0.0/24"), let private16 = IPv4Subnet("192.168.0.0/16")
        else {
            return lab
        }
        var slow = LinkShape()
        slow.delayMicroseconds = 40_000
        lab.networks = [
            Network(
                name: "lan", subnet: lan, mtu: 9000, uplink: .none, route: .machine("web"), link: LinkShape(),
                capture: .init(ring: ByteCount(bytes: 0), snapLength: 2048)),
            Network(name: "wan", subnet: wan, mtu: 1500, uplink: .nat(allow: [private16]), route: .bridge, link: slow, capture: .standard),
        ]
        lab.machines[0].interfaces = [interface("wan", lan: wan, host: 7, mac: 2), interface("lan", lan: lan, host: 9, mac: 1)]
        lab.machines[0].publish = [
            PublishedPort(hostAddress: IPv4Address(127 << 24 | 1), hostPort: 8080, machinePort: 80, transport: .tcp)
        ]
        lab.machines[1].interfaces = [interface("lan", lan: lan, host: 5, mac: 3)]
        return lab
    }

    private static func interface(_ network: String, lan: IPv4Subnet, host: Int, mac: UInt64) -> Interface {
        Interface(
            network: network, address: lan.host(host) ?? lan.base, mac: MACAddress(0x0200_0000_0000 | mac), link: LinkShape(), vlan: nil)
    }

    static func running(_ lab: Lab) -> SeenState {
        var seen = SeenState(lab: "shop")
        for step in up(lab, seen).steps { seen.finish(step.action) }
        return seen
    }
}

@Suite struct `the plan of a lab with networks` {
    func ids(_ plan: Plan) -> [String] { plan.steps.map(\.id) }

    func step(_ id: String, in plan: Plan) -> Step? { plan.steps.first { $0.id == id } }

    /// What `up` does when a running lab is changed.
    func change(_ body: (inout Lab) -> Void) -> Plan {
        var lab = Shop.networked
        body(&lab)
        let plan = Shop.up(lab, Shop.running(Shop.networked))
        var seen = Shop.running(Shop.networked)
        for step in plan.steps { seen.finish(step.action) }
        #expect(Shop.up(lab, seen).isEmpty, "a second up changes nothing")
        return plan
    }

    @Test func `starts the bridge before the first machine that is on a network, and only for those`() {
        let plan = Shop.up(Shop.networked, SeenState(lab: "shop"))
        #expect(
            ids(plan) == [
                "folders", "network", "image/debian-12", "disk/db/root", "disk/db/disk0", "start/db", "ready/db", "disk/web/root",
                "start/web", "ready/web", "image/pulse", "start/tiny", "ready/tiny",
            ])
        #expect(step("network", in: plan)?.reason == "the networks are not running")
        #expect(step("network", in: plan)?.after == ["folders"])
        #expect(step("network", in: plan)?.undo == .stopNetwork)
        #expect(step("start/db", in: plan)?.after.contains("network") == true)
        #expect(step("start/tiny", in: plan)?.after.contains("network") == false, "tiny is on none")
        #expect(Shop.up(Shop.networked, Shop.running(Shop.networked)).isEmpty)
    }

    @Test func `stops the bridge after the last machine`() {
        let plan = Plan.down(seen: Shop.running(Shop.networked))
        #expect(ids(plan).prefix(4) == ["stop/tiny", "stop/web", "stop/db", "stop-network"])
        #expect(step("stop-network", in: plan)?.after == ["stop/tiny", "stop/web", "stop/db"])
    }

    @Test func `tells the bridge of other wires and restarts nothing`() {
        let plan = change { lab in
            lab.networks[1].link.delayMicroseconds = 0
            lab.networks[0].link.lossPPM = 5000
            lab.machines[1].interfaces[0].link.bitsPerSecond = 1_000_000
        }
        #expect(ids(plan) == ["update-network", "update/db"])
        #expect(step("update-network", in: plan)?.reason == "link wan removed, link lan added, link db/lan added")
        guard case .updateNetwork(_, let words) = plan.steps[0].action else { return }
        #expect(
            words == [
                "link lan loss=5000 delay=0 jitter=0 rate=0 reorder=0 duplicate=0 corrupt=0",
                "link db/lan rate=1000000 delay=0 jitter=0 loss=0 reorder=0 duplicate=0 corrupt=0", "link wan clear",
            ])
    }

    @Test func `replaces the bridge where a port is published, and no machine`() {
        let plan = change { lab in lab.machines[0].publish[0].hostPort = 8081 }
        #expect(ids(plan) == ["stop-network", "network", "update/web"])
        #expect(step("stop-network", in: plan)?.reason == "uplink web/wan changed")
        #expect(step("update/web", in: plan)?.reason == "publish changed")
    }

    @Test func `replaces the bridge where machines are told to boot something else, and no machine`() {
        let plan = change { lab in
            lab.networks[1].boot = NetworkBoot(server: .machine("web"), file: "a", ipxe: "b")
            lab.machines[1].interfaces[0].boot = NetworkBoot(file: "http://web/a")
        }
        #expect(ids(plan).prefix(2) == ["stop-network", "network"] && !ids(plan).contains { $0.hasPrefix("start") })
        #expect(step("stop-network", in: plan)?.reason == "boot wan added, boot db/lan added")
    }

    @Test func `says which networks and ports are others`() {
        let plan = change { lab in
            lab.networks[0].mtu = 1500
            lab.machines[1].interfaces[0].vlan = 7
            lab.networks[1].capture.snapLength = 64
        }
        #expect(step("stop-network", in: plan)?.reason == "network lan changed, port db/lan changed, capture wan changed")
        #expect(ids(plan).contains("start/db") && ids(plan).contains("start/web"), "their cards have another mtu")
    }

    @Test func `restarts a machine that has another address, and gives it a new disk`() {
        let plan = change { lab in lab.machines[1].interfaces[0].mac = MACAddress(0x0200_0000_0099) }
        #expect(
            ids(plan) == ["stop-network", "network", "stop/db", "delete-disk/db/root", "disk/db/root", "start/db", "ready/db"])
        #expect(step("stop/db", in: plan)?.reason == "mac on lan changed from 02:00:00:00:00:03 to 02:00:00:00:00:99")
        #expect(step("start/db", in: plan)?.after.contains("network") == true)
    }

    @Test func `says when a machine is on other networks`() {
        let plan = change { lab in lab.machines[0].interfaces.removeLast() }
        #expect(step("stop/web", in: plan)?.reason == "networks changed from wan + lan to wan")
        #expect(step("stop-network", in: plan)?.reason == "port web/lan removed, network lan changed")
    }

    @Test func `stops the bridge of a lab that has no networks any more when no machine is left on it`() {
        let plan = change { lab in
            lab.networks = []
            for index in lab.machines.indices { lab.machines[index].interfaces = [] }
            lab.machines[0].publish = []
        }
        #expect(ids(plan).last == "stop-network" && !ids(plan).contains("network"))
        #expect(step("stop-network", in: plan)?.after == ["stop/db", "stop/web"])
        #expect(step("stop/db", in: plan)?.reason == "networks changed from lan to none")
    }

    @Test func `starts a bridge that has ended by itself, and no machine`() {
        var seen = Shop.running(Shop.networked)
        seen.endNetwork(reason: "crashed: signal 9")
        let plan = Shop.up(Shop.networked, seen)
        #expect(ids(plan) == ["network"])
        #expect(plan.steps.first?.reason == "the networks crashed: signal 9")
        #expect(ids(Plan.down(seen: seen)).contains("stop-network"))
    }

    @Test func `does not depend on the order of networks and machines in the file`() {
        var lab = Shop.networked
        lab.networks.reverse()
        lab.machines.reverse()
        #expect(Shop.up(lab, Shop.running(Shop.networked)).isEmpty)
    }

    @Test func `remembers a change of files`() {
        let file = ImageRecipe.File(to: "/etc/motd", content: .text("x"), mode: 0o644)
        let plan = change { lab in lab.machines[1].files = [file] }
        #expect(ids(plan) == ["stop/db", "delete-disk/db/root", "disk/db/root", "start/db", "ready/db"])
        #expect(step("stop/db", in: plan)?.reason == "files changed")
    }
}

@Suite struct `a lab's networks are started` {
    var launch: NetworkLaunch? { NetworkLaunch(of: Shop.networked, folders: Shop.folders) }

    @Test func `with all that they are on the command line`() {
        let (lan, wan) = ("lan", "wan")
        func gateway(_ network: String) -> MACAddress { Derived.gatewayMAC(lab: "shop", seed: 7, network: network) }
        func prefix(_ network: String) -> IPv6Address {
            IPv6Address(high: Derived.ipv6Prefix(lab: "shop", seed: 7, network: network), low: 0)
        }
        #expect(
            launch?.arguments == [
                "--lab", "shop", "--seed", "7", "--control", "3",
                "--network",
                "id=lan,subnet=10.20.0.0/24,mac=\(gateway(lan)),mtu=9000,domain=shop.lab,prefix6=\(prefix(lan))/64,router=10.20.0.9",
                "--network",
                "id=wan,subnet=10.30.0.0/24,mac=\(gateway(wan)),mtu=1500,domain=shop.lab,prefix6=\(prefix(wan))/64,allow=192.168.0.0/16",
                "--link", "wan,delay=40000",
                "--port", "id=db/lan,fd=10,mac=02:00:00:00:00:03,address=10.20.0.5",
                "--port", "id=web/lan,fd=11,mac=02:00:00:00:00:01,address=10.20.0.9",
                "--port", "id=web/wan,fd=12,mac=02:00:00:00:00:02,address=10.30.0.7",
                "--uplink", "port=web/wan,fd=13",
                "--capture", "network=wan,fd=14,fd=15,bytes=8388608,snap=2048",
            ])
    }

    @Test func `with a descriptor for each number`() {
        #expect(launch?.descriptors.map(\.number) == [3, 10, 11, 12, 13, 14, 15])
        #expect(launch?.descriptors[0].kind == .control)
        #expect(launch?.descriptors[3].kind == .port(PortName(machine: "web", network: "wan")))
        #expect(launch?.descriptors[5].kind == .capture(path: "/s/shop/captures/wan.0.pcapng"))
        #expect(launch?.descriptors[6].kind == .capture(path: "/s/shop/captures/wan.1.pcapng"))
    }

    @Test func `with a process for each way out that is the gateway and nothing else`() throws {
        let kind = try #require(launch?.descriptors[4].kind)
        guard case .uplink(let port, let arguments) = kind else {
            Issue.record("\(kind)")
            return
        }
        #expect(port.description == "web/wan")
        let gateway = Derived.gatewayMAC(lab: "shop", seed: 7, network: "wan")
        #expect(
            arguments.joined(separator: " ")
                == "--foreground --quiet --stderr --ipv4-only --fd 3 --mtu 1500 --address 10.30.0.7 --netmask 24 --gateway 10.30.0.1 "
                + "--mac-addr \(gateway) --dns-forward 10.30.0.1 --no-map-gw --no-dhcp --no-dhcpv6 --no-ndp --no-ra "
                + "--tcp-ports 127.0.0.1/8080:80 --udp-ports none")
        // passt answers a datagram of the host's loopback only if it takes the gateway's address for that.
        var lab = Shop.networked
        lab.machines[0].publish[0].transport = .udp
        let open = NetworkLaunch(of: lab, folders: Shop.folders)?.descriptors[4].kind
        guard case .uplink(_, let arguments) = open else { return }
        #expect(!arguments.contains("--no-map-gw") && arguments.suffix(4) == ["--tcp-ports", "none", "--udp-ports", "127.0.0.1/8080:80"])
    }

    @Test func `only where there are any`() {
        #expect(NetworkLaunch(of: Shop.lab, folders: Shop.folders) == nil)
    }

    @Test func `and give each machine its ports as streams, after its disks`() {
        let lab = Shop.networked
        let web = lab.machines[0]
        let disks = MachineDisk.all(of: web, image: Shop.debian, folders: Shop.folders)
        let launch = MachineLaunch(web, image: Shop.debian, disks: disks, networks: lab.networks)
        #expect(
            launch.arguments.suffix(4) == [
                "--net", "id=wan,fd=30,mac=02:00:00:00:00:02,mtu=1500", "--net", "id=lan,fd=31,mac=02:00:00:00:00:01,mtu=9000",
            ])
        #expect(launch.descriptors.suffix(2).map(\.kind) == [.stream(name: "net/wan"), .stream(name: "net/lan")])
        #expect(!launch.shellLine().contains("--net"), "nobody is there to speak to")
        let text = Shop.up(lab, SeenState(lab: "shop")).text(commandLines: true)
        #expect(text.contains("    # by hand, without its networks:\n    vmlab-machine --name web"))
        #expect(!text.contains("    # by hand, without its networks:\n    vmlab-machine --name tiny"))
    }
}
