import LabModel
import LabNetwork
import Testing

@Suite struct `the switch learns and forwards` {
    let a = Rig.mac(0)
    let b = Rig.mac(1)

    @Test func `an unknown address is sought everywhere, and once it answers nowhere else`() {
        let rig = Rig()
        let question = frame(to: b, from: a)
        rig.send(question, from: 0)
        #expect(rig.heard(0).isEmpty && rig.heard(1) == [question] && rig.heard(2) == [question])
        let answer = frame(to: a, from: b)
        rig.send(answer, from: 1)
        rig.send(question, from: 0)
        #expect(rig.heard(0) == [answer] && rig.heard(1) == [question] && rig.heard(2).isEmpty)
    }

    @Test func `an address that was not heard for five minutes is sought again`() {
        let rig = Rig()
        rig.send(frame(to: a, from: b), from: 1)
        rig.wait(299_000_000_000)
        rig.send(frame(to: b, from: a), from: 0)
        #expect(rig.heard(2).count == 1, "only what was sent to the unknown address")
        rig.wait(2_000_000_000)
        rig.send(frame(to: b, from: a), from: 0)
        #expect(rig.heard(2).count == 1)
    }

    @Test func `a hundred thousand senders at one port push out nobody's address`() {
        let rig = Rig()
        rig.send(frame(to: .broadcast, from: b), from: 1)
        var numbers = Numbers(1)
        for _ in 0..<100_000 {
            rig.send(frame(to: b, from: MACAddress(numbers.next() & ~0x0100_0000_0000 | 0x0200_0000_0000)), from: 2)
        }
        #expect(rig.heard(1).count == 100_000)
        _ = rig.heard(0)
        rig.send(frame(to: b, from: a), from: 0)
        rig.send(frame(to: a, from: b), from: 1)
        #expect(rig.heard(1).count == 1 && rig.heard(0).count == 1)
        #expect(rig.heard(2).count == 1, "the very first broadcast, and no flood since")
        #expect(rig.bridge.counters.contains(#""addresses":\#(Limits.addressesPerPort + 2)"#))
    }

    @Test func `an address that two ports use moves, and that is news only now and then`() {
        let rig = Rig()
        for turn in 0..<1000 { rig.send(frame(to: .broadcast, from: a), from: turn % 2) }
        let flaps = rig.bridge.events.filter { if case .macFlap = $0 { true } else { false } }
        #expect(flaps.count == 1)
        guard case .macFlap("lan", let mac, let from, let to) = flaps[0] else { return }
        #expect(mac == a && from.machine == "a" && to.machine == "b")
        rig.send(frame(to: a, from: Rig.mac(2)), from: 2)
        #expect(rig.heard(1).last.map { $0[6..<12].elementsEqual(Rig.mac(2).octets) } == true, "it was heard last at the second port")
    }

    @Test func `nobody can be the gateway`() {
        let rig = Rig()
        rig.send(frame(to: .broadcast, from: Rig.gateway), from: 2)
        #expect(rig.drops(2, .spoof) == 1)
        // An ARP answer that gives the gateway's address another owner, to all and to one.
        let claim: [UInt8] = [0, 1, 8, 0, 6, 4, 0, 2] + Rig.mac(2).octets + [10, 20, 0, 1] + a.octets + [10, 20, 0, 10]
        rig.send(frame(to: .broadcast, from: Rig.mac(2), type: 0x0806, claim), frame(to: a, from: Rig.mac(2), type: 0x0806, claim), from: 2)
        #expect(rig.drops(2, .spoof) == 3)
        #expect(rig.heard(0).isEmpty && rig.heard(1).isEmpty)
        // The same about somebody else passes.
        var other = claim
        other[17] = 77
        rig.send(frame(to: .broadcast, from: Rig.mac(2), type: 0x0806, other), from: 2)
        #expect(rig.heard(0).count == 1)
    }

