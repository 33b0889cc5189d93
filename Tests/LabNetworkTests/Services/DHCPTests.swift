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
    /// Whom to ask next, and for what, as the fixed fields say it.
    var nextServer: IPv4Address { IPv4Address(bytes[20..<24].reduce(0) { $0 << 8 | UInt32($1) }) }
    var file: String { String(decoding: bytes[108..<236].prefix { $0 != 0 }, as: UTF8.self) }
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
        guard bytes[34..<108].allSatisfy({ $0 == 0 }), bytes[108..<236].drop(while: { $0 != 0 }).allSatisfy({ $0 == 0 }),
            bytes[235] == 0, bytes[(offset + 1)...].allSatisfy({ $0 == 0 })
        else { return nil }
    }
}

extension Shop {
    fileprivate func ask(_ request: Request, on port: PortIndex = Shop.web) -> Reply? { Reply(tell(request, on: port)) }

    fileprivate func tell(_ request: Request, on port: PortIndex = Shop.web) -> [[UInt8]] {
        let client = Endpoint(mac: request.hardware, ip: .v4(IPv4Address(request.client)!))
        let everybody = Endpoint(mac: .broadcast, ip: .v4(IPv4Address(.max)))
        return exchange(Wire.udp(client, 68, everybody, 67, request.bytes), on: port)
    }

    /// The same shop, in which clients are told what to boot.
    fileprivate static func booting(_ boots: [BootSettings], web: [BootSettings] = []) -> Shop {
        var settings = Shop.settings()
        settings.networks[0].boots = boots
        settings.ports[0].boots = web
        return Shop(settings)
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

@Suite struct `what to boot is said by DHCP` {
    static let server = IPv4Address("10.20.0.11")!
    /// What PXE firmware asks for among others, and what it says of itself.
    static let pxe = option(55, [1, 3, 6, 12, 15, 43, 60, 66, 67]) + option(60, Array("PXEClient:Arch:00007:UNDI:003016".utf8))
    static let plain = BootSettings(server: server, file: Array("boot/linux.0".utf8))

    private func hear(_ shop: Shop, _ options: [UInt8], on port: PortIndex = Shop.web, kind: UInt8 = 1) -> Reply? {
        shop.ask(Request(kind: kind, hardware: shop.settings[port].mac, options: options), on: port)
    }

    @Test func `not at all where the lab says nothing`() throws {
        for options in [[], Self.pxe, Self.pxe + option(77, Array("iPXE".utf8))] {
            let offer = try #require(hear(Shop(), options))
            #expect(offer.nextServer.value == 0 && offer.file.isEmpty)
            #expect(offer.options[66] == nil && offer.options[67] == nil && offer.options[60] == nil)
        }
    }

    @Test func `in the fixed fields to everybody, in options to those who ask for these, in offer and acknowledgement`() throws {
        let shop = Shop.booting([Self.plain])
        let own = option(54, address("10.20.0.1")) + option(50, address("10.20.0.10"))
        for (kind, more) in [(UInt8(1), [UInt8]()), (3, own)] {
            let told = try #require(hear(shop, Self.pxe + more, kind: kind))
            #expect(told.nextServer == Self.server && told.file == "boot/linux.0")
            #expect(told.options[66] == Array("10.20.0.11".utf8) && told.options[67] == Array("boot/linux.0".utf8))
            let few = try #require(hear(shop, option(55, [1, 3, 6]) + more, kind: kind))
            #expect(few.nextServer == Self.server && few.file == "boot/linux.0")
            #expect(few.options[66] == nil && few.options[67] == nil)
        }
        let refused = try #require(hear(shop, option(50, address("10.20.0.77")), kind: 3))
        #expect(refused.kind == 6 && refused.nextServer.value == 0 && refused.file.isEmpty)
    }

    @Test func `a card's own instead of the network's, a stranger on its wire included`() throws {
        let shop = Shop.booting([Self.plain], web: [BootSettings(file: Array("http://db/web".utf8))])
        #expect(hear(shop, [])?.file == "http://db/web" && hear(shop, [])?.nextServer.value == 0)
        #expect(hear(shop, [], on: Shop.db)?.file == "boot/linux.0")
        #expect(shop.ask(Request(kind: 1, hardware: Shop.stranger))?.file == "http://db/web")
    }

    @Test(arguments: [Array("iPXE".utf8), [4] + Array("iPXE".utf8), [3, 1, 2, 3, 4] + Array("iPXE".utf8)])
    func `something else to iPXE, however it writes its user class`(userClass: [UInt8]) throws {
        let shop = Shop.booting([Self.plain, BootSettings(server: Self.server, file: Array("b.ipxe".utf8), userClass: "iPXE")])
        #expect(hear(shop, Self.pxe + option(77, userClass))?.file == "b.ipxe")
        #expect(hear(shop, Self.pxe)?.file == "boot/linux.0")
        for other in [[], [0], [4], [255], Array("iPXF".utf8), Array("iPXE2".utf8), [5] + Array("iPXE".utf8), [4] + Array("ipxe".utf8)] {
            #expect(hear(shop, Self.pxe + option(77, other))?.file == "boot/linux.0", "\(other)")
        }
        let only = Shop.booting([BootSettings(file: Array("b.ipxe".utf8), userClass: "iPXE")])
        #expect(hear(only, Self.pxe)?.file == "" && hear(only, Self.pxe + option(77, userClass))?.file == "b.ipxe")
    }

    @Test func `a name too long for the field in its option alone, asked for or not`() throws {
        for count in [127, 128, 255] {
            let file = [UInt8](repeating: 0x78, count: count)
            let shop = Shop.booting([BootSettings(server: Self.server, file: file)])
            for options in [[], option(55, [1, 3, 6]), Self.pxe + option(61, [UInt8](repeating: 1, count: 17))] {
                let told = try #require(hear(shop, options))
                #expect(told.nextServer == Self.server && told.file.utf8.count == (count < 128 ? count : 0))
                let isExpected = count > 127 || options.isEmpty || options.starts(with: Self.pxe)
                #expect(told.options[67] == (isExpected ? file : nil))
                #expect(told.options[1] != nil && told.bytes.count <= 548)
            }
        }
    }

    @Test func `to UEFI's HTTP boot a URL alone, with its own name so that it listens`() throws {
        let client = option(55, [1, 3, 6, 60, 66, 67]) + option(60, Array("HTTPClient:Arch:00016:UNDI:003016".utf8))
        let url = Array("HTTP://db/linux.efi".utf8)
        let told = try #require(hear(Shop.booting([BootSettings(file: url)]), client))
        #expect(told.options[60] == Array("HTTPClient".utf8) && told.options[67] == url)
        let silent = try #require(hear(Shop.booting([Self.plain]), client))
        #expect(silent.options[60] == nil && silent.options[67] == nil && silent.file.isEmpty && silent.nextServer.value == 0)
        #expect(hear(Shop.booting([BootSettings(file: url)]), Self.pxe)?.options[60] == nil)
    }
}
