import LabModel
import LabNetwork

/// What machine c may say of the gateway, of machine b and of routers to mislead machine a; and what it may say of itself.
enum Forgery {
    static let prefix: UInt64 = 0xFD00_0001_0002_0003
    static let gateway = IPv6Address(high: prefix, low: 1)
    static let gatewayOnLink = IPv6Address(prefix: IPv6Address.linkLocalPrefix, Rig.gateway)
    static func address(_ number: Int, prefix: UInt64 = Forgery.prefix) -> IPv6Address { IPv6Address(prefix: prefix, Rig.mac(number)) }
    static func onLink(_ number: Int) -> IPv6Address { address(number, prefix: IPv6Address.linkLocalPrefix) }

    /// A message of a port's card from any address, to one machine or a group.
    static func message(
        _ type: UInt8, from source: IPv6Address, of number: Int = 2, to: Endpoint = Forgery.everybody, _ content: [UInt8]
    ) -> [UInt8] {
        Wire.icmp(Endpoint(mac: Rig.mac(number), ip: .v6(source)), to, type: type, content)
    }
    static let everybody = Endpoint(mac: MACAddress(0x3333_0000_0001), ip: .v6(.allNodes))

    /// Solicited nowhere, to override what is known.
    static func advertisement(of target: IPv6Address, by number: Int = 2, to: Endpoint = Forgery.everybody) -> [UInt8] {
        message(136, from: onLink(number), of: number, to: to, [0x20, 0, 0, 0] + target.octets + [2, 1] + Rig.mac(number).octets)
    }

    static func question(for target: IPv6Address, from source: IPv6Address, by number: Int = 2) -> [UInt8] {
        let option = source == IPv6Address(high: 0, low: 0) ? [] : [1, 1] + Rig.mac(number).octets
        let to = Endpoint(mac: target.solicitedNode.groupMAC, ip: .v6(target.solicitedNode))
        return message(135, from: source, of: number, to: to, [0, 0, 0, 0] + target.octets + option)
    }

    /// A router for half an hour.
    static func router(_ number: Int = 2) -> [UInt8] {
        message(134, from: onLink(number), of: number, [64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1] + Rig.mac(number).octets)
    }

    static func redirect(_ number: Int = 2) -> [UInt8] {
        message(137, from: onLink(number), of: number, [0, 0, 0, 0] + onLink(number).octets + gateway.octets)
    }

    /// With other headers of IP before the message.
    static func hidden(behind headers: [(kind: UInt8, bytes: [UInt8])], _ frame: [UInt8]) -> [UInt8] {
        var frame = frame
        var next = frame[20]
        for header in headers.reversed() {
            frame.insert(contentsOf: [next] + header.bytes, at: 54)
            next = header.kind
        }
        frame[20] = next
        frame.replaceSubrange(18..<20, with: Wire.word(frame.count - 54))
        return frame
    }
    static let padding: (kind: UInt8, bytes: [UInt8]) = (60, [0, 1, 4, 0, 0, 0, 0])

    static let nobody = IPv6Address(high: 0, low: 0)
    static let one = Endpoint(mac: Rig.mac(0), ip: .v6(address(0)))

    static let forged: [(String, [UInt8], DropReason)] = [
        ("the gateway's address, to all", advertisement(of: gateway), .spoof),
        ("the gateway's address, to one", advertisement(of: gateway, to: one), .spoof),
        ("the gateway's address on the link", advertisement(of: gatewayOnLink), .spoof),
        ("a peer's address", advertisement(of: address(1)), .spoof),
        ("a peer's address on the link, to one", advertisement(of: onLink(1), to: one), .spoof),
        ("a question in the gateway's name", question(for: address(0), from: gateway), .spoof),
        ("a question in a peer's name", question(for: address(0), from: address(1)), .spoof),
        ("a peer's address, wanted for itself", question(for: address(1), from: nobody), .spoof),
        ("the gateway's advertisement", message(134, from: gatewayOnLink, [64] + [UInt8](repeating: 0, count: 11)), .spoof),
        ("a router of its own", router(), .rogueRouter), ("a better way", redirect(), .rogueRouter),
        ("behind one header", hidden(behind: [padding], advertisement(of: gateway)), .spoof),
        ("behind many", hidden(behind: Array(repeating: padding, count: 12), router()), .rogueRouter),
        ("behind more than there are", hidden(behind: Array(repeating: padding, count: 17), router()), .malformed),
        ("in a fragment", hidden(behind: [(44, [0, 0, 0, 0, 0, 0, 1])], router()), .malformed),
        ("after a fragment's end", Array(hidden(behind: [(44, [0, 0, 1, 0, 0, 0, 1]), padding], router())[..<66]), .malformed),
        ("with a tag of priority", tagged(0, advertisement(of: gateway)), .spoof),
        ("with two", tagged(0, tagged(0, router()), type: 0x88A8), .rogueRouter),
        ("a peer's address by ARP", arp(11), .spoof), ("the gateway's by ARP with a tag of priority", tagged(0, arp(1)), .spoof),
    ]

    static func arp(_ last: UInt8) -> [UInt8] {
        Wire.arp(operation: 2, from: Rig.mac(2), .v4(IPv4Address(0x0A14_0000 + UInt32(last))), target: .v4(IPv4Address("10.20.0.10")!))
    }

    static let honest: [(String, [UInt8])] = [
        ("its own address", advertisement(of: address(2))), ("its own on the link", advertisement(of: onLink(2))),
        ("an address that nobody was given", advertisement(of: IPv6Address(high: prefix, low: 0x77))),
        ("a question", question(for: address(1), from: address(2))),
        ("a question about the gateway", question(for: gateway, from: onLink(2))),
        ("whether its own is free", question(for: address(2), from: nobody)), ("for routers", message(133, from: onLink(2), [0, 0, 0, 0])),
        ("a ping in between", message(128, from: address(2), [UInt8](repeating: 0, count: 20))),
        ("another VLAN's neighbours", tagged(7, advertisement(of: gateway))), ("its own by ARP", arp(12)),
        ("a later fragment", hidden(behind: [(44, [0, 1, 0, 0, 0, 0, 1])], router())),
    ]
}
