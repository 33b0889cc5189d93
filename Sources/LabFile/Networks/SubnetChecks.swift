import LabModel

/// What subnets must not be, and how they must not meet.
enum SubnetChecks {
    /// What no network of machines can have, and why (RFC 6890).
    private static let reserved: [(subnet: String, reason: String)] = [
        ("0.0.0.0/8", "which is nobody's address"), ("127.0.0.0/8", "which is every host itself"),
        ("169.254.0.0/16", "which hosts give themselves where nobody serves addresses"),
        ("224.0.0.0/3", "which are addresses of groups, or none at all"),
    ]
    /// The largest subnet is one of RFC 1918's.
    private static let shortest = 8

    static func compareWritten(_ entries: [NetworkResolver.Entry], _ findings: inout Findings) {
        var seen: [(subnet: IPv4Subnet, name: String, mark: Mark)] = []
        for entry in entries {
            guard case .value(let subnet, let mark) = entry.draft.subnet else { continue }
            if subnet.prefixLength < shortest {
                findings.add(mark, "subnet \(subnet) is larger than any that a network can have; the largest end in /\(shortest)")
                continue
            }
            for range in reserved {
                guard let other = IPv4Subnet(range.subnet), subnet.overlaps(other) else { continue }
                findings.add(mark, "subnet \(subnet) lies in \(range.subnet), \(range.reason)")
            }
            if let other = seen.first(where: { $0.subnet.overlaps(subnet) }) {
                findings.add(mark, "subnet \(subnet) overlaps \(other.subnet) of network \(quoted(other.name)) in line \(other.mark.line)")
            }
            seen.append((subnet, entry.name, mark))
        }
    }

    /// The bridge takes the first address of a subnet, machines take the others.
    static func checkRoom(_ entries: [NetworkResolver.Entry], _ machines: [MachineEntry], _ findings: inout Findings) {
        for entry in entries {
            guard let subnet = entry.subnet else { continue }
            let wanted = machines.count { machine in machine.networks.contains { $0.value.name.value == entry.name } }
            let room = max(0, subnet.hostCount - 1)
            guard room < max(1, wanted) else { continue }
            findings.add(
                entry.subnetMark,
                "subnet \(subnet) has room for \(counted(room, "machine")) beside the bridge; \(wanted == 1 ? "1 is" : "\(wanted) are") on it"
            )
        }
    }
}
