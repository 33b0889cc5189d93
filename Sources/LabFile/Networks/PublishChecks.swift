import LabModel

/// What is said of the ways in, and of who is asked whether it is ready.
enum PublishChecks {
    static func check(_ machines: [MachineEntry], networks: [NetworkResolver.Entry], _ findings: inout Findings) {
        let outside = Set(networks.filter { $0.draft.uplink.value == .nat }.map(\.name))
        var seen: [(port: PublishedPort, machine: String, mark: Mark)] = []
        for machine in machines {
            let places = machine.networks.compactMap(\.value.name.value)
            if let first = machine.publish.first, outside.isDisjoint(with: places) {
                let place =
                    places.isEmpty
                    ? "it is on no network"
                    : "\(places.map { quoted($0) }.joined(separator: " and ")) \(places.count == 1 ? "has" : "have") none"
                findings.add(
                    first.mark, "to publish a port, machine \(quoted(machine.family)) wants a network with `uplink: nat`; \(place)")
            }
            for port in machine.publish {
                if machine.count > 1 {
                    findings.add(
                        port.mark,
                        "there are \(machine.count) machines \(quoted(machine.family)), which cannot all be at this port of the host")
                } else if let other = seen.first(where: { meets($0.port, port.value) }) {
                    let transport = port.value.transport.rawValue
                    findings.add(
                        port.mark,
                        "\(transport) port \(port.value.hostPort) of the host leads to machine \(quoted(other.machine)) already, in line \(other.mark.line)"
                    )
                }
                seen.append((port.value, machine.family, port.mark))
            }
            checkReadiness(machine, places, &findings)
        }
    }

    private static func checkReadiness(_ machine: MachineEntry, _ places: [String], _ findings: inout Findings) {
        guard places.isEmpty, let mark = machine.readyMark else { return }
        switch machine.machine.ready {
        case .tcp, .ping:
            findings.add(mark, "machine \(quoted(machine.family)) is on no network by which it could be asked whether it is ready")
        case .started, .console: break
        }
    }

    /// Whether two cannot be listened for at once. 0.0.0.0 is every address.
    private static func meets(_ left: PublishedPort, _ right: PublishedPort) -> Bool {
        left.transport == right.transport && left.hostPort == right.hostPort
            && (left.hostAddress == right.hostAddress || left.hostAddress.value == 0 || right.hostAddress.value == 0)
    }
}
