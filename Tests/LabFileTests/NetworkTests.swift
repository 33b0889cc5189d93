import LabFile
import LabModel
import LabPlan
import Testing

@Suite struct `a lab's networks` {
    let shop = """
        name: shop
        seed: 7
        defaults: {image: debian-12, networks: [lan]}
        networks:
          lan: {subnet: 10.20.0.0/24, mtu: 9000, uplink: nat, allow: [192.168.0.0/16, 10.1.2.3/32], capture: {ring: 64MiB, snap: 256B}}
          wan: {gateway: web, link: {delay: 40ms, jitter: 1.5ms, loss: 0.5%, rate: 1.5Mbit, reorder: 25%, duplicate: 0.0001%, corrupt: 100%}}
          aux: {capture: off}
        machines:
          db: {ready: {tcp: 5432, within: 10s}}
          web:
            networks: [{name: wan, link: {rate: 1Gbit}, vlan: 7, mac: "02:AA:00:00:00:01"}, {name: lan, address: 10.20.0.10}]
            publish: ["8080:80", 0.0.0.0:5353:53/udp]
            files: [{to: /etc/motd, text: "hello\\n", mode: "0600"}, {to: /srv/page, from: page}]
            ready: {ping: true}
          lonely: {networks: []}
          twin: {count: 2}
        """
    let files: FilesInMemory = {
        var files = Reading.files
        files.contents["/p/labs/shop/page"] = [1]
        return files
    }()

    @Test func `have every default filled in`() throws {
        let lab = try Reading.lab(shop, files: files).get()
        #expect(lab.networks.map(\.name) == ["lan", "wan", "aux"])
        let lan = lab.networks[0]
        #expect(lan.subnet.description == "10.20.0.0/24" && lan.mtu == 9000 && lan.route == .bridge && lan.link.isNothing)
        #expect(lan.uplink == .nat(allow: [try #require(IPv4Subnet("192.168.0.0/16")), try #require(IPv4Subnet("10.1.2.3/32"))]))
        #expect(lan.capture == Network.Capture(ring: ByteCount(bytes: 64 << 20), snapLength: 256))
        let wan = lab.networks[1]
        #expect(wan.mtu == 1500 && wan.uplink == .none && wan.route == .machine("web") && wan.capture == .standard)
        var link = LinkShape()
        link.delayMicroseconds = 40_000
        link.jitterMicroseconds = 1500
        link.bitsPerSecond = 1_500_000
        link.lossPPM = 5000
        link.reorderPPM = 250_000
        link.duplicatePPM = 1
        link.corruptPPM = 1_000_000
        #expect(wan.link == link)
        #expect(lab.networks[2].route == .none && lab.networks[2].capture.ring.bytes == 0)
    }

