import Foundation
import Host
import Testing

/// A cable: what one machine's card sends, the other's receives.
struct PulseCable {
    let first: SharedDescriptor
    let second: SharedDescriptor

    init() throws {
        let pair = try UnixSocket.pair().split()
        first = SharedDescriptor(Descriptor(owning: pair.ours))
        second = SharedDescriptor(Descriptor(owning: pair.theirs))
    }

    /// Two machines on one cable: 10.1.0.1 with the first command line, 10.1.0.2 with the second.
    static func machines(_ first: String = "", _ second: String = "", mtu: Int? = nil) throws -> (PulseMachine, PulseMachine) {
        let cable = try PulseCable()
        return (
            try PulseMachine(
                "net=10.1.0.1/24 \(first)", cards: [.init(end: cable.first, address: "02:00:00:00:00:01", mtu: mtu)]),
            try PulseMachine(
                "net=10.1.0.2/24 \(second)", cards: [.init(end: cable.second, address: "02:00:00:00:00:02", mtu: mtu)])
        )
    }
}

extension PulseMachine {
    /// Whether all echoes come back. Two cores may be busy with other tests, so that one which comes late is asked for again.
    func reaches(_ address: String, _ options: String = "5 50") throws -> Bool {
        for _ in 0..<3 where try command("ping \(address) \(options)").contains(" 0% lost") { return true }
        return false
    }
}

extension `pulse on our monitor` {
    @Suite struct network {
        @Test(arguments: ["irq=msix", "irq=intx", "irq=poll", "offloads=on"])
        func `two machines on one cable reach each other`(options: String) throws {
            let (first, second) = try PulseCable.machines(options, options)
            try first.expect("> ")
            try second.expect("> ")
            #expect(try second.reaches("10.1.0.1"))
            #expect(try first.reaches("10.1.0.2", "3 0 1472"))
            let card = try first.command("ip")
            #expect(card.hasPrefix("net0: 02:00:00:00:00:01 mtu 1500 link up\n    10.1.0.1/24\n"))
            #expect(card.contains("dropped 0 malformed 0"))
        }

        @Test func `a flood arrives whole, for a full stream holds its sender up and nothing is thrown away`() throws {
            let (first, second) = try PulseCable.machines("", "offloads=on")
            try first.expect("> ")
            try second.expect("> ")
            #expect(try second.command("flood 10.1.0.1 400 1400").hasPrefix("flood 10.1.0.1: 400 datagrams of 1400 bytes in "))
            let deadline = ContinuousClock.now + .seconds(PulseMachine.patience)
            var received = 0
            while received < 400 * 1442, ContinuousClock.now < deadline {
                received = try first.command("ip").firstMatch(of: #/frames ([0-9]+) bytes/#).flatMap { Int($0.1) } ?? 0
            }
            #expect(received >= 400 * 1442)
            #expect(try second.reaches("10.1.0.1"))
        }

        @Test func `packets as large as the network allows pass, and larger ones are not even tried`() throws {
            let (first, second) = try PulseCable.machines(mtu: 9000)
            try first.expect("> ")
            try second.expect("> ")
            #expect(try second.command("ip").contains("mtu 9000 "))
            #expect(try second.reaches("10.1.0.1", "3 0 8972"))
            #expect(try second.command("ping 10.1.0.1 3 0 8973") == "ping: out of range: SIZE, larger than the MTU\n")
        }

        @Test func `a cable that is pulled is noticed, and nothing passes until it is back`() throws {
            let (first, second) = try PulseCable.machines()
            try first.expect("> ")
            try second.expect("> ")
            #expect(try second.reaches("10.1.0.1"))
            try second.type("link lan down\n", on: .control)
            try second.expect("pulse: net0 link down\r\n")
            #expect(try second.command("link") == "net0: down\n")
            #expect(try second.command("ping 10.1.0.1 2 10").hasSuffix("ping 10.1.0.1: 2 sent, 0 received, 100% lost\n"))
            try second.type("link lan up\n", on: .control)
            try second.expect("pulse: net0 link up\r\n")
            #expect(try second.reaches("10.1.0.1"))
        }

        @Test func `where nobody leases and nobody reads, it is ready all the same`() throws {
            let cable = try PulseCable()
            let machine = try PulseMachine(cards: [.init(end: cable.second, address: "02:00:00:00:00:02")])
            try machine.expect("pulse: ready\r\n")
            #expect(try machine.command("ping 10.1.0.1") == "ping: no route to that host\n")
            withExtendedLifetime(cable) {}
        }

        @Test func `a host that is not there is lost, and what nobody knows is said`() throws {
            let (first, second) = try PulseCable.machines()
            try first.expect("> ")
            try second.expect("> ")
            #expect(try second.command("ping 10.1.0.9 2 10") == "ping 10.1.0.9: 2 sent, 0 received, 100% lost\n")
            #expect(try second.command("ping 10.2.0.1") == "ping: no route to that host\n")
            #expect(try second.command("resolve web") == "resolve: no name server is known\n")
            #expect(
                try second.command("ping")
                    == "ping: usage: ping HOST [COUNT] [INTERVAL-MS] [SIZE]: echoes; interval 0 is one after the other\n")
        }
    }
}
