import LabModel
import LabNetwork
import Testing

@Suite struct `a machine speaks for nobody else` {
    @Test(arguments: Forgery.forged) func `what is not its own goes no further`(what: String, frame: [UInt8], reason: DropReason) {
        let rig = Rig()
        rig.send(frame, from: 2)
        #expect(rig.drops(2, reason) == 1 && rig.heard(0).isEmpty && rig.heard(1).isEmpty, "\(what)")
    }

    @Test(arguments: Forgery.honest) func `its own does`(what: String, frame: [UInt8]) {
        let rig = Rig()
        rig.send(frame, from: 2)
        #expect(rig.heard(0) == [frame], "\(what)")
    }

    @Test func `a router that the lab declares is heard, and no other`() {
        let rig = Rig { $0.networks[0].router = $0.ports[1].address }
        rig.send(Forgery.router(1), Forgery.redirect(1), from: 1)
        #expect(rig.heard(0).count == 2)
        rig.send(Forgery.router(2), from: 2)
        #expect(rig.heard(0).isEmpty && rig.drops(2, .rogueRouter) == 1)
    }

    @Test func `any damage to such a frame is dropped or forwarded, never a trap`() {
        let rig = Rig()
        var numbers = Numbers(12)
        for _ in 0..<20_000 {
            var frame = Forgery.forged.randomElement(using: &numbers)!.1
            for _ in 0..<Int.random(in: 0...4, using: &numbers) {
                frame[Int.random(in: 12..<frame.count, using: &numbers)] = UInt8.random(in: 0...255, using: &numbers)
            }
            frame = Array(frame.prefix(Int.random(in: 14...frame.count, using: &numbers)))
            rig.send(frame, from: 2)
            rig.wait(1_000_000)
            _ = rig.heard(0)
        }
        #expect(rig.drops(2, .spoof) > 100 && rig.drops(2, .rogueRouter) > 100)
    }
}
