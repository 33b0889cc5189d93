import LabModel
import LabNetwork
import PortStream
import Testing

@Suite struct `what is apart stays apart` {
    let a = Rig.mac(0)
    let b = Rig.mac(1)

    @Test func `two networks with the same addresses never meet`() {
        let rig = Rig(["a/lan", "b/lan", "a/wan", "b/wan"])
        rig.send(frame(to: .broadcast, from: a), frame(to: b, from: a), from: 0)
        rig.send(frame(to: a, from: b), from: 1)
        #expect(rig.heard(2).isEmpty && rig.heard(3).isEmpty)
        rig.send(frame(to: a, from: b), from: 3)
        #expect(rig.heard(0).count == 1, "only what came from its own network")
        #expect(rig.heard(2).count == 1)
    }

    @Test func `a port that went down is forgotten, and given nothing old when it comes up`() {
        let rig = Rig()
        rig.send(frame(to: .broadcast, from: b), from: 1)
        rig.lower(1)
        rig.send(frame(to: b, from: a), from: 0)
        #expect(rig.heard(1).isEmpty)
        #expect(rig.heard(2).count == 2, "the address is unknown again")
        rig.raise(1)
        #expect(rig.heard(1).isEmpty)
        rig.send(frame(to: b, from: a), from: 0)
        #expect(rig.heard(1).count == 1)
    }

    @Test func `a partition cuts between its groups, and heals`() throws {
        let rig = Rig(["a/lan", "b/lan", "c/lan", "d/lan"])
        func reach() -> [[Int]] {
            (0..<4).map { sender in
                rig.send(frame(to: .broadcast, from: Rig.mac(sender)), from: sender)
                let ears = (0..<4).filter { !rig.heard($0).isEmpty }
                for other in 0..<4 where other != sender {
                    rig.send(frame(to: Rig.mac(other), from: Rig.mac(sender)), from: sender)
                    // An address that is not known yet is sought everywhere.
                    let heard = (0..<4).filter { !rig.heard($0).isEmpty }
                    #expect(heard.contains(other) == ears.contains(other))
                }
                return ears
            }
        }
        let everybody = [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]
        #expect(reach() == everybody)
        try rig.bridge.divide("lan", into: [["a", "b"], ["c"]])
        #expect(reach() == [[1], [0], [], []])
        #expect(rig.drops(2, .partition) > 0)
        try rig.bridge.heal("lan")
        #expect(reach() == everybody)
        #expect(throws: SettingsError.self) { try rig.bridge.divide("lan", into: [["a", "nobody"]]) }
        #expect(throws: SettingsError.self) { try rig.bridge.divide("moon", into: [["a"]]) }
        #expect(reach() == everybody, "what was refused changed nothing")
    }

    @Test func `a link that is down carries nothing either way until it is up`() throws {
        let rig = Rig()
        let name = ControlWord.LinkName.port(PortName("b/lan")!)
        try rig.bridge.order(name, .down, now: rig.now)
        rig.send(frame(to: .broadcast, from: a), from: 0)
        rig.send(frame(to: .broadcast, from: b), from: 1)
        #expect(rig.heard(0).isEmpty && rig.heard(1).isEmpty && rig.heard(2).count == 1)
        #expect(rig.drops(1, .linkDown) == 1)
        try rig.bridge.order(name, .up, now: rig.now)
        rig.send(frame(to: .broadcast, from: b), from: 1)
        #expect(rig.heard(0).count == 1)
        try rig.bridge.order(.network("lan"), .down, now: rig.now)
        rig.send(frame(to: .broadcast, from: a), from: 0)
        #expect(rig.heard(1).isEmpty)
    }

    @Test func `a network that comes back leaves a port's own cable as it was`() throws {
        let rig = Rig()
        let port = ControlWord.LinkName.port(PortName("b/lan")!)
        for (name, order) in [(port, ControlWord.LinkOrder.down), (.network("lan"), .down), (.network("lan"), .up)] {
            try rig.bridge.order(name, order, now: rig.now)
        }
        rig.send(frame(to: .broadcast, from: a), from: 0)
        #expect(rig.heard(1).isEmpty && rig.heard(2).count == 1)
        try rig.bridge.order(.network("lan"), .down, now: rig.now)
        try rig.bridge.order(port, .up, now: rig.now)
        rig.send(frame(to: .broadcast, from: a), from: 0)
        #expect(rig.heard(1).isEmpty && rig.heard(2).isEmpty)
        try rig.bridge.order(.network("lan"), .up, now: rig.now)
        rig.send(frame(to: .broadcast, from: a), from: 0)
        #expect(rig.heard(1).count == 1)
    }

