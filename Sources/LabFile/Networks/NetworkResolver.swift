import LabModel

/// The networks of a draft, and each machine's place on them: defaults filled in, addresses chosen, everything compared.
struct NetworkResolver {
    let plan: AddressPlan
    /// Names of machines that stand for several, with all that each stands for.
    let families: [String: [String]]

    /// A network together with the places that later checks point to.
    struct Entry {
        var name: String
        var mark: Mark
        var draft: NetworkDraft
        /// Nil where a wrong one is written, or none was to be had.
        var subnet: IPv4Subnet?

        /// Where the subnet is written, or the network if it is not.
        var subnetMark: Mark { draft.subnet.mark ?? mark }
    }

    func resolve(
        _ networks: [Named<NetworkDraft>], machines: inout [MachineEntry], _ findings: inout Findings
    ) -> [Network] {
        if let excess = networks.dropFirst(Limits.networks).first {
            findings.add(excess.mark, "the lab has more than \(Limits.networks) networks")
        }
        var entries = networks.prefix(Limits.networks).map { Entry(name: $0.name, mark: $0.mark, draft: $0.value) }
        SubnetChecks.compareWritten(entries, &findings)
        chooseSubnets(&entries, &findings)
        settle(&machines, on: entries, &findings)
        SubnetChecks.checkRoom(entries, machines, &findings)
        let boots = BootChecks(machines: machines, families: families)
        for entry in entries { check(entry, boots, &findings) }
        for place in machines.flatMap(\.networks) {
            guard case .value(let boot, let mark) = place.value.boot,
                let entry = entries.first(where: { $0.name == place.value.name.value })
            else { continue }
            boots.check(boot, mark, on: entry, &findings)
        }
        PublishChecks.check(machines, networks: entries, &findings)
        return entries.compactMap { entry in entry.subnet.map { network(entry, subnet: $0) } }
    }

    private func chooseSubnets(_ entries: inout [Entry], _ findings: inout Findings) {
        for index in entries.indices { entries[index].subnet = entries[index].draft.subnet.value }
        let open = entries.filter(\.draft.subnet.isAbsent).map(\.name)
        let subnets = plan.subnets(of: open, taken: entries.compactMap(\.subnet))
        for index in entries.indices where entries[index].draft.subnet.isAbsent {
            entries[index].subnet = subnets[entries[index].name]
            if entries[index].subnet == nil {
                findings.add(
                    entries[index].mark, "nothing of 10.0.0.0/8 is left for network \(quoted(entries[index].name)); give it a `subnet`")
            }
        }
    }

    // MARK: - Machines on networks

    /// Gives every machine its interfaces: written addresses first, the others from what is left.
    private func settle(_ machines: inout [MachineEntry], on entries: [Entry], _ findings: inout Findings) {
        var checks = InterfaceChecks(plan: plan, networks: entries)
        var count = 0
        for index in machines.indices {
            machines[index].networks = checks.accepted(machines[index], &findings)
            count += machines[index].networks.count
            if count > Limits.interfaces {
                findings.add(machines[index].mark, "the machines have more than \(Limits.interfaces) places on networks")
                return
            }
        }
        var addresses: [String: [String: IPv4Address]] = [:]
        for entry in entries {
            guard let subnet = entry.subnet else { continue }
            let open = machines.filter { machine in
                machine.networks.contains { $0.value.name.value == entry.name && $0.value.address.isAbsent }
            }.map(\.machine.name)
            addresses[entry.name] = plan.addresses(of: open, on: entry.name, in: subnet, taken: checks.taken(on: entry.name))
        }
        for index in machines.indices.sorted(by: { machines[$0].machine.name < machines[$1].machine.name }) {
            let machine = machines[index].machine.name
            machines[index].machine.interfaces = machines[index].networks.compactMap { place in
                guard let network = place.value.name.value,
                    let address = place.value.address.value ?? addresses[network]?[machine]
                else { return nil }
                return Interface(
                    network: network, address: address, mac: place.value.mac.value ?? checks.chooseMAC(of: machine, on: network),
                    link: place.value.link.value?.shape ?? LinkShape(), vlan: place.value.vlan.value, boot: place.value.boot.value?.boot)
            }
        }
    }

    // MARK: - One network

    private func check(_ entry: Entry, _ boots: BootChecks, _ findings: inout Findings) {
        let draft = entry.draft
        if let mark = draft.allow.mark, draft.uplink.value != .nat, draft.uplink.value != nil || draft.uplink.isAbsent {
            findings.add(mark, "`allow` says what an uplink may reach; network \(quoted(entry.name)) has no `uplink: nat`")
        }
        if let link = draft.link.value { link.check(&findings) }
        if case .value(let boot, let mark) = draft.boot { boots.check(boot, mark, on: entry, &findings) }
        guard case .value(let gateway, let mark) = draft.gateway else { return }
        if draft.uplink.value == .nat {
            findings.add(mark, "network \(quoted(entry.name)) has two ways out, `gateway` and `uplink: nat`; it can have one")
        }
        boots.checkMember(gateway, mark, "gateway", of: entry, &findings)
    }

    private func network(_ entry: Entry, subnet: IPv4Subnet) -> Network {
        let draft = entry.draft
        let isNat = draft.uplink.value == .nat
        var capture = Network.Capture.standard
        if let draft = draft.capture.value {
            let ring = draft.isOff ? ByteCount(bytes: 0) : draft.ring.value ?? capture.ring
            capture = Network.Capture(ring: ring, snapLength: draft.snap.value.map { Int(clamping: $0.bytes) } ?? capture.snapLength)
        }
        return Network(
            name: entry.name, subnet: subnet, mtu: draft.mtu.value ?? NetworkResolver.mtu,
            uplink: isNat ? .nat(allow: draft.allow.value?.map(\.value) ?? []) : .none,
            route: draft.gateway.value.map { .machine($0) } ?? (isNat ? .bridge : .none), link: draft.link.value?.shape ?? LinkShape(),
            capture: capture, boot: draft.boot.value?.boot)
    }

    /// As of every Ethernet.
    private static let mtu = 1500
}

extension LinkDraft {
    var shape: LinkShape {
        var shape = LinkShape()
        shape.delayMicroseconds = delay.value ?? 0
        shape.jitterMicroseconds = jitter.value ?? 0
        shape.bitsPerSecond = rate.value ?? 0
        shape.lossPPM = UInt32(clamping: loss.value ?? 0)
        shape.reorderPPM = UInt32(clamping: reorder.value ?? 0)
        shape.duplicatePPM = UInt32(clamping: duplicate.value ?? 0)
        shape.corruptPPM = UInt32(clamping: corrupt.value ?? 0)
        return shape
    }

    func check(_ findings: inout Findings) {
        if case .wrong = delay { return }
        let delay = delay.value ?? 0
        if case .value(let jitter, let mark) = jitter, jitter > delay {
            findings.add(mark, "the jitter is larger than the delay: a frame would arrive before it was sent")
        }
        if case .value(let reorder, let mark) = reorder, reorder > 0, delay == 0 {
            findings.add(mark, "without a `delay` no frame can overtake another")
        }
    }
}

/// `1 machine`, `3 machines`.
func counted(_ count: Int, _ noun: String) -> String { count == 1 ? "1 \(noun)" : "\(count) \(noun)s" }
