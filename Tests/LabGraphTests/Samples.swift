import LabGraph
import LabModel

/// Labs to draw, built by hand.
enum Samples {
    static func network(
        _ name: String, _ subnet: String, uplink: Network.Uplink = .none, route: Network.Route = .none, _ link: LinkShape = LinkShape()
    )
        -> Network
    {
        Network(name: name, subnet: IPv4Subnet(subnet)!, mtu: 1500, uplink: uplink, route: route, link: link, capture: .standard)
    }

    static func machine(_ name: String, image: String = "debian-12", _ places: [(String, String)], publish: [PublishedPort] = []) -> Machine
    {
        Machine(
            name: name, image: image, cpus: 1, memory: ByteCount(bytes: 512 << 20), disks: [],
            interfaces: places.map {
                Interface(
                    network: $0.0, address: IPv4Address($0.1)!,
                    mac: Derived.mac(lab: "sample", seed: 1, machine: name, network: $0.0), link: LinkShape(), vlan: nil)
            }, publish: publish, commandLine: "", after: [], ready: .started, restart: .never)
    }

    static var slow: LinkShape {
        var shape = LinkShape()
        shape.delayMicroseconds = 40_000
        shape.jitterMicroseconds = 5000
        shape.lossPPM = 5000
        shape.bitsPerSecond = 20_000_000
        return shape
    }

    /// Two networks with a router between them, one way out, one way in, as they are when the lab is up.
    static var threeTier: Topology {
        let way = PublishedPort(hostAddress: IPv4Address("127.0.0.1")!, hostPort: 8080, machinePort: 80, transport: .tcp)
        var machines = [
            machine("web", [("front", "10.20.0.10")], publish: [way]),
            machine("router", [("front", "10.20.0.2"), ("back", "10.30.0.2")]),
            machine("db", [("back", "10.30.0.10")]),
            machine("beat-front", image: "pulse", [("front", "10.20.0.77")]),
            machine("beat-back", image: "pulse", [("back", "10.30.0.77")]),
        ]
        machines[2].after = ["router"]
        machines[1].interfaces[1].link.lossPPM = 20_000
        machines[4].interfaces[0].vlan = 12
        let lab = Lab(
            name: "three-tier", seed: 1,
            networks: [
                network("front", "10.20.0.0/24", uplink: .nat(allow: []), route: .bridge),
                network("back", "10.30.0.0/24", route: .machine("router"), slow),
            ], machines: machines, images: [])
        return Topology(lab, id: "three-tier")
    }

    static var live: Topology {
        var topology = threeTier
        topology.state = "up"
        for (index, state) in ["ready", "ready", "starting", "unready", "ended"].enumerated() { topology.machines[index].state = state }
        topology.networks[1].partition = [["db"], ["router", "beat-back"]]
        topology.machines[4].ports[0].isUp = false
        return topology
    }

    /// Names as long as they may be, and text that markup would trip over.
    static var hostile: Topology {
        let long = String(repeating: "W", count: 40)
        var topology = Topology(
            Lab(
                name: "hostile", seed: 1, networks: [network(long, "192.168.128.0/17", slow), network("b", "10.0.0.0/8")],
                machines: [machine(long, image: long + long, [(long, "192.168.255.254"), ("b", "10.255.255.254")])], images: []),
            id: long)
        topology.state = "<&\"'>"
        topology.machines[0].state = "restarting"
        topology.machines[0].image = "</text><script>alert(1)</script> \"quoted\" \\ # ; `x` \u{1}\u{FFFF} 名前 [b] {c} (d) | -->"
        topology.machines[0].publish = ["255.255.255.255:65535 to 65535/tcp", "127.0.0.1:1 to 1/udp"]
        topology.machines[0].ports[0].shape = slow
        topology.machines[0].ports[0].isUp = false
        topology.networks[0].partition = [[long], [long, long]]
        return topology
    }

    /// So many machines, each on one to all of so many networks.
    static func many(machines count: Int, networks networkCount: Int) -> Topology {
        let networks = (0..<networkCount).map { network("net\($0)", "10.\($0).0.0/16", uplink: $0 == 0 ? .nat(allow: []) : .none) }
        let machines = (0..<count).map { number in
            let places = (0..<networkCount).filter { networkCount == 1 || (number >> ($0 % 5)) & 1 == 0 || number % networkCount == $0 }
            return machine("node-\(number + 1)", places.map { ("net\($0)", "10.\($0).\(number / 250).\(number % 250 + 2)") })
        }
        return Topology(Lab(name: "many", seed: 1, networks: networks, machines: machines, images: []), id: "many")
    }

    static let all: [(name: String, topology: Topology)] = [
        ("three-tier", threeTier), ("live", live), ("hostile", hostile), ("one", many(machines: 1, networks: 1)),
        ("alone", many(machines: 3, networks: 0)), ("forty", many(machines: 40, networks: 4)),
        ("hundred", many(machines: 100, networks: 1)),
        ("wide", many(machines: 9, networks: 16)), ("empty", many(machines: 0, networks: 0)), ("unused", many(machines: 0, networks: 2)),
    ]
}
