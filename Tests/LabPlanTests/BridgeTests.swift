import LabModel
import LabNetwork
import LabPlan
import Testing

/// What a plan says to `vmlab-network`, read by `vmlab-network` itself.
@Suite struct `the bridge understands what a plan tells it` {
    @Test func `on its command line`() throws {
        var lab = Shop.networked
        lab.machines[1].interfaces[0].vlan = 7
        lab.machines[1].interfaces[0].link.lossPPM = 5000
        let launch = try #require(NetworkLaunch(of: lab, folders: Shop.folders))
        let command = try BridgeCommand(launch.arguments)
        #expect(command.settings.lab == "shop" && command.settings.seed == 7)
        #expect(command.settings.networks.map(\.name) == ["lan", "wan"])
        for (network, settings) in zip(lab.networks, command.settings.networks) {
            #expect(settings.subnet == network.subnet && settings.mtu == network.mtu && settings.link == network.link)
            #expect(settings.mac == Derived.gatewayMAC(lab: "shop", seed: 7, network: network.name))
            #expect(settings.prefix6 == Derived.ipv6Prefix(lab: "shop", seed: 7, network: network.name))
            #expect(settings.domain == "shop.lab")
        }
        #expect(command.settings.networks[0].router == lab.machines[0].interfaces[1].address)
        #expect(command.settings.networks[1].allow.map(\.description) == ["192.168.0.0/16"])
        #expect(command.settings.ports.map(\.name.description) == ["db/lan", "web/lan", "web/wan"])
        #expect(command.settings.ports.map(\.hasUplink) == [false, false, true])
        #expect(command.settings.ports[0].vlan == 7 && command.settings.ports[0].link.lossPPM == 5000)
        let interface = lab.machines[0].interfaces[0]
        #expect(command.settings.ports[2].mac == interface.mac && command.settings.ports[2].address == interface.address)
        #expect(command.captures.count == 1 && command.captures[0].byteLimit == 8 << 20 && command.captures[0].snapLength == 2048)

        // Each number stands for what the launch says is behind it.
        func number(of kind: NetworkLaunch.Kind) -> Int32? { launch.descriptors.first { $0.kind == kind }?.number }
        #expect(command.control == number(of: .control))
        for (index, port) in command.settings.ports.enumerated() { #expect(command.portStreams[index] == number(of: .port(port.name))) }
        #expect(command.captures[0].files == (0...1).map { number(of: .capture(path: Shop.folders.capture("wan", part: $0))) })
    }

    @Test func `what clients are told to boot, whatever is in the names of the files`() throws {
        var lab = Shop.networked
        lab.networks[0].boot = NetworkBoot(server: .machine("web"), file: "a,server=1.2.3.4,file=b", ipxe: "http://web/?a=b,c")
        lab.networks[1].boot = NetworkBoot(file: "http://web/linux.efi")
        lab.machines[1].interfaces[0].boot = NetworkBoot(server: .address(IPv4Address(0x0A14_004D)), file: ",")
        let settings = try BridgeCommand(try #require(NetworkLaunch(of: lab, folders: Shop.folders)).arguments).settings
        let web = lab.machines[0].interfaces[1].address
        #expect(
            settings.networks[0].boots == [
                BootSettings(server: web, file: Array("a,server=1.2.3.4,file=b".utf8)),
                BootSettings(server: web, file: Array("http://web/?a=b,c".utf8), userClass: "iPXE"),
            ])
        #expect(settings.networks[1].boots == [BootSettings(file: Array("http://web/linux.efi".utf8))])
        #expect(settings.ports[0].boots == [BootSettings(server: IPv4Address("10.20.0.77"), file: [0x2C])])
        #expect(settings.ports[1].boots.isEmpty)
    }

    @Test func `of other wires, nothing of the old ones left`() throws {
        var before = LinkShape()
        before.delayMicroseconds = 40_000
        before.lossPPM = 7
        var after = LinkShape()
        after.bitsPerSecond = 8000
        for (old, new) in [(before, after), (before, LinkShape()), (LinkShape(), after)] {
            var lab = Shop.networked
            lab.networks[1].link = old
            let seen = Shop.running(lab)
            lab.networks[1].link = new
            let plan = Shop.up(lab, seen)
            guard case .updateNetwork(_, let words) = plan.steps.first?.action, plan.steps.count == 1, words.count == 1 else {
                Issue.record("\(plan.steps)")
                continue
            }
            switch try ControlWord(words[0]) {
            case .link(.network("wan"), .clear): #expect(new.isNothing)
            case .link(.network("wan"), .set(let change)): #expect(change.apply(to: old) == new)
            case let word: Issue.record("\(word)")
            }
        }
    }
}