    // MARK: VLANs

    /// Two ports of VLAN 10, one of VLAN 20, one that carries everything.
    private func withVLANs() -> Rig {
        Rig(["a/lan", "b/lan", "c/lan", "trunk/lan"]) { settings in
            for (port, vlan) in [(0, 10), (1, 10), (2, 20)] { settings.ports[port].vlan = UInt16(vlan) }
        }
    }

    @Test func `untagged members hear their VLAN alone, whoever carries everything hears it tagged`() {
        let rig = withVLANs()
        let plain = frame(to: .broadcast, from: a)
        rig.send(plain, from: 0)
        #expect(rig.heard(1) == [plain] && rig.heard(2).isEmpty && rig.heard(3) == [tagged(10, plain)])
        let answer = frame(to: a, from: Rig.mac(3))
        rig.send(tagged(10, answer), from: 3)
        #expect(rig.heard(0) == [answer] && rig.heard(1).isEmpty && rig.heard(2).isEmpty)
        // The address is known, but in another VLAN: not there.
        rig.send(tagged(20, answer), from: 3)
        #expect(rig.heard(0).isEmpty && rig.heard(1).isEmpty && rig.heard(2) == [answer])
        // Untagged frames of such a port belong to no member.
        rig.send(frame(to: .broadcast, from: Rig.mac(3)), from: 3)
        #expect((0..<3).allSatisfy { rig.heard($0).isEmpty })
    }

    @Test func `a member cannot send into another VLAN by a tag of its own`() {
        let rig = withVLANs()
        for id: UInt16 in [1, 10, 20, 4095] { rig.send(tagged(id, frame(to: .broadcast, from: a)), from: 0) }
        rig.send(tagged(20, frame(to: .broadcast, from: a), type: 0x88A8), from: 0)
        rig.send(tagged(10, tagged(20, frame(to: .broadcast, from: a))), from: 0)
        #expect((0..<4).allSatisfy { rig.heard($0).isEmpty } && rig.drops(0, .vlan) == 6)
        let urgent = tagged(0xE000, frame(to: .broadcast, from: a))
        rig.send(urgent, from: 0)
        #expect(rig.heard(1) == [urgent], "a tag of priority alone is no VLAN")
        #expect(rig.heard(3) == [tagged(0xE00A, frame(to: .broadcast, from: a))])
    }

    @Test func `ports without a VLAN carry every tag as it is`() {
        let rig = Rig()
        let plain = frame(to: .broadcast, from: a)
        let frames = [tagged(7, plain), tagged(0, plain), tagged(9, tagged(7, plain), type: 0x88A8), tagged(4094, plain)]
        for frame in frames { rig.send(frame, from: 0) }
        #expect(rig.heard(1) == frames && rig.heard(2) == frames)
        rig.send(tagged(4095, plain), from: 0)
        #expect(rig.heard(1).isEmpty && rig.drops(0, .vlan) == 1)
        rig.send(Array(tagged(7, plain).prefix(14)) + [0], from: 0)
        #expect(rig.heard(1).isEmpty && rig.drops(0, .malformed) == 1)
    }

    @Test func `what a header says of a frame moves with its tag`() {
        let rig = withVLANs()
        var header = NetworkHeader()
        header.needsChecksum = true
        header.checksumStart = 34
        header.checksumOffset = 16
        let plain = frame(to: .broadcast, from: a, [UInt8](repeating: 3, count: 80))
        var record = PlainRecord.make(plain)
        record.replaceSubrange(4..<16, with: header.bytes(buffers: 0))
        rig.feed(record, from: 0)
        #expect(rig.records(1) == [record])
        let far = rig.records(3)
        #expect(far.count == 1 && far[0].count == record.count + 4)
        let moved = NetworkHeader(checking: far[0][4..<16], frameCount: far[0].count - 16)
        #expect(moved?.checksumStart == 38 && moved?.checksumOffset == 16)
        rig.feed(far[0].prefix(22) + Rig.mac(3).octets + far[0].dropFirst(28), from: 3)
        #expect(rig.records(0).first.map { Array($0[4..<16]) } == header.bytes(buffers: 0), "and back")
    }
}
