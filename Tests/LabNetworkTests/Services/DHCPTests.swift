import LabModel
import LabNetwork
import Testing

/// A message as a client or relay would write it.
private struct Request {
    var kind: UInt8
    var hardware: MACAddress
    var options: [UInt8] = []
    var client = "0.0.0.0"
    var relay = "0.0.0.0"
    var flags: [UInt8] = [0, 0]
    var count: UInt8 = 6

    var bytes: [UInt8] {
        var bytes: [UInt8] = [1, 1, count, 0, 0xDE, 0xAD, 0xBE, 0xEF, 0, 0] + flags
        bytes += IPv4Address(client)!.octets + [0, 0, 0, 0, 0, 0, 0, 0] + IPv4Address(relay)!.octets + hardware.octets
        bytes += [UInt8](repeating: 0, count: 10 + 64 + 128) + [0x63, 0x82, 0x53, 0x63]
        return bytes + [53, 1, kind] + options + [255]
    }
}

private func option(_ code: UInt8, _ value: [UInt8]) -> [UInt8] { [code, UInt8(value.count)] + value }
private func address(_ text: String) -> [UInt8] { IPv4Address(text)!.octets }

/// An answer taken apart.
private struct Reply {
    let bytes: [UInt8]
    var kind: UInt8 { options[53]?.first ?? 0 }
    var yours: IPv4Address { IPv4Address(bytes[16..<20].reduce(0) { $0 << 8 | UInt32($1) }) }
    var options: [UInt8: [UInt8]] = [:]
    let heard: Heard

    init?(_ frames: [[UInt8]]) {
        guard frames.count == 1, let heard = Heard(frames[0]), let datagram = heard.datagram, datagram.sourcePort == 67 else { return nil }
        self.heard = heard
        bytes = Array(datagram.content)
        guard bytes.count >= 300, bytes[0] == 2, bytes[4..<8].elementsEqual([0xDE, 0xAD, 0xBE, 0xEF]) else { return nil }
        var offset = 240
        while offset < bytes.count, bytes[offset] != 255 {
            let count = Int(bytes[offset + 1])
            options[bytes[offset]] = Array(bytes[(offset + 2)..<(offset + 2 + count)])
            offset += 2 + count
        }
        // What is not said is zero: names, file, padding.
        guard bytes[34..<236].allSatisfy({ $0 == 0 }), bytes[(offset + 1)...].allSatisfy({ $0 == 0 }) else { return nil }
    }
}

extension Shop {
    fileprivate func ask(_ request: Request, on port: PortIndex = Shop.web) -> Reply? { Reply(tell(request, on: port)) }

    fileprivate func tell(_ request: Request, on port: PortIndex = Shop.web) -> [[UInt8]] {
        let client = Endpoint(mac: request.hardware, ip: .v4(IPv4Address(request.client)!))
        let everybody = Endpoint(mac: .broadcast, ip: .v4(IPv4Address(.max)))
        return exchange(Wire.udp(client, 68, everybody, 67, request.bytes), on: port)
    }

    fileprivate var webMAC: MACAddress { settings[Shop.web].mac }
}

