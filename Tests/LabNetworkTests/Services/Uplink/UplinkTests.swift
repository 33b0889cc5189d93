import LabModel
import LabNetwork
import Testing

private func question(_ labels: String) -> [UInt8] {
    [0x43, 0x21, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0] + labels.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [
        0, 0, 1, 0, 1,
    ]
}

@Suite struct `what may leave the lab` {
    private func connected(allow: [String] = []) -> Shop {
        let shop = Shop(Shop.settings(uplink: true, allow: allow))
        shop.services.setUplink(Shop.web, isUp: true, now: shop.now)
        return shop
    }

    private func knock(_ shop: Shop, _ target: String, from: String = "10.20.0.10") -> [UInt8] {
        let source = Endpoint(mac: shop.endpoint(Shop.web).mac, ip: .v4(IPv4Address(from)!))
        return Wire.tcp(
            source, 4000, Endpoint(mac: shop.gatewayMAC, ip: .v4(IPv4Address(target)!)), 80, sequence: 1, acknowledged: 0, flags: 2)
    }

    private func report(_ shop: Shop) -> UInt8? {
        shop.heard(on: Shop.web).first.flatMap(Heard.init)?.icmp.flatMap { $0.type == 3 ? $0.code : nil }
    }

    @Test(arguments: [
        "1.1.1.1", "93.184.216.34", "172.15.0.1", "172.32.0.1", "100.63.255.255", "100.128.0.1", "223.255.255.254", "11.0.0.1",
    ])
    func `the internet is reached through the port's own uplink`(target: String) {
        let shop = connected()
        #expect(shop.services.receive(knock(shop, target), from: Shop.web, now: shop.now) == .divertToUplink)
        #expect(shop.services.output.isEmpty)
    }

    @Test(arguments: [
        "127.0.0.1", "127.255.255.255", "169.254.169.254", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1",
        "192.0.0.8",
        "198.18.0.1",
    ])
    func `the host, its networks and its metadata are closed, unless they are opened by name`(target: String) {
        let shop = connected()
        #expect(shop.services.receive(knock(shop, target), from: Shop.web, now: shop.now) == .consumed)
        #expect(report(shop) == 13, "administratively prohibited")
        let open = connected(allow: ["\(target)/32"])
        #expect(open.services.receive(knock(open, target), from: Shop.web, now: open.now) == .divertToUplink)
    }

    @Test(arguments: ["224.0.0.1", "239.255.255.250", "255.255.255.255", "0.0.0.0", "0.1.2.3", "240.0.0.1"])
    func `nobody's addresses lead nowhere, whatever is opened`(target: String) {
        let shop = connected(allow: ["0.0.0.0/0"])
        #expect(shop.services.receive(knock(shop, target), from: Shop.web, now: shop.now) == .consumed)
    }

    @Test func `the lab's own networks are no business of an uplink`() {
        let shop = connected(allow: ["10.0.0.0/8"])
        #expect(shop.services.receive(knock(shop, "10.30.0.10"), from: Shop.web, now: shop.now) == .consumed)
        #expect(report(shop) == 0, "no way there")
        #expect(shop.services.receive(knock(shop, "10.20.0.11"), from: Shop.web, now: shop.now) == .consumed)
        #expect(report(shop) == 1, "a neighbour is asked for by ARP")
    }

    @Test func `without an uplink, with one that is down, or in another's name nothing leaves`() {
        let without = Shop()
        #expect(without.services.receive(knock(without, "1.1.1.1"), from: Shop.web, now: without.now) == .consumed)
        #expect(report(without) == 0)
        let shop = connected()
        #expect(shop.services.receive(knock(shop, "1.1.1.1", from: "10.20.0.99"), from: Shop.web, now: shop.now) == .consumed)
        #expect(report(shop) == 13)
        shop.services.setUplink(Shop.web, isUp: false, now: shop.now)
        #expect(shop.services.receive(knock(shop, "1.1.1.1"), from: Shop.web, now: shop.now) == .consumed)
        #expect(report(shop) == 0)
    }

