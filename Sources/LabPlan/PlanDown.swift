extension Plan {
    /// The steps that take a lab down, from what is seen of it alone: no lab file is needed.
    package static func down(seen: SeenState) -> Plan {
        var steps: [Step] = []
        var planned: Set<String> = []
        func add(_ action: Action, reason: String, after: [String]) {
            steps.append(Step(action, reason: reason, after: after.filter { planned.contains($0) }))
            planned.insert(action.id)
        }
        let order = stopOrder(seen.machines)
        for machine in order where machine.isRunning {
            add(
                .stopMachine(machine: machine.name, .patient), reason: "\(machine.name) is running",
                after: stops(before: machine, in: seen.machines))
        }
        if seen.network != .absent {
            add(.stopNetwork, reason: "the networks were started for the lab", after: steps.map(\.id))
        }
        for machine in order {
            for seen in machine.disks {
                add(
                    .deleteDisk(machine: machine.name, disk: seen.disk), reason: "it was made for \(machine.name)",
                    after: ["stop/\(machine.name)"])
            }
        }
        switch seen.folders {
        case .absent: break
        case .begun(let folders), .made(let folders):
            add(.deleteFolders(folders), reason: "they were made for the lab", after: steps.map(\.id))
        }
        return Plan(lab: seen.lab, direction: .down, steps: steps)
    }

    /// Machines that others wait for last. Records of several runs may wait for each other in a circle; then the last
    /// recorded goes first.
    static func stopOrder(_ machines: [SeenMachine]) -> [SeenMachine] {
        var rest = machines
        var order: [SeenMachine] = []
        while !rest.isEmpty {
            let free = rest.lastIndex { machine in !rest.contains { $0.name != machine.name && waits($0, for: machine) } }
            order.append(rest.remove(at: free ?? rest.index(before: rest.endIndex)))
        }
        return order
    }

    /// The ids of the steps that stop those who wait for this machine.
    static func stops(before machine: SeenMachine, in machines: [SeenMachine]) -> [String] {
        machines.filter { $0.name != machine.name && waits($0, for: machine) }.map { "stop/\($0.name)" }
    }

    private static func waits(_ machine: SeenMachine, for other: SeenMachine) -> Bool {
        machine.started?.machine.after.contains(other.name) ?? false
    }
}