    @Test func `a storm is cut at the limit, told once, and leaves the others in peace`() {
        let rig = Rig()
        rig.send(frame(to: .broadcast, from: b), from: 1)
        rig.send(frame(to: .broadcast, from: a), from: 0)
        _ = (rig.heard(0), rig.heard(1))
        // 100,000 a second for two seconds.
        for _ in 0..<200_000 {
            rig.send(frame(to: .broadcast, from: Rig.mac(2)), from: 2)
            rig.now += 10_000
        }
        let limit = Int(Limits.stormRate)
        #expect((limit * 2...limit * 3 + 10).contains(rig.heard(0).count))
        let storms = rig.bridge.events.filter { $0 == .storm(PortName("c/lan")!) }
        #expect((1...2).contains(storms.count))
        rig.send(frame(to: b, from: a), from: 0)
        rig.send(frame(to: .broadcast, from: a), from: 0)
        #expect(rig.heard(1).suffix(2).allSatisfy { $0[6..<12].elementsEqual(a.octets) })
    }

    @Test func `frames from bridge to bridge go no further`() {
        let rig = Rig()
        for last in 0..<16 { rig.send(frame(to: MACAddress(0x0180_C200_0000 + UInt64(last)), from: a), from: 0) }
        #expect(rig.heard(1).isEmpty && rig.drops(0, .reserved) == 16)
        rig.send(frame(to: MACAddress(0x0180_C200_0010), from: a), from: 0)
        #expect(rig.heard(1).count == 1)
    }

    @Test func `groups reach everybody: neighbour discovery and mDNS work`() {
        let rig = Rig()
        for group in ["33:33:00:00:00:01", "33:33:ff:00:00:0b", "01:00:5e:00:00:fb"] {
            rig.send(frame(to: MACAddress(group)!, from: a), from: 0)
        }
        #expect(rig.heard(0).isEmpty && rig.heard(1).count == 3 && rig.heard(2).count == 3)
    }

    @Test func `a sender that cannot be is no sender`() {
        let rig = Rig()
        rig.send(
            frame(to: b, from: .broadcast), frame(to: b, from: MACAddress(0)), frame(to: b, from: MACAddress(0x0100_5E00_0001)), from: 0)
        #expect(rig.drops(0, .malformed) == 3 && rig.heard(1).isEmpty)
    }

    @Test func `a packet beyond the network's largest is dropped, one large segment is not`() {
        let rig = Rig()
        let longest = [UInt8](repeating: 1, count: 1500)
        rig.send(frame(to: b, from: a, longest), tagged(5, frame(to: b, from: a, longest)), from: 0)
        #expect(rig.heard(1).count == 2)
        rig.send(frame(to: b, from: a, longest + [1]), from: 0)
        #expect(rig.heard(1).isEmpty && rig.drops(0, .oversize) == 1)
        var large = PlainRecord.make(frame(to: b, from: a, [UInt8](repeating: 1, count: 65_000)))
        large[4] = 1
        large[5] = 1
        rig.feed(large, from: 0)
        #expect(rig.records(1) == [large])
    }

    @Test func `a large segment in pieces of one byte does not keep the gateway busy`() {
        let rig = Rig()
        rig.bridge.serve(NetworkIndex(0), by: GatewayServices(rig.bridge.settings, network: NetworkIndex(0)))
        rig.raise(0)
        _ = rig.heard(0)
        // Nothing listens there: each piece that is looked at is refused by a segment of its own.
        rig.feed(largeSegment(to: Rig.gateway, host: 1, payload: 60_000, segment: 1), from: 0)
        let answers = rig.heard(0).count
        #expect(answers > 0 && answers <= Limits.piecesForGateway + 1, "\(answers)")
        rig.feed(largeSegment(to: Rig.gateway, host: 1, payload: 4000, segment: 1000), from: 0)
        #expect(rig.heard(0).count == 4)
        // To everybody it is nothing to the gateway, and goes on as it is.
        rig.feed(largeSegment(to: .broadcast, host: 255, payload: 60_000, segment: 1), from: 0)
        #expect(rig.records(1).count == 1)
    }

    @Test func `what is for the port it came from goes nowhere`() {
        let rig = Rig()
        rig.send(frame(to: .broadcast, from: a), frame(to: a, from: MACAddress(0x02AA_0000_0001)), from: 0)
        #expect(rig.heard(0).isEmpty && rig.heard(1).count == 1)
    }
}
