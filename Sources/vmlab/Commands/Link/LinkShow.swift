import ArgumentParser
import LabModel
import LabRunner

struct LinkShow: LabCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "The lab's networks and ports: addresses, state, and what their wires do.",
        discussion: """
            Example:
              vmlab link show -f Labs/three-tier
              vmlab link show --json | jq '.[].ports[].address'
            """)

    @Argument(help: ArgumentHelp("The lab file, or a folder with one; default: the working folder.", valueName: "lab"))
    var lab: String?
    @OptionGroup var options: LabOptions

    @Flag(help: "Print it as JSON.")
    var json = false

    func perform(_ io: Streams) throws -> LabModel.ExitCode {
        let choice = try LabChoice(options, positional: lab, io: io)
        let id = try choice.id()
        guard let client = try KeeperClient.connect(choice.paths.lab(id)) else { throw NotUp(lab: id) }
        let networks = try client.status().networks ?? []
        if json {
            io.print(try Output.json(networks))
            return .done
        }
        var table = Table("NETWORK", "MACHINE", "ADDRESS", "MAC", "STATE", "UPLINK", "LINK")
        for network in networks {
            table.add([
                network.name, "-", network.gateway, "-", network.isUp ? network.state.rawValue : "down",
                network.uplink == .nat ? "nat" : "-", text(network),
            ])
            for port in network.ports {
                let state = port.isUp ? (port.isPlugged ? "up" : "off") : "down"
                table.add([network.name, port.machine, port.address, port.mac, state, port.uplink ?? "-", port.shape.text])
            }
        }
        if !networks.isEmpty { io.print(table.text) }
        return .done
    }

    private func text(_ network: NetworkStatus) -> String {
        let groups = network.partition.map { $0.joined(separator: ",") }.joined(separator: " | ")
        return [network.shape.text, groups.isEmpty ? "" : "divided: \(groups)"].filter { !$0.isEmpty }.joined(separator: ", ")
    }
}
