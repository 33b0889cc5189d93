import LabModel

/// Subnets and addresses that a lab file leaves open.
///
/// Each follows from the lab's name, its seed, and the names of what it is for. Everybody has a sequence of places to ask for, drawn
/// from those names alone, and gets the first that is free: who is written in the file first, then the others in the order of their
/// names. So the order of the file says nothing, and a newcomer moves only those, later in the alphabet, whose place it took.
struct AddressPlan {
    let lab: String
    let seed: UInt64

    /// Draws before places are tried one after the other: while half of them are free, one in a billion needs more.
    private static let draws = 30

    /// A /24 out of 10.0.0.0/8 for each name; none for a name if nothing is free there.
    /// - Parameter taken: the subnets that are written.
    func subnets(of networks: [String], taken: [IPv4Subnet]) -> [String: IPv4Subnet] {
        var taken = taken
        var subnets: [String: IPv4Subnet] = [:]
        for network in networks.sorted() {
            var stream = Derived(seed: seed, "subnet", lab, network)
            let found: IPv4Subnet? = first(of: 1 << 16, &stream) { number in
                let base = IPv4Address(10 << 24 | UInt32(truncatingIfNeeded: number) << 8)
                guard let subnet = IPv4Subnet(base: base, prefixLength: 24), !taken.contains(where: subnet.overlaps) else { return nil }
                return subnet
            }
            if let found { taken.append(found) }
            subnets[network] = found
        }
        return subnets
    }

    /// A host of the subnet for each machine; none for a machine if no host is free. The bridge's own is never one.
    /// - Parameter taken: the addresses that are written.
    func addresses(of machines: [String], on network: String, in subnet: IPv4Subnet, taken: Set<IPv4Address>) -> [String: IPv4Address] {
        var taken = taken
        var addresses: [String: IPv4Address] = [:]
        for machine in machines.sorted() {
            var stream = Derived(seed: seed, "address", lab, machine, network)
            let found: IPv4Address? = first(of: max(0, subnet.hostCount - 1), &stream) { number in
                subnet.host(number + 2).flatMap { taken.contains($0) ? nil : $0 }
            }
            if let found { taken.insert(found) }
            addresses[machine] = found
        }
        return addresses
    }

    /// An Ethernet address that is not taken yet.
    func mac(of machine: String, on network: String, taken: Set<MACAddress>) -> MACAddress {
        var mac = Derived.mac(lab: lab, seed: seed, machine: machine, network: network)
        var attempt = 1
        while taken.contains(mac) {
            attempt += 1
            // No machine has such a name.
            mac = Derived.mac(lab: lab, seed: seed, machine: "\(machine)#\(attempt)", network: network)
        }
        return mac
    }

    private func first<Value>(of count: Int, _ stream: inout Derived, _ free: (Int) -> Value?) -> Value? {
        guard count > 0 else { return nil }
        var number = 0
        for _ in 0..<AddressPlan.draws {
            number = Int(truncatingIfNeeded: stream.next() % UInt64(count))
            if let value = free(number) { return value }
        }
        for offset in 1..<max(2, count) {
            if let value = free((number + offset) % count) { return value }
        }
        return nil
    }
}
