import LabModel
import LabNetwork
import Testing

/// The host's own tools look at the gateway from a neighbour's place.
@Suite(.enabled(if: Playground.isPossible, "\(Playground.obstacle ?? "")"))
struct `a neighbour sees a sound gateway` {
    @Test func `rdisc6 reads the prefix, the name server and the search domain, and no way out`() throws {
        let playground = try Playground(Shop.settings())
        let output = try playground.run([
            "sh", "-c",
            "for i in $(seq 300); do ip -6 addr show dev eth0 | grep fe80 | grep -qv tentative && break; sleep 0.1; done; rdisc6 -1 -r 20 -w 1000 eth0",
        ])
        for line in [
            "Router lifetime           :            0", "Prefix                   : fd12:3456:789a:1::/64",
            "On-link                 :          Yes",
            "Autonomous address conf.:          Yes", "MTU                      :         1500",
            "Recursive DNS server     : fd12:3456:789a:1::1", "DNS search list          : shop.lab",
            "Source link-layer address: 02:00:00:00:00:FE",
        ] {
            #expect(output.text.contains(line), "no \(line) in \(output.text)")
        }
        try expectSoundFrames(playground)
    }

    @Test func `a kernel forms its address from the advertisement, and pings the gateway by both versions`() throws {
        let playground = try Playground(Shop.settings(uplink: true))
        try playground.configure("10.20.0.10/24")
        let wait =
            "for i in $(seq 300); do ip -6 addr show dev eth0 | grep fd12 | grep -qv tentative && break; sleep 0.1; done; ip -6 addr show dev eth0; ip -6 route show default"
        let formed = try playground.run(["sh", "-c", wait])
        #expect(formed.text.contains("inet6 fd12:3456:789a:1:0:ff:fe00:a/64"), "\(formed.text)")
        #expect(!formed.text.contains("default via"), "\(formed.text)")
        for target in ["10.20.0.1", "fd12:3456:789a:1::1", "fe80::ff:fe00:fe%eth0"] {
            let output = try playground.run(["ping", "-c", "20", "-i", "0.01", "-w", "30", "-s", "1400", target])
            #expect(output.status == 0 && output.text.contains(" 0% packet loss"), "\(output.text)")
        }
        // The whole of the MTU, and not a byte more.
        #expect(try playground.run(["ping", "-c", "1", "-w", "10", "-M", "do", "-s", "1472", "10.20.0.1"]).status == 0)
        try expectSoundFrames(playground)
    }

    @Test func `perfdhcp loses none of 200 exchanges a second`() throws {
        let playground = try Playground(Shop.settings(subnet: "10.20.0.0/16"))
        try playground.configure("10.20.0.10/16")
        // Its clients and itself share one processor with everything else that is tested here: a late answer is no lost one.
        let output = try playground.run([
            "perfdhcp", "-4", "-r", "200", "-R", "2000", "-n", "600", "-d", "10", "-d", "10", "-W", "5000000", "-u", "-l", "eth0", "all",
        ])
        // It sends in bursts, and in the last one a few more than it was asked for.
        let counts = output.text.matches(of: #/sent packets: (\d+)\n *received packets: (\d+)\n *drops: 0/#)
        #expect(counts.count == 2 && counts.allSatisfy { $0.1 == $0.2 && Int($0.1) ?? 0 >= 600 }, "\(output.text)")
        #expect(!output.text.contains(#/non unique addresses: [1-9]/#), "\(output.text)")
        try expectSoundFrames(playground)
    }

    @Test func `arping is answered by the gateway's card alone`() throws {
        let playground = try Playground(Shop.settings())
        try playground.configure("10.20.0.10/24")
        let output = try playground.run(["busybox", "arping", "-c", "3", "-w", "20", "-I", "eth0", "10.20.0.1"])
        #expect(output.text.contains("[02:00:00:00:00:fe]") && output.text.contains("Received 3 resp"), "\(output.text)")
        let other = try playground.run(["busybox", "arping", "-c", "2", "-w", "3", "-I", "eth0", "10.20.0.11"])
        #expect(other.text.contains("Received 0 resp"), "\(other.text)")
    }

    @Test func `a kernel's listening port is found ready, its closed one is refused, its stack answers a ping`() async throws {
        let playground = try Playground(Shop.settings())
        try playground.configure("10.20.0.10/24")
        playground.change { services, now in
            services.startProbe("ping", .ping, of: Shop.web, now: now)
            services.startProbe("open", .tcp(port: 8080), of: Shop.web, now: now)
            services.startProbe("closed", .tcp(port: 8081), of: Shop.web, now: now)
        }
        try playground.start("sleep 1; exec busybox nc -l -p 8080")
        let wanted: [BridgeEvent] = [
            .probe(identity: "ping", answer: .ready), .probe(identity: "open", answer: .ready),
            .probe(identity: "closed", answer: .refused),
        ]
        for _ in 0..<1200 where !wanted.allSatisfy(playground.events.contains) { try await Task.sleep(for: .milliseconds(50)) }
        for event in wanted { #expect(playground.events.contains(event), "\(playground.events)") }
        #expect(!playground.events.contains(.probe(identity: "closed", answer: .ready)))
        try expectSoundFrames(playground)
    }
}
