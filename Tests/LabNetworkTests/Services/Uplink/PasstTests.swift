import LabModel
import LabNetwork
import LabPlan
import Testing

/// A machine of host's tools, the whole program with a plan's command line, the real passt with its own, and an internet of two
/// network namespaces.
@Suite(.enabled(if: Outside.isPossible, "\(Outside.obstacle ?? "")"), .serialized)
struct `through the real passt` {
    private static let subnet = IPv4Subnet("10.20.0.0/24")!
    private static let a = PortName(machine: "a", network: "lan")
    private static let b = PortName(machine: "b", network: "lan")

    /// Two machines with a way out, of which one is reached from the host; of private ranges one is open.
    private static var launch: NetworkLaunch {
        var lab = Lab(name: "demo", seed: 7, machines: [], images: [])
        lab.networks = [
            Network(
                name: "lan", subnet: subnet, mtu: 1500, uplink: .nat(allow: [IPv4Subnet("192.168.0.0/16")!]), route: .bridge,
                link: LinkShape(), capture: .init(ring: ByteCount(bytes: 0), snapLength: 64))
        ]
        lab.machines = ["a", "b"].enumerated().map { index, name in
            var machine = Machine(
                name: name, image: "none", cpus: 1, memory: ByteCount(bytes: 1 << 20), disks: [], commandLine: "", after: [],
                ready: .started, restart: .never)
            machine.interfaces = [
                Interface(
                    network: "lan", address: subnet.host(9 + index)!, mac: Rig.mac(index), link: LinkShape(), vlan: nil)
            ]
            return machine
        }
        let loopback = IPv4Address(127 << 24 | 1)
        lab.machines[0].publish = [
            PublishedPort(hostAddress: loopback, hostPort: 8080, machinePort: 80, transport: .tcp),
            PublishedPort(hostAddress: loopback, hostPort: 8081, machinePort: 80, transport: .udp),
        ]
        return NetworkLaunch(of: lab, folders: LabPaths(home: "/nowhere").lab("demo"))!
    }

    private struct Scene {
        let outside: Outside
        let program: Program
        let guest: Playground

        init() throws {
            outside = try Outside()
            program = try Program(launch)
            for (port, uplink) in program.uplinks {
                try outside.startUplink(uplink.arguments, uplink.end)
                program.say("uplink-up \(port)")
            }
            try program.barrier()
            guest = try Playground(program, port: 0)
            try guest.configure("\(subnet.host(9)!)/24")
            let route = try guest.run(["ip", "route", "add", "default", "via", "\(subnet.gateway)"])
            try #require(route.status == 0, "\(route.text)")
        }

        func talk(_ host: String, _ port: Int, _ kind: String, _ count: Int) throws -> String {
            try guest.run(outside.talk(host, port, kind, count)).text
        }
    }

    @Test func `a machine speaks with the internet and is answered, by TCP and by UDP`() throws {
        let scene = try Scene()
        #expect(try scene.talk(Outside.internet, Outside.port, "tcp", 1 << 20).contains("same"))
        #expect(try scene.talk(Outside.internet, Outside.port, "udp", 1400).contains("same"))
        #expect(try scene.talk(Outside.far, Outside.port, "tcp", 100).contains("same"))
        try scene.program.barrier()
        #expect(scene.program.last.contains(#""to-uplink""#) && scene.program.last.contains(#""from-uplink""#))
    }

    @Test func `private ranges, the metadata address and the host itself are closed, but for what the lab opens`() throws {
        let scene = try Scene()
        for address in [Outside.open, Outside.closed, Outside.metadata] {
            let there = try scene.outside.run(scene.outside.talk(address, Outside.port, "tcp", 100))
            #expect(there.text.contains("same"), "the host reaches \(address): \(there.text)")
        }
        #expect(try scene.talk(Outside.open, Outside.port, "tcp", 100).contains("same"))
        for address in [Outside.closed, Outside.metadata] {
            for kind in ["tcp", "udp"] {
                #expect(try scene.talk(address, Outside.port, kind, 100).contains("no: "), "\(address) by \(kind)")
            }
        }
        // passt would take the gateway's address for its host's loopback.
        try scene.outside.startServer(port: Outside.port, at: "127.0.0.1")
        #expect(try scene.talk("\(Self.subnet.gateway)", Outside.port, "tcp", 100).contains("no: Connection refused"))
        // A kernel sends nothing to there: by hand, from the other machine.
        let own = Endpoint(mac: Rig.mac(1), ip: .v4(Self.subnet.host(10)!))
        let mac = Derived.gatewayMAC(lab: "demo", seed: 7, network: "lan")
        let loopback = Endpoint(mac: mac, ip: .v4(IPv4Address("127.0.0.1")!))
        try scene.program.send(Wire.tcp(own, 4000, loopback, Outside.port, sequence: 1, acknowledged: 0, flags: 2), from: 1)
        var report: ICMPMessage?
        while report == nil, let frame = try scene.program.hear(1) { report = Heard(frame)?.icmp.flatMap { $0.type == 3 ? $0 : nil } }
        #expect(report?.code == 13, "administratively prohibited")
    }

    @Test func `what is published is reached from the host, by the address it is published at`() throws {
        let scene = try Scene()
        try scene.guest.start(scene.outside.server(port: 80, at: "0.0.0.0"))
        for (port, kind, count) in [(8080, "tcp", 1 << 20), (8081, "udp", 1400)] {
            let said = try scene.outside.run(scene.outside.talk("127.0.0.1", port, kind, count))
            #expect(said.text.contains("same"), "\(kind): \(said.text)")
        }
        let other = try scene.outside.run(scene.outside.talk("127.0.0.1", 8081, "tcp", 100))
        #expect(other.text.contains("no: "), "\(other.text)")
        let abroad = try scene.outside.run(scene.outside.talk(Outside.own, 8080, "tcp", 100), fromInternet: true)
        #expect(abroad.text.contains("no: "), "\(abroad.text)")
    }

    @Test func `without passt the machines go on, and with another one they are out again`() throws {
        let scene = try Scene()
        scene.outside.endUplinks()
        scene.program.say("uplink-down \(Self.a)")
        #expect(try scene.program.wait(for: #"{"event":"uplink-down","port":"a/lan"}"#))
        #expect(try scene.talk(Outside.internet, Outside.port, "tcp", 100).contains("no: "))
        let ping = try scene.guest.run(["ping", "-c", "3", "-i", "0.1", "-w", "30", "\(Self.subnet.gateway)"])
        #expect(ping.text.contains(" 0% packet loss"), "\(ping.text)")
        let uplink = try #require(scene.program.uplinks[Self.a])
        try scene.outside.startUplink(uplink.arguments, uplink.end)
        scene.program.say("uplink-up \(Self.a)")
        try scene.program.barrier()
        #expect(try scene.talk(Outside.internet, Outside.port, "tcp", 1 << 16).contains("same"))
    }
}