    @Test(arguments: [0x2606_4700_0000_0000, 0xFD00_0000_0000_0001, 0x2002_7F00_0001_0000, 0x0064_FF9B_0000_0000, 0] as [UInt64])
    func `over version 6 nothing leaves, and its sender is told at once`(high: UInt64) {
        let shop = connected(allow: ["0.0.0.0/0"])
        let target = Endpoint(mac: shop.gatewayMAC, ip: .v6(IPv6Address(high: high, low: 0x7F00_0001)))
        let packet = Wire.tcp(shop.endpoint6(Shop.web), 4000, target, 80, sequence: 1, acknowledged: 0, flags: 2)
        #expect(shop.services.receive(packet, from: Shop.web, now: shop.now) == .consumed)
        let report = shop.heard(on: Shop.web).first.flatMap(Heard.init)?.icmp
        #expect(report?.type == 1 && report?.code == 0, "no route")
    }

    @Test func `what comes back goes to the port's card as from the gateway's`() throws {
        let shop = connected()
        let outside = Endpoint(mac: MACAddress(0x9A_0000_0000), ip: .v4(IPv4Address("1.1.1.1")!))
        let back = Wire.udp(outside, 53, Endpoint(mac: .broadcast, ip: shop.endpoint(Shop.web).ip), 4000, [1, 2, 3])
        shop.services.receiveFromUplink(back, for: Shop.web, now: shop.now)
        let heard = try #require(shop.heard(on: Shop.web).first)
        #expect(heard == shop.endpoint(Shop.web).mac.octets + shop.gatewayMAC.octets + back.dropFirst(12))
        shop.services.receiveFromUplink(
            Wire.arp(operation: 1, from: outside.mac, outside.ip, target: shop.gateway), for: Shop.web, now: shop.now)
        #expect(shop.heard(on: Shop.web).isEmpty, "the lab's link is not the uplink's")
    }

    @Test func `who comes in by a published port is answered where it came from, and the gateway is itself to all others`() {
        let shop = connected()
        let web = shop.endpoint(Shop.web)
        func answer(_ port: Int, udp: Bool = false, from: PortIndex = Shop.web) -> ServiceVerdict {
            let machine = shop.endpoint(from)
            let frame =
                udp
                ? Wire.udp(machine, 80, shop.gatewayEndpoint, port, [1])
                : Wire.tcp(machine, 80, shop.gatewayEndpoint, port, sequence: 7, acknowledged: 2, flags: 18)
            return shop.services.receive(frame, from: from, now: shop.now)
        }
        #expect(answer(5000) == .consumed && answer(5000, udp: true) == .consumed, "nobody has asked")
        func come(_ frame: [UInt8]) { shop.services.receiveFromUplink(frame, for: Shop.web, now: shop.now) }
        come(Wire.tcp(shop.gatewayEndpoint, 5000, web, 80, sequence: 1, acknowledged: 0, flags: 2))
        come(Wire.udp(shop.gatewayEndpoint, 6000, web, 80, [1]))
        // Goes on with something that never began.
        come(Wire.tcp(shop.gatewayEndpoint, 5001, web, 80, sequence: 1, acknowledged: 1, flags: 16))
        #expect(answer(5000) == .divertToUplink && answer(6000, udp: true) == .divertToUplink)
        #expect(answer(6000) == .consumed && answer(5000, udp: true) == .consumed && answer(5001) == .consumed)
        #expect(answer(5000, from: Shop.db) == .consumed, "another machine's")
        let begin = Wire.tcp(web, 80, shop.gatewayEndpoint, 5000, sequence: 7, acknowledged: 0, flags: 2)
        #expect(shop.services.receive(begin, from: Shop.web, now: shop.now) == .consumed, "no answer, but a question to the host")
        shop.now += 299 * 1_000_000_000
        #expect(answer(6000, udp: true) == .divertToUplink)
        shop.now += 301 * 1_000_000_000
        #expect(answer(6000, udp: true) == .consumed && answer(5000) == .divertToUplink)
        shop.services.setUplink(Shop.web, isUp: false, now: shop.now)
        shop.services.setUplink(Shop.web, isUp: true, now: shop.now)
        #expect(answer(5000) == .consumed, "another uplink knows nothing of it")
    }

