import LabModel

/// What machines are told to boot from a network, looked at with the machines and addresses that there are.
struct BootChecks {
    let machines: [MachineEntry]
    let families: [String: [String]]

    /// - Parameter mark: of all that is said of it.
    func check(_ draft: NetworkBootDraft, _ mark: Mark, on network: NetworkResolver.Entry, _ findings: inout Findings) {
        if draft.file.isAbsent, draft.ipxe.isAbsent {
            findings.add(mark, "`boot` says nothing to start; give it a `file`, or `ipxe` for clients that are iPXE")
        }
        if draft.server.isAbsent {
            for case .value(let file, let mark) in [draft.file, draft.ipxe] where !Self.isURL(file) {
                findings.add(mark, "\(quoted(file)) is no URL, so `boot` wants a `server` that has it")
            }
        }
        guard case .value(let server, let mark) = draft.server else { return }
        switch server {
        case .machine(let name):
            checkMember(name, mark, "server", of: network, &findings)
        case .address(let address):
            if let fault = fault(of: address, on: network) { findings.add(mark, fault) }
        }
    }

    /// Whether there is one machine of that name on the network.
    /// - Parameter role: what it is to be, such as `gateway`.
    func checkMember(_ name: String, _ mark: Mark, _ role: String, of network: NetworkResolver.Entry, _ findings: inout Findings) {
        if let machine = machines.first(where: { $0.machine.name == name }) {
            if !machine.networks.contains(where: { $0.value.name.value == network.name }) {
                findings.add(mark, "machine \(quoted(name)) is not on network \(quoted(network.name))")
            }
        } else if let members = families[name], let first = members.first, let last = members.last {
            findings.add(
                mark, "\(quoted(name)) stands for \(counted(members.count, "machine")), \(first) to \(last); the \(role) is one of them")
        } else {
            findings.add(
                mark, "there is no machine \(quoted(name)) to be the \(role)", near: name, among: machines.map(\.machine.name).sorted())
        }
    }

    private func fault(of address: IPv4Address, on network: NetworkResolver.Entry) -> String? {
        guard let subnet = network.subnet else { return nil }
        if address == subnet.gateway { return "address \(address) is the bridge's own, which has no files; name a machine" }
        if subnet.contains(address) {
            return address == subnet.base || address == subnet.broadcast
                ? "address \(address) is nobody's on network \(quoted(network.name))" : nil
        }
        let hasWayOut = !network.draft.gateway.isAbsent || network.draft.uplink.value == .nat
        return hasWayOut ? nil : "address \(address) is not in subnet \(subnet), and nothing leads out of network \(quoted(network.name))"
    }

    static func isURL(_ file: String) -> Bool { file.contains("://") }
}

extension NetworkBootDraft {
    var boot: NetworkBoot { NetworkBoot(server: server.value, file: file.value, ipxe: ipxe.value) }
}