    @Test func `are where machines have their places`() throws {
        let lab = try Reading.lab(shop, files: files).get()
        #expect(lab.machines.map { $0.interfaces.map(\.network) } == [["lan"], ["wan", "lan"], [], ["lan"], ["lan"]])
        let web = lab.machines[1]
        #expect(web.interfaces[0].mac.description == "02:aa:00:00:00:01" && web.interfaces[0].vlan == 7)
        #expect(web.interfaces[0].link.bitsPerSecond == 1_000_000_000)
        #expect(lab.networks[1].subnet.contains(web.interfaces[0].address))
        #expect(web.interfaces[1].address.description == "10.20.0.10" && web.interfaces[1].vlan == nil)
        #expect(web.interfaces[1].mac == Derived.mac(lab: "shop", seed: 7, machine: "web", network: "lan"))
        #expect(
            web.publish == [
                PublishedPort(
                    hostAddress: try #require(IPv4Address("127.0.0.1")), hostPort: 8080, machinePort: 80, transport: .tcp),
                PublishedPort(hostAddress: IPv4Address(0), hostPort: 5353, machinePort: 53, transport: .udp),
            ])
        #expect(
            web.files == [
                ImageRecipe.File(to: "/etc/motd", content: .text("hello\n"), mode: 0o600),
                ImageRecipe.File(to: "/srv/page", content: .from(path: "/p/labs/shop/page"), mode: 0o644),
            ])
        #expect(lab.machines[0].ready == .tcp(port: 5432, withinMilliseconds: 10_000))
        #expect(web.ready == .ping(withinMilliseconds: 300_000))
    }

    @Test func `have addresses that another order of the file does not change`() throws {
        var moved = 0
        var newcomers = 0
        for seed in UInt64(1)...10_000 {
            var chance = Chance(seed: seed)
            let random = RandomLab(&chance)
            let lab = try Reading.lab(random.text(of: random.machines, random.networks)).get()
            check(lab, seed)
            guard seed % 5 == 0 else { continue }
            let again = try Reading.lab(random.text(of: random.machines.reversed(), random.networks.reversed())).get()
            let addresses = RandomLab.interfaces(lab)
            #expect(RandomLab.interfaces(again) == addresses, "seed \(seed)")
            let folders = LabPaths(cache: "/c", state: "/s", run: "/r").lab(lab.name)
            #expect(NetworkLaunch(of: lab, folders: folders) == NetworkLaunch(of: again, folders: folders), "seed \(seed)")

            // One more machine: whoever comes before it stays where it was.
            let newcomer = "m\(chance.below(100_000))x"
            let one = try Reading.lab(random.text(of: random.machines + [(newcomer, random.networks.map(\.name))], random.networks)).get()
            for machine in one.machines where machine.name != newcomer {
                newcomers += machine.interfaces.count
                guard machine.interfaces != addresses[machine.name] else { continue }
                #expect(machine.name > newcomer, "seed \(seed): \(machine.name) made room for \(newcomer)")
                moved += zip(machine.interfaces, addresses[machine.name] ?? []).count { $0 != $1 }
            }
        }
        #expect(newcomers > 5000)
        #expect(moved * 50 < newcomers, "\(moved) of \(newcomers) were moved")
    }

    func check(_ lab: Lab, _ seed: UInt64) {
        var macs: Set<MACAddress> = []
        for (index, network) in lab.networks.enumerated() {
            for other in lab.networks[..<index] { #expect(!network.subnet.overlaps(other.subnet), "seed \(seed)") }
            var addresses: Set<IPv4Address> = [network.subnet.base, network.subnet.broadcast, network.subnet.gateway]
            for interface in lab.machines.flatMap(\.interfaces) where interface.network == network.name {
                #expect(network.subnet.contains(interface.address), "seed \(seed)")
                #expect(addresses.insert(interface.address).inserted, "seed \(seed): \(interface.address) twice")
                #expect(macs.insert(interface.mac).inserted && !interface.mac.isMulticast, "seed \(seed)")
            }
        }
    }

    @Test func `take every host of a subnet before they are too many`() throws {
        let machines = "  m: {count: 13}\n  fixed: {networks: [{name: lan, address: 10.0.0.7}]}\n"
        let text = "name: a\ndefaults: {image: pulse, networks: [lan]}\nnetworks: {lan: {subnet: 10.0.0.0/28}}\nmachines:\n"
        #expect(Reading.mistakes(text + machines) == ["3:26 subnet 10.0.0.0/28 has room for 13 machines beside the bridge; 14 are on it"])
        let lab = try Reading.lab(text + machines.replacing("13", with: "12")).get()
        #expect(Set(lab.machines.flatMap(\.interfaces).map { $0.address.value & 15 }) == Set(2...14))
        let many = "name: a\ndefaults: {image: pulse, networks: [lan]}\nnetworks: {lan: {}}\nmachines: {m: {count: 254}}\n"
        #expect(Reading.mistakes(many).count == 1)
    }

    @Test func `cannot have more places than a bridge has room for`() {
        let networks = (1...8).map { "n\($0): {subnet: 10.\($0).0.0/16}" }.joined(separator: ", ")
        let list = (1...8).map { "n\($0)" }.joined(separator: ", ")
        let text = "name: a\nnetworks: {\(networks)}\nmachines:\n  m: {image: pulse, count: 129, networks: [\(list)]}\n"
        #expect(Reading.mistakes(text) == ["4:3 the machines have more than 1024 places on networks"])
    }
}

/// Some machines on some networks, here and there with a fixed address.
private struct RandomLab {
    let seed: Int
    let networks: [(name: String, subnet: String?)]
    let machines: [(name: String, networks: [String])]

    init(_ chance: inout Chance) {
        seed = chance.below(1000)
        let subnets = chance.below(2) == 0 ? nil : "10.\(chance.below(200)).\(chance.below(256)).0/24"
        var networks: [(String, String?)] = [("lan", subnets)]
        for index in 0..<chance.below(3) { networks.append(("n\(chance.below(1000))-\(index)", nil)) }
        self.networks = networks
        let names = networks.map(\.0)
        let fixed = subnets?.replacing("0/24", with: String(2 + chance.below(250)))
        let withFixed = Bool(chance.below(3) == 0)
        machines = (0...chance.below(6)).map { index in
            var places = names.filter { _ in chance.below(4) > 0 }
            if index == 0, withFixed, let fixed { places = ["{name: lan, address: \(fixed)}"] }
            return ("m\(chance.below(100_000))-\(index)", places)
        }
    }

    func text(of machines: [(name: String, networks: [String])], _ networks: [(name: String, subnet: String?)]) -> String {
        var text = "seed: \(seed)\nmachines:\n"
        for (name, places) in machines { text += "  \(name): {networks: [\(places.joined(separator: ", "))], image: pulse}\n" }
        text += "networks:\n"
        for (name, subnet) in networks { text += "  \(name): {\(subnet.map { "subnet: \($0)" } ?? "")}\n" }
        return text + "name: shop\n"
    }

    static func interfaces(_ lab: Lab) -> [String: [Interface]] {
        Dictionary(uniqueKeysWithValues: lab.machines.map { ($0.name, $0.interfaces) })
    }
}
