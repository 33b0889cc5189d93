package import LabModel

/// The names of a lab: its machines, on whichever of its networks they are, forwards and backwards.
package struct DNSZone: Sendable {
    package enum Value: Hashable, Sendable {
        case a(IPv4Address)
        case aaaa(IPv6Address)
        case ptr(DNSName)
        case ns(DNSName)
        /// The zone's own description, with the name of its server.
        case soa(server: DNSName)
    }

    package enum Finding: Sendable {
        /// Everything of that name, whatever its type. `zone` owns it.
        case name([Value], zone: DNSName)
        case nothing(zone: DNSName)
        /// Not for this lab to say.
        case outside
    }

    private struct Place: Sendable {
        var network: NetworkIndex
        var values: [Value]
    }

    /// Machines by each of their names; places in the order of the networks.
    private var machines: [DNSName: [Place]] = [:]
    private var reverse: [DNSName: DNSName] = [:]
    private let domains: Set<DNSName>
    /// The names above the domains.
    private var above: Set<DNSName> = []
    private let networks: [NetworkSettings]
    /// Addresses that machines have formed, as they said themselves.
    private var formed: Set<IPv6Address> = []
    /// Those that they would form.
    private var foreseen: Set<IPv6Address> = []

    /// What the bridge is called, unless a machine is.
    static let gatewayLabel = "gateway"

    package init(_ settings: BridgeSettings) {
        networks = settings.networks
        domains = Set(networks.compactMap { DNSName($0.domain) })
        for domain in domains {
            var name = domain
            while !name.isRoot {
                name = name.parent
                above.insert(name)
            }
        }
        let isGatewayTaken = settings.ports.contains { $0.name.machine == Self.gatewayLabel }
        for (number, network) in networks.enumerated() {
            let index = NetworkIndex(number)
            for port in settings.ports where port.network == index {
                let own = IPv6Address(prefix: network.prefix6, port.mac)
                foreseen.insert(own)
                let place = Place(network: index, values: [.a(port.address), .aaaa(own)])
                if let short = DNSName(port.name.machine) { machines[short, default: []].append(place) }
                guard let name = DNSName(port.name.machine + "." + network.domain) else { continue }
                machines[name, default: []].append(place)
                point(to: name, from: [.v4(port.address), .v6(own)])
            }
            guard !isGatewayTaken, let name = DNSName(Self.gatewayLabel + "." + network.domain) else { continue }
            machines[name, default: []].append(Place(network: index, values: [.a(network.gateway), .aaaa(network.gateway6)]))
            point(to: name, from: [.v4(network.gateway), .v6(network.gateway6), .v6(network.linkLocal6)])
        }
    }

    private mutating func point(to name: DNSName, from addresses: [IPAddress]) {
        for address in addresses {
            if let from = Self.reverseName(address) { reverse[from] = name }
        }
    }

    /// A machine has an IPv6 address, or is about to have it.
    mutating func note(_ address: IPv6Address) {
        if foreseen.contains(address) { formed.insert(address) }
    }

    /// A machine without IPv6, or with addresses of its own making, is not to be looked for where it is not: on the asker's own network,
    /// where nothing else would tell.
    private func isThere(_ value: Value) -> Bool {
        guard case .aaaa(let address) = value else { return true }
        return !foreseen.contains(address) || formed.contains(address)
    }

    /// - Parameter network: the asker's: addresses there come first.
    package func find(_ name: DNSName, askedOn network: NetworkIndex) -> Finding {
        if let places = machines[name] {
            let near = places.filter { $0.network == network }
            let far = places.filter { $0.network != network }
            let zone = domains.contains(name.parent) ? name.parent : name
            return .name(near.flatMap(\.values).filter(isThere) + far.flatMap(\.values), zone: zone)
        }
        if domains.contains(name) {
            let server = DNSName(labels: [Array(Self.gatewayLabel.utf8)] + name.labels) ?? name
            return .name([.soa(server: server), .ns(server)], zone: name)
        }
        if !name.isRoot, above.contains(name) { return .name([], zone: name) }
        if let name = reverse[name] { return .name([.ptr(name)], zone: name.parent) }
        if let domain = domains.filter({ name.isBelow($0) }).max(by: { $0.labelCount < $1.labelCount }) { return .nothing(zone: domain) }
        return findReverse(name)
    }

    // MARK: - Backwards

    private static let reverse4: [[UInt8]] = [Array("in-addr".utf8), Array("arpa".utf8)]
    private static let reverse6: [[UInt8]] = [Array("ip6".utf8), Array("arpa".utf8)]

    package static func reverseName(_ address: IPAddress) -> DNSName? {
        switch address {
        case .v4(let address):
            return DNSName(labels: address.octets.reversed().map { Array(String($0).utf8) } + reverse4)
        case .v6(let address):
            let nibbles = address.octets.flatMap { [$0 >> 4, $0 & 15] }
            return DNSName(labels: nibbles.reversed().map { Array(String($0, radix: 16).utf8) } + reverse6)
        }
    }

    /// A backwards name without an entry: inside one of the lab's networks there is nothing, above one there is an empty name.
    private func findReverse(_ name: DNSName) -> Finding {
        guard name.labelCount <= 34 else { return .outside }
        let labels = name.labels
        let digits = labels.dropLast(2).reversed().map { String(decoding: $0, as: UTF8.self) }
        switch Array(labels.suffix(2)) {
        case Self.reverse4:
            guard digits.count <= 4 else { return .outside }
            var value: UInt32 = 0
            for digit in digits {
                guard let octet = UInt8(digit) else { return .outside }
                value = value << 8 | UInt32(octet)
            }
            let length = 8 * digits.count
            guard let range = IPv4Subnet(base: IPv4Address(length == 0 ? 0 : value << UInt32(32 - length)), prefixLength: length),
                let subnet = networks.map(\.subnet).first(where: { $0.overlaps(range) })
            else { return .outside }
            if length <= subnet.prefixLength && length < 32 { return .name([], zone: name) }
            return .nothing(zone: name.last(2 + subnet.prefixLength / 8))
        case Self.reverse6:
            guard digits.count <= 32 else { return .outside }
            var value: UInt64 = 0
            for digit in digits.prefix(16) {
                guard let nibble = UInt8(digit, radix: 16), nibble < 16 else { return .outside }
                value = value << 4 | UInt64(nibble)
            }
            let bits = UInt64(4 * min(digits.count, 16))
            guard networks.contains(where: { bits == 0 || $0.prefix6 >> (64 - bits) == value }) else { return .outside }
            if digits.count <= 16 { return .name([], zone: name) }
            return .nothing(zone: name.last(18))
        default:
            return .outside
        }
    }
}
