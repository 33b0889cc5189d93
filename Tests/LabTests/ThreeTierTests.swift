import Foundation
import TestSupport
import Testing

extension `real labs` {
    /// Labs with networks, by the words that a person would type. What is said of a wire is judged by the guests' own `ping`, and by tshark.
    @Suite(.serialized) struct `of machines that are connected` {
        /// Debian machines on both sides of a Debian router, over a line that is slow and loses packets.
        @Test(.timeLimit(.minutes(20)))
        func `find each other by name, suffer their wires, are parted and healed, and leave nothing`() throws {
            let user = try CommandLineUser()
            let folder = CommandLineUser.root + "/Labs/three-tier"
            let up = try user.vmlab("up", folder, limitSeconds: 900)
            #expect(up.status == 0, "\(up.all)\n\((try? user.vmlab("logs", "router", "-f", folder).out) ?? "")")
            let web = Typist(user, folder, "web")
            // It answers the bridge before its shell is there, and what is typed before that is lost.
            try web.awaitPrompt()

            // Who it is, and whom it finds: its neighbour, and the machine behind the router.
            let identity = try web.type("hostname -f; cat /etc/machine-id; ls /sys/class/net; systemctl --failed --no-legend")
            #expect(identity.contains("web.three-tier.lab\n") && identity.contains("wan\n"), "\(identity)")
            #expect(identity.contains(#/\n[0-9a-f]{32}\n/#) && !identity.contains("●"), "\(identity)")
            #expect(try web.ping("-c 10 -i 0.2 db").received > 5)
            #expect(try web.ping("-c 10 -i 0.2 echo.three-tier.lab").received > 5)

            try judgeTheLeases(["router", "db"].map { Typist(user, folder, $0) })
            try judgeTheLine(web)
            try judgeTheCapture(user, folder)
            try judgeTheOffloads(user, folder)

            // The router loses sight of the others; the line itself is as it was.
            #expect(try user.vmlab("link", "partition", "lan", "router", "db,echo", "-f", folder).status == 0)
            #expect(try web.ping("-c 10 -i 0.2 -W 1 db").received == 0)
            #expect(try web.ping("-c 10 -i 0.2 router").received > 5)
            #expect(try user.vmlab("link", "heal", "lan", "-f", folder).status == 0)
            #expect(try web.ping("-c 10 -i 0.2 db").received > 5)

            let plan = try user.vmlab("plan", folder, "--detailed-exitcode")
            #expect(plan.status == 0, "a second plan has no step: \(plan.all)")
            let down = try user.vmlab("down", folder, limitSeconds: 240)
            #expect(down.status == 0 && down.all.contains("left behind: nothing"), "\(down.all)")
            user.expectNothingLeft()
        }

        /// The machines' own journals say when systemd-networkd saw its cable, and when it had its address.
        private func judgeTheLeases(_ shells: [Typist]) throws {
            let times = try shells.map { shell in
                try shell.awaitPrompt()
                let said = try shell.type("journalctl -b -o short-monotonic --no-pager -u systemd-networkd | grep ' lan: '")
                let carrier = try #require(said.firstMatch(of: #/\[ *([\d.]+)\] [^\n]* lan: Gained carrier/#), "\(said)")
                let address = try #require(said.firstMatch(of: #/\[ *([\d.]+)\] [^\n]* lan: DHCPv4 address/#), "\(said)")
                return (Double(address.1) ?? .infinity) - (Double(carrier.1) ?? 0)
            }
            // A busy host may have kept one of them waiting.
            #expect(times.contains { $0 <= 3 }, "seconds from cable to address: \(times)")
        }

        /// 20 ms each way, within 2; 2 % lost each way.
        private func judgeTheLine(_ web: Typist) throws {
            let count = 400.0
            let lost = 1 - 0.98 * 0.98
            let sigma = (count * lost * (1 - lost)).squareRoot()
            func isLikely(_ pings: Typist.Pings) -> Bool { abs(count - Double(pings.received) - count * lost) <= 3 * sigma }
            var pings = try web.ping("-c 400 -i 0.03 probe")
            // Three sigma are left by chance once in 370 runs.
            if !isLikely(pings) { pings = try web.ping("-c 400 -i 0.03 probe") }
            #expect(isLikely(pings), "\(pings)")
            // Evenly spread over 4 ms, twice; the machines themselves only add to it.
            let spread = (2.0 * 4 * 4 / 12).squareRoot() / Double(max(pings.received, 1)).squareRoot()
            #expect(pings.least >= 36 && pings.mean >= 40 - 3 * spread, "\(pings)")

            let (user, folder) = (web.user, web.folder)
            #expect(try user.vmlab("link", "set", "wan", "loss=0%", "delay=0ms", "jitter=0ms", "-f", folder).status == 0)
            let clear = try web.ping("-c 100 -i 0.03 probe")
            // What is left is the machines' own, which the line came on top of.
            #expect(clear.received == 100 && clear.least < max(36, pings.least - 20), "\(clear) after \(pings)")
            #expect(try user.vmlab("link", "set", "wan", "reset", "-f", folder).status == 0)
        }

