import LabModel
import LabNetwork
import PortStream

/// A lab of two networks as its services see it, and a wire to speak to them on.
final class Shop {
    static let lan = NetworkIndex(0)
    static let wan = NetworkIndex(1)
    static let web = PortIndex(0)
    static let db = PortIndex(1)
    static let webOnWAN = PortIndex(2)
    static let stranger = MACAddress(0x02AA_BBCC_DD01)

    static func settings(uplink: Bool = false, subnet: String = "10.20.0.0/24", allow: [String] = []) -> BridgeSettings {
        var lan = NetworkSettings(
            name: "lan", subnet: IPv4Subnet(subnet)!, mac: MACAddress("02:00:00:00:00:fe")!, mtu: 1500, domain: "shop.lab",
            prefix6: 0xFD12_3456_789A_0001)
        lan.allow = allow.map { IPv4Subnet($0)! }
        let wan = NetworkSettings(
            name: "wan", subnet: IPv4Subnet("10.30.0.0/24")!, mac: MACAddress("02:00:00:00:01:fe")!, mtu: 1400, domain: "shop.lab",
            prefix6: 0xFD12_3456_789A_0002)
        var settings = BridgeSettings(lab: "shop", seed: 7, networks: [lan, wan])
        settings.ports = [
            PortSettings(
                name: PortName(machine: "web", network: "lan"), network: Self.lan, mac: MACAddress("02:00:00:00:00:0a")!,
                address: IPv4Address("10.20.0.10")!),
            PortSettings(
                name: PortName(machine: "db", network: "lan"), network: Self.lan, mac: MACAddress("02:00:00:00:00:0b")!,
                address: IPv4Address("10.20.0.11")!),
            PortSettings(
                name: PortName(machine: "web", network: "wan"), network: Self.wan, mac: MACAddress("02:00:00:00:01:0a")!,
                address: IPv4Address("10.30.0.10")!),
        ]
        settings.ports[0].hasUplink = uplink
        return settings
    }

    let settings: BridgeSettings
    var services: GatewayServices
    var now: UInt64 = 1_000_000_000_000

    init(_ settings: BridgeSettings = Shop.settings()) {
        self.settings = settings
        services = GatewayServices(settings, network: Self.lan)
        for port in settings.ports(of: Self.lan) { services.setPort(port, isUp: true, now: now) }
    }

    var gatewayMAC: MACAddress { settings[Self.lan].mac }
    var gateway: IPAddress { .v4(settings[Self.lan].gateway) }
    var gatewayEndpoint: Endpoint { Endpoint(mac: gatewayMAC, ip: gateway) }
    func endpoint(_ port: PortIndex) -> Endpoint { Endpoint(mac: settings[port].mac, ip: .v4(settings[port].address)) }
    func endpoint6(_ port: PortIndex) -> Endpoint {
        Endpoint(mac: settings[port].mac, ip: .v6(IPv6Address(prefix: settings[Self.lan].prefix6, settings[port].mac)))
    }

    /// What the services said to that port since the last time; anything else they said as well fails the caller's counts.
    func heard(on port: PortIndex) -> [[UInt8]] {
        let frames = services.output.frames.filter { $0.destination == .port(port) }.map(\.frame)
        services.output.frames = []
        return frames
    }

    func events() -> [BridgeEvent] {
        defer { services.output.events = [] }
        return services.output.events
    }

    /// Sends a frame and takes the answers.
    func exchange(_ frame: [UInt8], on port: PortIndex = Shop.web) -> [[UInt8]] {
        _ = services.receive(frame, from: port, now: now)
        return heard(on: port)
    }
}

/// A frame of any kind by hand, with right sums: written anew here, so that it judges the house's own.
enum Wire {
    static func word(_ value: Int) -> [UInt8] { [UInt8(value >> 8 & 0xFF), UInt8(value & 0xFF)] }

