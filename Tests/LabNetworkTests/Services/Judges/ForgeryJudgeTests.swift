import LabModel
import LabNetwork
import Testing

/// A kernel is machine a; machine b tells it lies, by the whole program.
@Suite(.enabled(if: Playground.isPossible, "\(Playground.obstacle ?? "")"))
struct `a kernel beside a liar` {
    /// Has formed its address, and knows the gateway.
    private static let meet =
        "for i in $(seq 300); do ip -6 addr show dev eth0 | grep fd00 | grep -qv tentative && break; sleep 0.1; done; ping -c 2 -i 0.2 -w 30 fd00:1:2:3::1; ping -c 2 -i 0.2 -w 30 10.20.0.1"
    private static let look = "ip neigh show dev eth0; ip -6 route show default; ping -c 5 -i 0.01 -w 30 fd00:1:2:3::1"

    @Test func `keeps its gateway, and finds no other router`() throws {
        let program = try Program(["a", "b"])
        let a = try Playground(program, port: 0)
        try a.configure("10.20.0.10/24")
        let met = try a.run(["sh", "-c", Self.meet])
        #expect(met.text.matches(of: #/ 0% packet loss/#).count == 2, "\(met.text)")
        let toA = Endpoint(mac: Rig.mac(0), ip: .v6(Forgery.address(0)))
        let lies = [
            Forgery.advertisement(of: Forgery.gateway, by: 1), Forgery.advertisement(of: Forgery.gateway, by: 1, to: toA),
            Forgery.question(for: Forgery.address(0), from: Forgery.gateway, by: 1), Forgery.router(1),
            Forgery.hidden(behind: [Forgery.padding], Forgery.router(1)),
            Wire.arp(operation: 2, from: Rig.mac(1), .v4(IPv4Address("10.20.0.1")!), target: .v4(IPv4Address("10.20.0.10")!)),
        ]
        for lie in lies { try program.send(lie, from: 1) }
        try program.barrier()
        #expect(program.last.contains(#""b/lan":{"in":{"frames":6"#) && program.last.contains(#""drops":{"spoof":4,"rogue-router":2}"#))
        let seen = try a.run(["sh", "-c", Self.look])
        #expect(seen.text.contains("fd00:1:2:3::1 lladdr 02:00:00:00:00:01"), "\(seen.text)")
        #expect(seen.text.contains("10.20.0.1 lladdr 02:00:00:00:00:01"), "\(seen.text)")
        #expect(!seen.text.contains("default via") && seen.text.contains(" 0% packet loss"), "\(seen.text)")
    }

    @Test func `does find the router that the lab declares`() throws {
        let program = try Program(["a", "b"], router: "10.20.0.11")
        let a = try Playground(program, port: 0)
        let met = try a.run(["sh", "-c", Self.meet])
        #expect(met.text.contains(" 0% packet loss"), "\(met.text)")
        try program.send(Forgery.router(1), from: 1)
        try program.barrier()
        let find = "for i in $(seq 300); do ip -6 route show default | grep -q via && break; sleep 0.1; done; ip -6 route show default"
        let seen = try a.run(["sh", "-c", find])
        #expect(seen.text.contains("default via \(Forgery.onLink(1))"), "\(seen.text)")
    }
}
