import LabModel

/// What is written about the machines' places on networks, looked at in the order of the file.
struct InterfaceChecks {
    let plan: AddressPlan
    let networks: [NetworkResolver.Entry]
    private var addresses: [String: [IPv4Address: Owner]] = [:]
    private var macs: [MACAddress: Owner] = [:]
    private var takenMACs: Set<MACAddress>

    private struct Owner {
        var machine: String
        var mark: Mark
    }

    init(plan: AddressPlan, networks: [NetworkResolver.Entry]) {
        self.plan = plan
        self.networks = networks
        takenMACs = Set(networks.map { Derived.gatewayMAC(lab: plan.lab, seed: plan.seed, network: $0.name) })
    }

    func taken(on network: String) -> Set<IPv4Address> { Set((addresses[network] ?? [:]).keys) }

    mutating func chooseMAC(of machine: String, on network: String) -> MACAddress {
        let mac = plan.mac(of: machine, on: network, taken: takenMACs)
        takenMACs.insert(mac)
        return mac
    }

    /// The machine's places on networks that there are, each network once.
    mutating func accepted(_ machine: MachineEntry, _ findings: inout Findings) -> [Marked<InterfaceDraft>] {
        var names: Set<String> = []
        return machine.networks.filter { place in
            place.value.link.value?.check(&findings)
            guard let name = place.value.name.value else { return false }
            let mark = place.value.name.mark ?? place.mark
            guard let network = networks.first(where: { $0.name == name }) else {
                findings.add(mark, "there is no network \(quoted(name))", near: name, among: networks.map(\.name))
                return false
            }
            guard names.insert(name).inserted else {
                findings.add(mark, "machine \(quoted(machine.family)) is on network \(quoted(name)) twice")
                return false
            }
            checkAddress(place.value.address, machine, network, &findings)
            checkMAC(place.value.mac, machine, network, &findings)
            return true
        }
    }

    private mutating func checkAddress(
        _ written: Written<IPv4Address>, _ machine: MachineEntry, _ network: NetworkResolver.Entry, _ findings: inout Findings
    ) {
        guard case .value(let address, let mark) = written else { return }
        if machine.count > 1 {
            findings.add(mark, "there are \(machine.count) machines \(quoted(machine.family)), which cannot all have this address")
            return
        }
        if network.draft.subnet.isAbsent {
            findings.add(mark, "network \(quoted(network.name)) has no `subnet` written for this address to lie in")
        } else if let subnet = network.subnet, let fault = fault(of: address, in: subnet, network.name) {
            findings.add(mark, fault)
        } else if let other = addresses[network.name]?[address] {
            findings.add(mark, "address \(address) is machine \(quoted(other.machine))'s already, in line \(other.mark.line)")
        }
        addresses[network.name, default: [:]][address] = Owner(machine: machine.machine.name, mark: mark)
    }

    private func fault(of address: IPv4Address, in subnet: IPv4Subnet, _ network: String) -> String? {
        let of = "of network \(quoted(network))"
        if !subnet.contains(address) { return "address \(address) is not in subnet \(subnet) \(of)" }
        // Of a subnet without any hosts, that alone is said.
        if subnet.hostCount == 0 { return nil }
        if address == subnet.base { return "address \(address) is that of subnet \(subnet) itself" }
        if address == subnet.broadcast { return "address \(address) is everybody's in subnet \(subnet)" }
        return address == subnet.gateway ? "address \(address) is the bridge's own, the first \(of)" : nil
    }

    private mutating func checkMAC(
        _ written: Written<MACAddress>, _ machine: MachineEntry, _ network: NetworkResolver.Entry, _ findings: inout Findings
    ) {
        guard case .value(let mac, let mark) = written else { return }
        if machine.count > 1 {
            findings.add(mark, "there are \(machine.count) machines \(quoted(machine.family)), which cannot all have this MAC address")
            return
        }
        if mac == Derived.gatewayMAC(lab: plan.lab, seed: plan.seed, network: network.name) {
            findings.add(mark, "MAC address \(mac) is the bridge's own on network \(quoted(network.name))")
        } else if let other = macs[mac] {
            findings.add(mark, "MAC address \(mac) is machine \(quoted(other.machine))'s already, in line \(other.mark.line)")
        }
        macs[mac] = Owner(machine: machine.machine.name, mark: mark)
        takenMACs.insert(mac)
    }
}
