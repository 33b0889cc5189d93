package import LabModel

extension Topology {
    /// The topology for programs. Networks and machines are in the order of the file; `state` is null where nothing runs.
    ///
    ///     { "apiVersion": "vmlab/v1", "kind": "LabGraph", "lab", "state",
    ///       "networks": [{ "name", "subnet", "gateway", "router", "mtu", "uplink", "link", "state", "up", "partition" }],
    ///       "machines": [{ "name", "image", "cpus", "memory", "state", "publish", "after",
    ///                      "interfaces": [{ "network", "address", "address6", "mac", "vlan", "link", "up" }] }] }
    package var json: JSON {
        .object([
            .init("apiVersion", .text("vmlab/v1")), .init("kind", .text("LabGraph")), .init("lab", .text(lab)), .init("state", .of(state)),
            .init("networks", .list(networks.map(\.json))),
            .init("machines", .list(machines.map { $0.json(networks) })),
        ])
    }
}

extension JSON {
    fileprivate static func of(_ text: String?) -> JSON { text.map { .text($0) } ?? .null }
}

extension Topology.Network {
    fileprivate var json: JSON {
        .object([
            .init("name", .text(name)), .init("subnet", .text(subnet)), .init("gateway", .text(gateway)), .init("router", .of(router)),
            .init("mtu", .number(Int64(mtu))), .init("uplink", .text(hasUplink ? "nat" : "none")), .init("link", shape.json),
            .init("state", .of(state)), .init("up", .bool(isUp)), .init("partition", .list(partition.map { .texts($0) })),
        ])
    }
}

extension Topology.Machine {
    fileprivate func json(_ networks: [Topology.Network]) -> JSON {
        .object([
            .init("name", .text(name)), .init("image", .text(image)), .init("cpus", .number(Int64(cpus))), .init("memory", .text(memory)),
            .init("state", .of(state)), .init("publish", .texts(publish)), .init("after", .texts(after)),
            .init("interfaces", .list(ports.map { $0.json(networks[$0.network].name) })),
        ])
    }
}

extension Topology.Port {
    fileprivate func json(_ network: String) -> JSON {
        .object([
            .init("network", .text(network)), .init("address", .text(address)), .init("address6", .text(address6)),
            .init("mac", .text(mac)),
            .init("vlan", vlan.map { .number(Int64($0)) } ?? .null), .init("link", shape.json), .init("up", .bool(isUp)),
        ])
    }
}

extension LinkShape {
    /// Null when frames suffer nothing.
    fileprivate var json: JSON {
        guard !isNothing else { return .null }
        return .object([
            .init("delayMicroseconds", .unsigned(delayMicroseconds)), .init("jitterMicroseconds", .unsigned(jitterMicroseconds)),
            .init("bitsPerSecond", .unsigned(bitsPerSecond)), .init("lossPPM", .unsigned(UInt64(lossPPM))),
            .init("reorderPPM", .unsigned(UInt64(reorderPPM))), .init("duplicatePPM", .unsigned(UInt64(duplicatePPM))),
            .init("corruptPPM", .unsigned(UInt64(corruptPPM))),
        ])
    }
}
