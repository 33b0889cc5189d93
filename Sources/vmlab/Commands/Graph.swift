import ArgumentParser
import LabGraph
import LabModel
import LabRunner

struct Graph: LabCommand {
    static let configuration = CommandConfiguration(
        abstract: "The lab's machines and networks as a picture; how they are, when it is up.",
        discussion: """
            Example:
              vmlab graph -o lab.svg
              vmlab graph --format mermaid >> README.md
              vmlab graph --format dot | dot -Tpng > lab.png
              vmlab graph --format json | jq -r '.machines[].interfaces[].address'

            It is drawn from the lab file, so the lab need not be up. When it is, states are added, and links, cables and partitions are \
            drawn as they are at the moment rather than as the file has them. The SVG is one file without scripts or fonts, always the \
            same bytes for the same lab, light or dark as its reader prefers.

            JSON has `lab`, `state`, `networks` (`name`, `subnet`, `gateway`, `router`, `mtu`, `uplink`, `link`, `state`, `up`, `partition`) \
            and `machines` (`name`, `image`, `cpus`, `memory`, `state`, `publish`, `after`, `interfaces`: `network`, `address`, `address6`, \
            `mac`, `vlan`, `link`, `up`); states are null when nothing runs, and `link` is null where frames suffer nothing.
            """)

    @Argument(help: ArgumentHelp("The lab file, or a folder with one; default: the working folder.", valueName: "lab"))
    var lab: String?
    @OptionGroup var options: LabOptions
    @OptionGroup var sets: SetOptions

    @Option(help: "svg, mermaid, dot or json; default: what the output file's name ends with, else svg.")
    var format: Format?

    @Option(name: .shortAndLong, help: ArgumentHelp("Write to this file; default, and -: standard output.", valueName: "file"))
    var output: String?

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case svg, mermaid, dot, json

        init(endOf file: String) {
            let ending = file.split(separator: ".").last ?? ""
            self = ["mmd": .mermaid, "gv": .dot][ending] ?? Format(rawValue: String(ending)) ?? .svg
        }
    }

    func perform(_ io: Streams) throws -> LabModel.ExitCode {
        let choice = try LabChoice(options, positional: lab, io: io)
        let read = try choice.read(overrides: sets.overrides)
        var topology = Topology(read.lab, id: read.id)
        if let client = try KeeperClient.connect(choice.paths.lab(read.id)) { topology.lay(over: try client.status()) }
        let text =
            switch format ?? output.map(Format.init(endOf:)) ?? .svg {
            case .svg: topology.svg
            case .mermaid: topology.mermaid
            case .dot: topology.dot
            case .json: topology.json.pretty + "\n"
            }
        guard let output, output != "-" else {
            io.writeOut(Array(text.utf8))
            return .done
        }
        try OutputFile(output).write(Array(text.utf8))
        return .done
    }
}

extension Topology {
    /// How things are; what the running lab does not have (the file was edited since) stays as the file has it.
    fileprivate mutating func lay(over status: LabStatus) {
        state = status.state.rawValue
        for index in machines.indices {
            machines[index].state = status.machines.first { $0.name == machines[index].name }?.state.rawValue ?? "not in the lab yet"
        }
        for live in status.networks ?? [] {
            guard let network = networks.firstIndex(where: { $0.name == live.name }) else { continue }
            networks[network].state = live.state.rawValue
            networks[network].isUp = live.isUp
            networks[network].shape = live.shape
            networks[network].partition = live.partition
            for port in live.ports {
                guard let machine = machines.firstIndex(where: { $0.name == port.machine }),
                    let own = machines[machine].ports.firstIndex(where: { $0.network == network })
                else { continue }
                machines[machine].ports[own].address = port.address
                machines[machine].ports[own].address6 = port.address6
                machines[machine].ports[own].mac = port.mac
                machines[machine].ports[own].vlan = port.vlan
                machines[machine].ports[own].shape = port.shape
                machines[machine].ports[own].isUp = port.isUp
            }
        }
    }
}