    static func sum(_ bytes: [UInt8]) -> [UInt8] {
        var sum = 0
        for index in stride(from: 0, to: bytes.count, by: 2) {
            sum += Int(bytes[index]) << 8 + (index + 1 < bytes.count ? Int(bytes[index + 1]) : 0)
        }
        while sum > 0xFFFF { sum = sum & 0xFFFF + sum >> 16 }
        return word(~sum & 0xFFFF)
    }

    static func ip(_ from: Endpoint, _ to: Endpoint, _ transport: UInt8, hops: UInt8 = 64, _ payload: [UInt8]) -> [UInt8] {
        switch from.ip {
        case .v4:
            var header: [UInt8] = [0x45, 0] + word(20 + payload.count) + [0x12, 0x34, 0, 0, hops, transport, 0, 0]
            header += from.ip.octets + to.ip.octets
            header.replaceSubrange(10..<12, with: sum(header))
            return to.mac.octets + from.mac.octets + [8, 0] + header + payload
        case .v6:
            return to.mac.octets + from.mac.octets + [0x86, 0xDD, 0x60, 0, 0, 0] + word(payload.count) + [transport, hops] + from.ip.octets
                + to.ip.octets + payload
        }
    }

    static func pseudo(_ from: Endpoint, _ to: Endpoint, _ transport: UInt8, _ count: Int) -> [UInt8] {
        from.ip.octets + to.ip.octets + [0, transport] + word(count)
    }

    static func udp(_ from: Endpoint, _ port: Int, _ to: Endpoint, _ toPort: Int, _ content: [UInt8]) -> [UInt8] {
        var datagram = word(port) + word(toPort) + word(8 + content.count) + [0, 0] + content
        datagram.replaceSubrange(6..<8, with: sum(pseudo(from, to, 17, datagram.count) + datagram))
        return ip(from, to, 17, datagram)
    }

    static func icmp(_ from: Endpoint, _ to: Endpoint, type: UInt8, code: UInt8 = 0, hops: UInt8 = 255, _ content: [UInt8]) -> [UInt8] {
        var message: [UInt8] = [type, code, 0, 0] + content
        switch from.ip {
        case .v4:
            message.replaceSubrange(2..<4, with: sum(message))
            return ip(from, to, 1, hops: hops, message)
        case .v6:
            message.replaceSubrange(2..<4, with: sum(pseudo(from, to, 58, message.count) + message))
            return ip(from, to, 58, hops: hops, message)
        }
    }

    static func tcp(
        _ from: Endpoint, _ port: Int, _ to: Endpoint, _ toPort: Int, sequence: UInt32, acknowledged: UInt32, flags: UInt8,
        window: Int = 4096, _ content: [UInt8] = []
    ) -> [UInt8] {
        func long(_ value: UInt32) -> [UInt8] { word(Int(value >> 16)) + word(Int(value & 0xFFFF)) }
        var segment =
            word(port) + word(toPort) + long(sequence) + long(acknowledged) + [0x50, flags] + word(window) + [0, 0, 0, 0] + content
        segment.replaceSubrange(16..<18, with: sum(pseudo(from, to, 6, segment.count) + segment))
        return ip(from, to, 6, segment)
    }

    static func arp(operation: Int, from: MACAddress, _ sender: IPAddress, target: IPAddress, to: MACAddress = .broadcast) -> [UInt8] {
        to.octets + from.octets + [8, 6, 0, 1, 8, 0, 6, 4] + word(operation) + from.octets + sender.octets + [0, 0, 0, 0, 0, 0]
            + target.octets
    }
}

/// What came back, taken apart; nil if it is not sound.
struct Heard {
    let ethernet: EthernetFrame
    let packet: IPPacket

    init?(_ frame: [UInt8]) {
        guard let ethernet = EthernetFrame(frame), let packet = IPPacket(ethernet.payload, type: ethernet.type) else { return nil }
        guard packet.transport == 17 ? Datagram(packet) != nil : packet.hasTrueChecksum else { return nil }
        self.ethernet = ethernet
        self.packet = packet
    }

    var datagram: Datagram? { Datagram(packet) }
    var icmp: ICMPMessage? { ICMPMessage(packet) }
    var tcp: TCPSegment? { TCPSegment(packet) }
}
