import LabModel
import LabNetwork
import Testing

@Suite struct `the gateway answers for itself` {
    let web = Shop.web

    @Test func `ARP for the gateway is answered to the asker, for anybody else it is the switch's`() throws {
        let shop = Shop()
        let asker = shop.endpoint(web)
        #expect(
            shop.services.receive(Wire.arp(operation: 1, from: asker.mac, asker.ip, target: shop.gateway), from: web, now: shop.now)
                == .consumed)
        let answer = try #require(shop.heard(on: web).first)
        #expect(
            answer == asker.mac.octets + shop.gatewayMAC.octets + [8, 6, 0, 1, 8, 0, 6, 4, 0, 2] + shop.gatewayMAC.octets
                + shop.gateway.octets
                + asker.mac.octets + asker.ip.octets)
        let other = Wire.arp(operation: 1, from: asker.mac, asker.ip, target: shop.endpoint(Shop.db).ip)
        #expect(shop.services.receive(other, from: web, now: shop.now) == .notOurs && shop.heard(on: web).isEmpty)
    }

    @Test func `whoever looks whether the gateway's address is free learns that it is not`() {
        let shop = Shop()
        #expect(shop.exchange(Wire.arp(operation: 1, from: Shop.stranger, .v4(IPv4Address(0)), target: shop.gateway)).count == 1)
    }

    @Test(arguments: [1, 2]) func `a claim to be the gateway goes no further`(operation: Int) {
        let shop = Shop()
        for target in [shop.gateway, shop.endpoint(Shop.db).ip] {
            let claim = Wire.arp(operation: operation, from: Shop.stranger, shop.gateway, target: target)
            #expect(shop.services.receive(claim, from: web, now: shop.now) == .consumed)
        }
        #expect(shop.heard(on: web).isEmpty)
    }

    @Test func `an echo comes back as it went, over both versions, from every address of the gateway`() throws {
        let shop = Shop()
        let network = shop.settings[Shop.lan]
        let content: [UInt8] = [0, 7, 0, 1] + (0..<1000).map { UInt8(truncatingIfNeeded: $0) }
        let answer = try #require(Heard(shop.exchange(Wire.icmp(shop.endpoint(web), shop.gatewayEndpoint, type: 8, content))[0]))
        #expect(answer.icmp?.type == 0 && answer.icmp.map { Array($0.content) } == content && answer.packet.source == shop.gateway)
        for own in [network.gateway6, network.linkLocal6] {
            let gateway = Endpoint(mac: network.mac, ip: .v6(own))
            let answer = try #require(Heard(shop.exchange(Wire.icmp(shop.endpoint6(web), gateway, type: 128, content))[0]))
            #expect(answer.icmp?.type == 129 && answer.icmp.map { Array($0.content) } == content && answer.packet.source == .v6(own))
        }
    }

    @Test func `an echo to everybody, a broken one, or one from nobody is not answered`() {
        let shop = Shop()
        let from = shop.endpoint(web)
        let everybody = Endpoint(mac: .broadcast, ip: .v4(shop.settings[Shop.lan].subnet.broadcast))
        #expect(shop.exchange(Wire.icmp(from, everybody, type: 8, [0, 0, 0, 0])).isEmpty)
        var broken = Wire.icmp(from, shop.gatewayEndpoint, type: 8, [0, 0, 0, 0])
        broken[broken.count - 1] ^= 1
        #expect(shop.exchange(broken).isEmpty)
        for source in ["0.0.0.0", "224.0.0.1", "255.255.255.255"] {
            let nobody = Endpoint(mac: from.mac, ip: .v4(IPv4Address(source)!))
            #expect(shop.exchange(Wire.icmp(nobody, shop.gatewayEndpoint, type: 8, [0, 0, 0, 0])).isEmpty)
        }
        #expect(
            shop.exchange(Wire.icmp(from, shop.gatewayEndpoint, type: 8, [UInt8](repeating: 0, count: 1477))).isEmpty, "larger than the MTU"
        )
    }

    @Test func `a neighbour's IPv6 address is told of once the neighbour has it`() throws {
        let shop = Shop()
        var question: [UInt8] = [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 2] + Array("db".utf8) + [0, 0, 28, 0, 1]
        func answers() throws -> UInt8 {
            question[1] &+= 1
            let answer = try #require(shop.exchange(Wire.udp(shop.endpoint(web), 4000, shop.gatewayEndpoint, 53, question)).first)
            // Ethernet, IPv4, UDP; then the count of answers in the header.
            return answer[14 + 20 + 8 + 7]
        }
        #expect(try answers() == 0)
        let db = shop.endpoint6(Shop.db)
        let group = Endpoint(mac: IPv6Address.allNodes.groupMAC, ip: .v6(.allNodes))
        let nobody = Endpoint(mac: db.mac, ip: .v6(IPv6Address(high: 0, low: 0)))
        // Somebody else asks for it: that says nothing.
        _ = shop.services.receive(Wire.icmp(nobody, group, type: 135, [0, 0, 0, 0] + db.ip.octets), from: web, now: shop.now)
        #expect(try answers() == 0)
        _ = shop.services.receive(Wire.icmp(nobody, group, type: 135, [0, 0, 0, 0] + db.ip.octets), from: Shop.db, now: shop.now)
        #expect(try answers() == 1)
    }

    @Test func `whatever is sent in the gateway's own name is dropped`() {
        let shop = Shop()
        let forged = Endpoint(mac: Shop.stranger, ip: shop.gateway)
        #expect(
            shop.services.receive(Wire.icmp(forged, shop.endpoint(Shop.db), type: 8, [0, 0, 0, 0]), from: web, now: shop.now) == .consumed)
    }

    @Test func `a closed port is said to be closed, with the packet that asked`() throws {
        let shop = Shop()
        let question = Wire.udp(shop.endpoint(web), 4000, shop.gatewayEndpoint, 9, [1, 2, 3])
        let report = try #require(Heard(shop.exchange(question)[0]))
        #expect(
            report.icmp?.type == 3 && report.icmp?.code == 3
                && report.icmp.map { Array($0.content.dropFirst(4)) } == Array(question.dropFirst(14)))
        let knock = Wire.tcp(shop.endpoint(web), 4000, shop.gatewayEndpoint, 22, sequence: 99, acknowledged: 0, flags: 2)
        let refusal = try #require(Heard(shop.exchange(knock)[0])?.tcp)
        #expect(refusal.flags == [.reset, .acknowledge] && refusal.acknowledged == 100)
    }

    @Test func `reports are few however many packets ask for one, and there is none about a report`() {
        let shop = Shop()
        let question = Wire.udp(shop.endpoint(web), 4000, shop.gatewayEndpoint, 9, [1, 2, 3])
        var reports = 0
        for _ in 0..<10_000 { reports += shop.exchange(question).count }
        #expect(reports == 50)
        shop.now += 1_000_000_000
        let error = Wire.icmp(shop.endpoint(web), Endpoint(mac: shop.gatewayMAC, ip: .v4(IPv4Address("8.8.8.8")!)), type: 3, [0, 0, 0, 0])
        #expect(shop.exchange(error).isEmpty)
        #expect(shop.exchange(question).count == 1)
    }

    @Test func `an ARP storm is answered up to a bound, and another port all the while`() {
        let shop = Shop()
        var answers = 0
        for _ in 0..<100_000 {
            answers +=
                shop.exchange(Wire.arp(operation: 1, from: Shop.stranger, .v4(IPv4Address("10.20.0.99")!), target: shop.gateway)).count
        }
        #expect(answers == 4_000)
        #expect(shop.exchange(Wire.icmp(shop.endpoint(Shop.db), shop.gatewayEndpoint, type: 8, [0, 0, 0, 0]), on: Shop.db).count == 1)
    }
}