@Suite struct `addresses are given by DHCP` {
    @Test func `a machine gets its own address, and all that it asks for by name`() throws {
        let shop = Shop()
        let wanted = option(55, [1, 3, 6, 12, 15, 26, 28, 119])
        let offer = try #require(shop.ask(Request(kind: 1, hardware: shop.webMAC, options: wanted)))
        #expect(offer.kind == 2 && offer.yours == IPv4Address("10.20.0.10"))
        #expect(offer.heard.ethernet.destination == shop.webMAC && offer.heard.packet.destination == .v4(offer.yours))
        #expect(shop.events().isEmpty)
        let selecting = option(54, address("10.20.0.1")) + option(50, address("10.20.0.10")) + wanted
        let lease = try #require(shop.ask(Request(kind: 3, hardware: shop.webMAC, options: selecting)))
        #expect(lease.kind == 5 && lease.yours == IPv4Address("10.20.0.10"))
        #expect(lease.options[1] == address("255.255.255.0"))
        #expect(lease.options[3] == nil, "nothing leads out of this network")
        #expect(lease.options[6] == address("10.20.0.1") && lease.options[54] == address("10.20.0.1"))
        #expect(lease.options[12] == Array("web".utf8) && lease.options[15] == Array("shop.lab".utf8))
        #expect(lease.options[26] == [5, 220] && lease.options[28] == address("10.20.0.255"))
        #expect(lease.options[119] == [4] + Array("shop".utf8) + [3] + Array("lab".utf8) + [0])
        #expect(
            lease.options[51] == [0, 1, 0x51, 0x80] && lease.options[58] == [0, 0, 0xA8, 0xC0] && lease.options[59] == [0, 1, 0x27, 0x50])
        #expect(shop.events() == [.lease(shop.settings[Shop.web].name, mac: shop.webMAC, address: lease.yours)])
        // A renewal is no news.
        _ = shop.ask(Request(kind: 3, hardware: shop.webMAC, client: "10.20.0.10"))
        #expect(shop.events().isEmpty)
    }

    @Test func `only what was asked for is sent, the mask and the client's own name in any case`() throws {
        let shop = Shop()
        let offer = try #require(shop.ask(Request(kind: 1, hardware: shop.webMAC, options: option(55, [15]) + option(61, [255, 1, 2, 3]))))
        #expect(Set(offer.options.keys) == [53, 54, 51, 58, 59, 61, 1, 15])
        #expect(offer.options[61] == [255, 1, 2, 3])
        #expect(shop.ask(Request(kind: 1, hardware: shop.webMAC))?.options[175] == nil)
        #expect(shop.ask(Request(kind: 1, hardware: shop.webMAC, options: option(55, [175])))?.options[175] == [176, 1, 1])
    }

    @Test func `with an uplink the gateway is the router, with a machine as router that one, which gets none`() throws {
        var shop = Shop(Shop.settings(uplink: true))
        #expect(shop.ask(Request(kind: 1, hardware: shop.webMAC))?.options[3] == address("10.20.0.1"))
        #expect(shop.ask(Request(kind: 1, hardware: shop.settings[Shop.db].mac), on: Shop.db)?.options[3] == nil)
        var settings = Shop.settings(uplink: true)
        settings.networks[0].router = settings.ports[1].address
        shop = Shop(settings)
        #expect(shop.ask(Request(kind: 1, hardware: shop.webMAC))?.options[3] == address("10.20.0.11"))
        #expect(shop.ask(Request(kind: 1, hardware: shop.settings[Shop.db].mac), on: Shop.db)?.options[3] == nil)
    }

    @Test(arguments: ["10.20.0.11", "192.168.1.5", "10.20.0.254", "0.0.0.1"])
    func `a machine that remembers another address is refused at once`(remembered: String) throws {
        let shop = Shop()
        let refused = try #require(shop.ask(Request(kind: 3, hardware: shop.webMAC, options: option(50, address(remembered)))))
        #expect(refused.kind == 6 && refused.yours.value == 0 && refused.heard.ethernet.destination == .broadcast)
        #expect(refused.options[51] == nil)
        #expect(shop.ask(Request(kind: 3, hardware: shop.webMAC, client: remembered))?.kind == 6, "renewing")
    }

    @Test func `a machine that remembers its address after a reboot, renews or rebinds it keeps it`() throws {
        let shop = Shop()
        let reboot = try #require(shop.ask(Request(kind: 3, hardware: shop.webMAC, options: option(50, address("10.20.0.10")))))
        #expect(reboot.kind == 5 && reboot.yours == IPv4Address("10.20.0.10"))
        let rebound = try #require(shop.ask(Request(kind: 3, hardware: shop.webMAC, client: "10.20.0.10")))
        #expect(rebound.kind == 5 && rebound.heard.packet.destination == .v4(IPv4Address("10.20.0.10")!))
    }

    @Test func `a client that takes another server's offer hears nothing`() {
        let shop = Shop()
        let other = option(54, address("10.20.0.77")) + option(50, address("10.20.0.10"))
        #expect(shop.tell(Request(kind: 3, hardware: shop.webMAC, options: other)).isEmpty)
    }

    @Test func `one who has an address is told the rest, without a lease`() throws {
        let shop = Shop()
        let told = try #require(shop.ask(Request(kind: 8, hardware: shop.webMAC, client: "10.20.0.10")))
        #expect(told.kind == 5 && told.yours.value == 0 && told.options[51] == nil && told.options[6] == address("10.20.0.1"))
        #expect(shop.tell(Request(kind: 8, hardware: shop.webMAC, client: "192.0.2.1")).isEmpty)
    }

    @Test func `nobody gets a machine's address on another wire`() {
        let shop = Shop()
        #expect(shop.tell(Request(kind: 1, hardware: shop.webMAC), on: Shop.db).isEmpty)
        #expect(shop.tell(Request(kind: 3, hardware: shop.webMAC, options: option(50, address("10.20.0.10"))), on: Shop.db).isEmpty)
    }

    @Test func `a stranger gets an address of nobody, and the same one after the bridge began anew`() throws {
        let first = Shop()
        let offer = try #require(first.ask(Request(kind: 1, hardware: Shop.stranger)))
        #expect(first.settings.networks[0].isMachine(offer.yours))
        #expect(!first.settings.ports.map(\.address).contains(offer.yours))
        #expect(offer.options[12] == nil, "it is no machine of the lab")
        let taken = option(54, address("10.20.0.1")) + option(50, offer.yours.octets)
        #expect(first.ask(Request(kind: 3, hardware: Shop.stranger, options: taken))?.kind == 5)
        let second = Shop()
        #expect(second.ask(Request(kind: 3, hardware: Shop.stranger, client: offer.yours.description))?.kind == 5, "renewing")
        #expect(second.ask(Request(kind: 1, hardware: Shop.stranger))?.yours == offer.yours)
        let third = Shop()
        #expect(third.ask(Request(kind: 1, hardware: Shop.stranger))?.yours == offer.yours)
    }

    @Test func `a stranger's address goes to nobody else until it is given back`() throws {
        let shop = Shop()
        let own = try #require(shop.ask(Request(kind: 1, hardware: Shop.stranger))).yours
        let other = MACAddress(0x02AA_BBCC_DD02)
        #expect(shop.ask(Request(kind: 3, hardware: other, options: option(50, own.octets)))?.kind == 6)
        #expect(shop.ask(Request(kind: 1, hardware: other, options: option(50, own.octets)))?.yours != own)
        _ = shop.tell(Request(kind: 7, hardware: Shop.stranger, options: option(54, address("10.20.0.1")), client: own.description))
        #expect(shop.ask(Request(kind: 3, hardware: other, options: option(50, own.octets)))?.kind == 5)
    }

    @Test func `a declined address stays out of use, then comes back`() throws {
        let shop = Shop()
        let own = try #require(shop.ask(Request(kind: 1, hardware: Shop.stranger))).yours
        _ = shop.tell(Request(kind: 4, hardware: Shop.stranger, options: option(50, own.octets) + option(54, address("10.20.0.1"))))
        let next = try #require(shop.ask(Request(kind: 1, hardware: Shop.stranger, options: option(50, own.octets))))
        #expect(next.yours != own)
        shop.now += 601_000_000_000
        #expect(shop.ask(Request(kind: 3, hardware: Shop.stranger, options: option(50, own.octets)))?.kind == 5)
    }

    @Test func `strangers without end exhaust their own port's half, are then met by silence, and cost machines nothing`() {
        let shop = Shop(Shop.settings(subnet: "10.20.0.0/24"))
        var given: Set<IPv4Address> = []
        for number in 0..<65_536 {
            shop.now += 500_000
            let reply = shop.ask(Request(kind: 1, hardware: MACAddress(0x06_0000_0000 + UInt64(number))))
            if let reply { #expect(given.insert(reply.yours).inserted) }
        }
        // 254 hosts, less the gateway and two machines.
        #expect(given.count == 251 / 2)
        // Once a second at most.
        let events = shop.events()
        #expect((1...34).contains(events.count) && Set(events) == [.poolExhausted(network: "lan")])
        #expect(shop.ask(Request(kind: 1, hardware: shop.webMAC))?.yours == IPv4Address("10.20.0.10"))
        #expect(shop.ask(Request(kind: 1, hardware: Shop.stranger), on: Shop.db) != nil, "the other half is left")
        // Offers that nobody took are forgotten.
        shop.now += 61_000_000_000
        #expect(shop.ask(Request(kind: 1, hardware: Shop.stranger)) != nil)
    }

    @Test func `a relay on the network is answered, another is not`() throws {
        let shop = Shop()
        let reply = try #require(shop.ask(Request(kind: 1, hardware: Shop.stranger, relay: "10.20.0.10")))
        #expect(reply.heard.packet.destination == .v4(IPv4Address("10.20.0.10")!) && reply.heard.datagram?.destinationPort == 67)
        #expect(shop.tell(Request(kind: 1, hardware: Shop.stranger, relay: "10.99.0.1")).isEmpty)
        #expect(shop.tell(Request(kind: 1, hardware: Shop.stranger, relay: "10.20.0.1")).isEmpty)
    }

    @Test func `the answer goes to everybody if the client cannot take another`() throws {
        let shop = Shop()
        let reply = try #require(shop.ask(Request(kind: 1, hardware: shop.webMAC, flags: [0x80, 0])))
        #expect(reply.heard.ethernet.destination == .broadcast && reply.heard.packet.destination == .v4(IPv4Address(.max)))
    }

    @Test func `options may be in pieces and go on in the fixed fields`() throws {
        let shop = Shop()
        var bytes = Request(kind: 1, hardware: shop.webMAC, options: option(61, [1, 2]) + option(61, [3]) + option(52, [3])).bytes
        bytes.replaceSubrange(108..<112, with: [55, 1, 15, 255])
        bytes.replaceSubrange(44..<48, with: [61, 1, 4, 255])
        let client = Endpoint(mac: shop.webMAC, ip: .v4(IPv4Address(0)))
        let everybody = Endpoint(mac: .broadcast, ip: .v4(IPv4Address(.max)))
        let reply = try #require(Reply(shop.exchange(Wire.udp(client, 68, everybody, 67, bytes))))
        #expect(reply.options[61] == [1, 2, 3, 4] && reply.options[15] != nil && reply.options[6] == nil)
    }

    @Test func `malformed requests are met by silence`() {
        let shop = Shop()
        let client = Endpoint(mac: shop.webMAC, ip: .v4(IPv4Address(0)))
        let everybody = Endpoint(mac: .broadcast, ip: .v4(IPv4Address(.max)))
        func send(_ bytes: [UInt8]) -> [[UInt8]] { shop.exchange(Wire.udp(client, 68, everybody, 67, bytes)) }
        let good = Request(kind: 1, hardware: shop.webMAC)
        #expect(send(good.bytes).count == 1)
        var long = good
        long.count = 255
        #expect(send(long.bytes).isEmpty, "a hardware address of 255 bytes")
        #expect(send(Array(good.bytes.dropLast()) + [61, 200, 1]).isEmpty, "an option past the end")
        #expect(send(Array(good.bytes.dropLast()) + [61]).isEmpty, "an option without a count")
        #expect(send([2] + good.bytes.dropFirst()).isEmpty, "an answer")
        for kind in [UInt8](0...255) where ![1, 3, 8].contains(kind) {
            #expect(send(Request(kind: kind, hardware: shop.webMAC).bytes).isEmpty)
        }
        #expect(send(Array(good.bytes.prefix(240)) + [255]).isEmpty, "no kind at all: BOOTP")
        for count in 0..<good.bytes.count - 2 { #expect(send(Array(good.bytes.prefix(count))).isEmpty) }
        #expect(send(Request(kind: 1, hardware: .broadcast).bytes).isEmpty)
    }
}
