import LabModel
import LabNetwork
import PortStream

/// Where bytes of strangers come in. Each takes any bytes and looks at whatever comes out; libFuzzer (`make fuzz`) and the tests share them.
enum FuzzTarget: String, CaseIterable {
    /// The content of a datagram to port 67.
    case dhcp
    /// The content of a datagram to port 53, and of a connection to it.
    case dns
    case arp
    /// An IPv6 packet's payload, its first byte the transport.
    case ipv6
    /// TCP segments, one after the other, to the gateway and to a probe.
    case tcp
    /// Whole frames, from a guest and from an uplink.
    case frame

    /// Takes the bytes.
    /// - Returns: what is wrong with what came out; nil if nothing is.
    func feed(_ bytes: [UInt8], _ shop: Shop) -> String? {
        shop.now &+= 1_000_000
        let web = shop.endpoint(Shop.web)
        switch self {
        case .dhcp:
            let everybody = Endpoint(mac: .broadcast, ip: .v4(IPv4Address(.max)))
            let nobody = Endpoint(mac: web.mac, ip: .v4(IPv4Address(0)))
            return judge(shop, Wire.udp(nobody, 68, everybody, 67, bytes))
        case .dns:
            return judge(shop, Wire.udp(web, 4000, shop.gatewayEndpoint, 53, bytes))
                ?? judge(shop, Wire.udp(shop.endpoint6(Shop.web), 4000, gateway6(shop), 53, bytes))
        case .arp:
            return judge(shop, MACAddress.broadcast.octets + web.mac.octets + [8, 6] + bytes)
        case .ipv6:
            guard let transport = bytes.first else { return nil }
            let target = bytes.count % 2 == 0 ? gateway6(shop) : Endpoint(mac: IPv6Address.allNodes.groupMAC, ip: .v6(.allNodes))
            let payload = Array(bytes.dropFirst())
            if transport == 58, payload.count >= 4 {
                let message = Wire.icmp(
                    shop.endpoint6(Shop.web), target, type: payload[0], code: payload[1] & 1, Array(payload.dropFirst(4)))
                return judge(shop, message)
            }
            return judge(shop, Wire.ip(shop.endpoint6(Shop.web), target, transport, hops: 255, payload))
        case .tcp:
            return feedSegments(bytes, shop)
        case .frame:
            if bytes.first.map({ $0 & 1 == 0 }) ?? true { return judge(shop, Array(bytes.dropFirst())) }
            shop.services.receiveFromUplink(Array(bytes.dropFirst()), for: Shop.web, now: shop.now)
            return judgeOutput(shop, said: nil)
        }
    }

    /// Segments of sixteen bytes and what follows: { port: u8, flags: u8, sequence: u8, acknowledged: u8, count: u8 }, content.
    private func feedSegments(_ bytes: [UInt8], _ shop: Shop) -> String? {
        var reader = PacketReader(bytes)
        var expected: UInt32 = 0
        shop.services.startProbe("fuzz", .tcp(port: 80), of: Shop.web, now: shop.now)
        _ = shop.heard(on: Shop.web)
        while let port = reader.byte(), let flags = reader.byte(), let sequence = reader.byte(), let acknowledged = reader.byte(),
            let count = reader.byte()
        {
            let content = reader.take(min(Int(count), reader.rest.count)).map(Array.init) ?? []
            let segment = Wire.tcp(
                shop.endpoint(Shop.web), 5000 + Int(port & 3), shop.gatewayEndpoint, port & 128 == 0 ? 53 : 49_152,
                sequence: 1000 &+ UInt32(sequence),
                acknowledged: expected &+ UInt32(acknowledged) &- 1, flags: flags, window: Int(port) << 4, content)
            _ = shop.services.receive(segment, from: Shop.web, now: shop.now)
            if let last = shop.services.output.frames.last.flatMap({ Heard($0.frame)?.tcp }) { expected = last.sequence &+ 1 }
            if let wrong = judgeOutput(shop, said: nil) { return wrong }
            shop.now &+= UInt64(port) << 20
            shop.services.tick(now: shop.now)
            if let wrong = judgeOutput(shop, said: nil) { return wrong }
        }
        return nil
    }

    private func gateway6(_ shop: Shop) -> Endpoint {
        Endpoint(mac: shop.gatewayMAC, ip: .v6(shop.settings[Shop.lan].gateway6))
    }

    private func judge(_ shop: Shop, _ frame: [UInt8]) -> String? {
        _ = shop.services.receive(frame, from: Shop.web, now: shop.now)
        return judgeOutput(shop, said: frame)
    }

