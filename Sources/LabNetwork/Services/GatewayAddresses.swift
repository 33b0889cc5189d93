package import LabModel

extension NetworkSettings {
    /// The bridge's own address under the network's prefix.
    package var gateway6: IPv6Address { IPv6Address(high: prefix6, low: 1) }
    /// The bridge's own address on the link.
    package var linkLocal6: IPv6Address { IPv6Address(prefix: IPv6Address.linkLocalPrefix, mac) }

    /// An address that somebody on this network may have: neither the network's own, nor everybody's, nor the gateway's.
    package func isMachine(_ address: IPv4Address) -> Bool {
        subnet.contains(address) && address != subnet.base && address != subnet.broadcast && address != gateway
    }

    /// Where a port's machine is told to send what is not for this network; nil for nowhere.
    package func router(for port: PortSettings) -> IPv4Address? {
        guard let router else { return port.hasUplink ? gateway : nil }
        return router == port.address ? nil : router
    }
}