        private func judgeTheCapture(_ user: CommandLineUser, _ folder: String) throws {
            let wan = try Recording(of: "wan", user, folder)
            #expect(try wan.count("icmp.type == 8") >= 500)
            #expect(try wan.count("frame.comment contains \"loss\" && icmp") > 0)
            try wan.expectNothingWrong()
        }

        /// Debian's own driver at both ends, leaving everything to others, then nothing, then now this and now that: what arrives is what was sent.
        private func judgeTheOffloads(_ user: CommandLineUser, _ folder: String) throws {
            let sender = Typist(user, folder, "router")
            let receiver = Typist(user, folder, "db")
            for state in ["on", "off"] {
                for machine in [sender, receiver] {
                    let said = try machine.type(
                        "ethtool -K lan tx \(state) tso \(state) gso \(state) gro \(state) rx-gro-hw \(state); ethtool -k lan")
                    for feature in ["tx-checksumming", "tcp-segmentation-offload", "rx-gro-hw"] {
                        #expect(said.contains("\(feature): \(state)\n"), "\(said)")
                    }
                }
                let start = Date().timeIntervalSince1970
                try send(from: sender, to: receiver)
                let lan = try Recording(of: "lan", user, folder)
                let sent = "tcp.port == \(Recording.dataPort) && frame.time_epoch > \(start)"
                #expect(try lan.count("\(sent) && frame.len > 1000") > 30)
                #expect((try lan.count("\(sent) && frame.len > 1514") > 0) == (state == "on"))
                try lan.expectNothingWrong()
            }
            let switching = "ethtool -K lan tx off rx-gro-hw off; sleep 0.1; ethtool -K lan tx on tso on rx-gro-hw on; sleep 0.1"
            try send(from: sender, to: receiver, meanwhile: switching)
            for machine in [sender, receiver] {
                let said = try machine.type("nstat -az TcpInCsumErrors; dmesg | grep -i 'guest offload\\|virtio_net.*fail'")
                #expect(said.contains(#/TcpInCsumErrors +0 /#) && !said.contains(" guest offload"), "\(said)")
            }
        }

        /// The receiver answers with the digest of what came.
        private func send(from sender: Typist, to receiver: Typist, meanwhile: String = "sleep 1") throws {
            let stream = "seq 9999999 | head -c 3M"
            let loop = "{ while :; do \(meanwhile); done & }"
            _ = try receiver.type(
                "busybox nc -l -p \(Recording.dataPort) -e sha256sum & until ss -Hltn | grep -q \(Recording.dataPort); do sleep 0.1; done; \(loop)"
            )
            let said = try sender.type("\(loop); \(stream) | sha256sum; \(stream) | busybox nc db \(Recording.dataPort); kill $!")
            _ = try receiver.type("kill $!")
            let digests = said.matches(of: #/\n([0-9a-f]{64}) /#).map(\.1)
            #expect(digests.count == 2 && digests.first == digests.last, "\(said)")
        }

        /// The same addresses in both, and no way from one to the other.
        @Test(.timeLimit(.minutes(10)))
        func `run twice under two names without meeting`() throws {
            let user = try CommandLineUser()
            let folder = try user.lab(
                "twins",
                """
                name: twins
                defaults: {image: pulse, memory: 32MiB, networks: [lan], ready: {ping: true, within: 240s}}
                networks: {lan: {}}
                machines: {one: {}, two: {after: [one]}}
                """)
            for name in ["first", "second"] {
                let up = try user.vmlab("up", folder, "--name", name, limitSeconds: 540)
                #expect(up.status == 0, "\(up.all)")
            }
            // In the first, the two see each other no more; the second knows nothing of that.
            #expect(try user.vmlab("link", "partition", "lan", "one", "two", "--name", "first").status == 0)
            for (name, reaches) in [("first", false), ("second", true)] {
                let said = try user.vmlab(
                    "console", "one", "--name", name, "--until", "% lost", "--timeout", "120s", input: "\nping two 3\n",
                    limitSeconds: 150)
                #expect(said.out.contains("3 sent, 3 received") == reaches, "\(name): \(said.all)")
            }
            #expect(try user.vmlab("down", "--name", "first", limitSeconds: 120).status == 0)
            let ps = try user.vmlab("ps", "--name", "second")
            #expect(ps.status == 0 && ps.out.contains("two"), "\(ps.all)")
            #expect(try user.vmlab("down", "--name", "second", limitSeconds: 120).status == 0)
            user.expectNothingLeft()
        }
    }
}
