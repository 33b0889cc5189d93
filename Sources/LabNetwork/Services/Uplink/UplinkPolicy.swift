package import LabModel

/// Where a guest may go through its uplink.
///
/// The way out leads through the host, which can reach more than the internet: itself, its own network, the metadata service of a
/// cloud. All of these are closed unless the lab file opens a range by name. Uplinks speak IPv4 only.
package struct UplinkPolicy: Sendable {
    package enum Judgement: Hashable, Sendable {
        case allowed
        /// Inside the lab: not for an uplink, and the bridge is no router.
        case ownLab
        case denied
    }

    /// Never anybody's: this network, groups, reserved.
    private static let never = ["0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4"].compactMap { IPv4Subnet($0) }
    /// The host, its link, private networks (RFC 1918), carriers' (RFC 6598), protocol assignments, benchmarks.
    private static let closed = [
        "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.168.0.0/16", "198.18.0.0/15",
    ].compactMap { IPv4Subnet($0) }

    private let lab: [NetworkSettings]
    private let allow: [IPv4Subnet]

    package init(_ settings: BridgeSettings, network: NetworkIndex) {
        lab = settings.networks
        allow = settings[network].allow
    }

    package func judge(_ address: IPv4Address) -> Judgement {
        if lab.contains(where: { $0.subnet.contains(address) }) { return .ownLab }
        if Self.never.contains(where: { $0.contains(address) }) { return .denied }
        if allow.contains(where: { $0.contains(address) }) { return .allowed }
        return Self.closed.contains { $0.contains(address) } ? .denied : .allowed
    }
}