    /// Whatever was said is sound, fits the network and goes to the asker; at most two answers a frame.
    private func judgeOutput(_ shop: Shop, said: [UInt8]?) -> String? {
        let output = shop.services.output
        shop.services.output = ServiceOutput()
        if output.frames.count > (said == nil ? 40 : 2) { return "\(output.frames.count) answers" }
        for item in output.frames + output.uplink.map({ (ServiceOutput.Destination.port($0.port), $0.frame) }) {
            // Advertisements that nobody asked for go to everybody.
            guard said == nil || item.destination == .port(Shop.web) else { return "an answer to another port" }
            guard item.frame.count <= 14 + shop.settings[Shop.lan].mtu || said == nil else {
                return "an answer of \(item.frame.count) bytes"
            }
            guard let ethernet = EthernetFrame(item.frame) else { return "no frame" }
            // What an uplink sent is handed on as it is.
            if said == nil, self == .frame { continue }
            guard ethernet.type == EthernetFrame.arp ? ARPPacket(ethernet.payload) != nil : Heard(item.frame) != nil else {
                return "a malformed answer: \(item.frame)"
            }
        }
        return output.events.count > 4 ? "\(output.events.count) events" : nil
    }

    /// Bytes that are understood, to begin from.
    var seeds: [[UInt8]] {
        let name: [UInt8] = [2] + Array("db".utf8) + [4] + Array("shop".utf8) + [3] + Array("lab".utf8) + [0]
        switch self {
        case .dhcp:
            let header: [UInt8] =
                [1, 1, 6, 0, 1, 2, 3, 4, 0, 0, 0, 0] + [UInt8](repeating: 0, count: 16) + [2, 0, 0, 0, 0, 10]
                + [UInt8](repeating: 0, count: 10 + 192) + [0x63, 0x82, 0x53, 0x63]
            var stranger = header
            stranger[33] = 99
            return [
                header + [53, 1, 1, 55, 6, 1, 3, 6, 12, 15, 119, 61, 3, 1, 2, 3, 57, 2, 2, 64, 255],
                header + [53, 1, 3, 50, 4, 10, 20, 0, 10, 54, 4, 10, 20, 0, 1, 52, 1, 3, 255],
                stranger + [53, 1, 1, 50, 4, 10, 20, 0, 99, 51, 4, 0, 0, 0, 1, 255], stranger + [53, 1, 4, 50, 4, 10, 20, 0, 99, 255],
                stranger + [53, 1, 7, 255], stranger + [53, 1, 8, 255],
            ]
        case .dns:
            let header: [UInt8] = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]
            var extended = header
            extended[11] = 1
            return [
                header + name + [0, 1, 0, 1], extended + name + [0, 255, 0, 1, 0, 0, 41, 4, 208, 0, 0, 128, 0, 0, 4, 0, 10, 0, 0],
                header + [2, 0x31, 0x31, 1, 0x30, 2, 0x32, 0x30, 2, 0x31, 0x30, 7] + Array("in-addr".utf8) + [4] + Array("arpa".utf8) + [
                    0, 0, 12, 0, 1,
                ],
                header + [0xC0, 12, 0, 1, 0, 1], header,
            ]
        case .arp:
            return [1, 2].map { [0, 1, 8, 0, 6, 4, 0, $0, 2, 0, 0, 0, 0, 10, 10, 20, 0, 10, 0, 0, 0, 0, 0, 0, 10, 20, 0, 1] }
        case .ipv6:
            let target = IPv6Address(high: 0xFD12_3456_789A_0001, low: 1).octets
            return [
                [58, 135, 0, 0, 0, 0, 0, 0, 0] + target + [1, 1, 2, 0, 0, 0, 0, 10],
                [58, 133, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 0, 0, 0, 0, 10],
                [58, 128, 0, 0, 0, 0, 1, 0, 1, 7, 7, 7], [0, 58, 0, 5, 2, 0, 0, 1, 0, 143, 0, 0, 0, 0, 0, 0, 0],
                [44, 17, 0, 0, 1, 0, 0, 0, 1, 0, 53, 0, 53, 0, 8, 0, 0], [43, 60, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0],
            ]
        case .tcp:
            let question: [UInt8] = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0] + name + [0, 1, 0, 1]
            let framed = [0, UInt8(question.count)] + question
            return [
                [0, 2, 0, 0, 0] + [0, 16, 1, 1, 0] + [0, 24, 1, 1, UInt8(framed.count)] + framed + [0, 17, UInt8(1 + framed.count), 1, 0],
                [128, 18, 0, 0, 0], [128, 20, 0, 0, 0], [1, 2, 0, 0, 0, 2, 2, 0, 0, 0, 3, 2, 0, 0, 0, 1, 4, 1, 0, 0],
            ]
        case .frame:
            let shop = Shop()
            let (web, gateway) = (shop.endpoint(Shop.web), shop.gatewayEndpoint)
            let abroad = Endpoint(mac: gateway.mac, ip: .v4(IPv4Address("9.9.9.9")!))
            return [
                Wire.icmp(web, gateway, type: 8, [0, 1, 0, 1, 9, 9]),
                Wire.udp(web, 1, gateway, 53, [1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1]),
                Wire.tcp(web, 9, abroad, 80, sequence: 1, acknowledged: 0, flags: 2),
                Wire.arp(operation: 1, from: web.mac, web.ip, target: gateway.ip),
                Wire.udp(abroad, 53, web, 61_000, [1, 2, 3]),
            ].flatMap { [[0] + $0, [1] + $0] }
        }
    }
}