    @Test func `so many come in by a published port that the oldest is forgotten, and no more is kept`() {
        let shop = connected()
        let web = shop.endpoint(Shop.web)
        func isAnswered(_ port: Int) -> Bool {
            shop.services.receive(
                Wire.tcp(web, 80, shop.gatewayEndpoint, port, sequence: 7, acknowledged: 2, flags: 18), from: Shop.web, now: shop.now)
                == .divertToUplink
        }
        for port in 10_000...14_096 {
            shop.now += 1
            shop.services.receiveFromUplink(
                Wire.tcp(shop.gatewayEndpoint, port, web, 80, sequence: 1, acknowledged: 0, flags: 2), for: Shop.web, now: shop.now)
        }
        #expect(!isAnswered(10_000) && isAnswered(10_001) && isAnswered(14_096))
    }

    @Test func `names outside are the uplink's to answer, those of the lab are not`() {
        let shop = connected()
        func ask(_ name: String) -> ServiceVerdict {
            shop.services.receive(
                Wire.udp(shop.endpoint(Shop.web), 4000, shop.gatewayEndpoint, 53, question(name)), from: Shop.web, now: shop.now)
        }
        #expect(ask("www.debian.org") == .divertToUplink && shop.heard(on: Shop.web).isEmpty)
        #expect(ask("db.shop.lab") == .consumed && shop.heard(on: Shop.web).count == 1)
        #expect(ask("nobody.shop.lab") == .consumed && shop.heard(on: Shop.web).count == 1)
        shop.services.setUplink(Shop.web, isUp: false, now: shop.now)
        #expect(ask("www.debian.org") == .consumed)
        let failure = shop.heard(on: Shop.web).first.flatMap(Heard.init)?.datagram
        #expect(failure.map { $0.content.dropFirst(3).first } == 0x82, "a failure for now; recursion is there as a rule")
    }

    @Test func `a question over version 6 is asked over version 4, and its answer goes back where it came from`() throws {
        let shop = connected()
        let asker = shop.endpoint6(Shop.web)
        let gateway = Endpoint(mac: shop.gatewayMAC, ip: .v6(shop.settings[Shop.lan].gateway6))
        #expect(shop.exchange(Wire.udp(asker, 4000, gateway, 53, question("www.debian.org"))).isEmpty)
        let item = try #require(shop.services.output.uplink.first)
        shop.services.output.uplink = []
        let relayed = try #require(Heard(item.frame)?.datagram)
        #expect(item.port == Shop.web && Array(relayed.content) == question("www.debian.org") && relayed.destinationPort == 53)
        let answer: [UInt8] = [0x43, 0x21, 0x81, 0x80] + question("www.debian.org").dropFirst(4)
        let back = Wire.udp(shop.gatewayEndpoint, 53, shop.endpoint(Shop.web), Int(relayed.sourcePort), answer)
        shop.services.receiveFromUplink(back, for: Shop.web, now: shop.now)
        let heard = try #require(shop.heard(on: Shop.web).first.flatMap(Heard.init))
        #expect(heard.packet.destination == asker.ip && heard.packet.source == gateway.ip)
        #expect(heard.datagram?.destinationPort == 4000 && heard.datagram.map { Array($0.content) } == answer)
    }

    @Test func `a question over a connection is asked as a datagram, and its answer comes over the connection`() throws {
        let shop = connected()
        let web = shop.endpoint(Shop.web)
        func say(_ flags: UInt8, _ sequence: UInt32, _ acknowledged: UInt32, _ content: [UInt8] = []) -> TCPSegment? {
            shop.exchange(
                Wire.tcp(web, 4000, shop.gatewayEndpoint, 53, sequence: sequence, acknowledged: acknowledged, flags: flags, content)
            )
            .first.flatMap(Heard.init)?.tcp
        }
        let start = try #require(say(2, 9, 0)).sequence &+ 1
        let text = question("www.debian.org")
        #expect(say(24, 10, start, [0, UInt8(text.count)] + text)?.content.isEmpty == true)
        let relayed = try #require(shop.services.output.uplink.first.flatMap { Heard($0.frame)?.datagram })
        let answer: [UInt8] = [0x43, 0x21, 0x81, 0x80] + text.dropFirst(4)
        shop.services.receiveFromUplink(
            Wire.udp(shop.gatewayEndpoint, 53, web, Int(relayed.sourcePort), answer), for: Shop.web, now: shop.now)
        let heard = try #require(shop.heard(on: Shop.web).first.flatMap(Heard.init)?.tcp)
        #expect(Array(heard.content) == [0, UInt8(answer.count)] + answer)
    }
}

@Suite struct `names by datagram` {
    private func ask(_ bytes: [UInt8], from: Endpoint? = nil, _ shop: Shop = Shop()) -> [UInt8]? {
        shop.exchange(Wire.udp(from ?? shop.endpoint(Shop.web), 4000, shop.gatewayEndpoint, 53, bytes)).first
            .flatMap(Heard.init)?.datagram.map { Array($0.content) }
    }

    @Test func `nobody outside is answered`() {
        let shop = Shop()
        for source in ["1.2.3.4", "127.0.0.1", "10.21.0.1"] {
            #expect(ask(question("db"), from: Endpoint(mac: Shop.stranger, ip: .v4(IPv4Address(source)!)), shop) == nil)
        }
        #expect(ask(question("db"), from: Endpoint(mac: Shop.stranger, ip: .v4(IPv4Address("10.30.0.77")!)), shop) != nil)
    }

    @Test func `malformed questions get their header back at most, answers and stumps nothing`() {
        let good = question("db.shop.lab")
        #expect(ask(good).map { $0[3] & 15 } == 0)
        for count in 0..<12 { #expect(ask(Array(good.prefix(count))) == nil, "\(count) bytes") }
        for count in 12..<good.count {
            #expect(ask(Array(good.prefix(count))).map { [UInt8($0.count), $0[3] & 15] } == [12, 1], "\(count) bytes")
        }
        var many = good
        many.replaceSubrange(4..<6, with: [0xFF, 0xFF])
        #expect(ask(many).map { [UInt8($0.count), $0[3] & 15] } == [12, 1])
        var loop = good
        loop.replaceSubrange(12..<14, with: [0xC0, 12])
        #expect(ask(loop).map { [UInt8($0.count), $0[3] & 15] } == [12, 1])
        var said = good
        said[2] |= 0x80
        #expect(ask(said) == nil)
        let long = [UInt8](good.prefix(12)) + (0..<5).flatMap { _ in [63] + [UInt8](repeating: 0x61, count: 63) } + [0, 0, 1, 0, 1]
        #expect(ask(long).map { [UInt8($0.count), $0[3] & 15] } == [12, 1], "a name of 320 bytes")
    }

    @Test func `extension records that cannot be are refused`() {
        var good = question("db")
        good[11] = 1
        let record: [UInt8] = [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]
        #expect(ask(good + record).map { $0[3] & 15 } == 0)
        #expect(ask(good + record.dropLast()).map { $0[3] & 15 } == 1)
        #expect(ask(good + record.dropLast(2) + [0, 4, 0, 10, 0, 9]).map { $0[3] & 15 } == 1, "an option past the end")
        #expect(ask(good + [1, 0x61] + record).map { $0[3] & 15 } == 1, "not the root's")
        good[11] = 2
        #expect(ask(good + record + record).map { $0[3] & 15 } == 1, "two of them")
    }
}
