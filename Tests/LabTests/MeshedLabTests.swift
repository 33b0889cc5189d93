import Foundation
import Glibc
import Host
import TestSupport
import Testing

/// Real guests on the real bridge, on whichever acceleration this host has.
extension `real labs` {
    @Suite(.serialized) struct `of pulse machines on networks` {
        private static let lab = """
            name: meshed
            networks:
              lan: {subnet: 10.20.0.0/24}
              wan: {subnet: 10.30.0.0/24, link: {delay: 20ms}}
            machines:
              one: {image: pulse, memory: 32MiB, networks: [lan], ready: {ping: true, within: 120s}}
              two: {image: pulse, memory: 32MiB, networks: [{name: lan, address: 10.20.0.7}, wan], ready: {ping: true, within: 120s}}
              three: {image: pulse, memory: 32MiB, networks: [wan], ready: {console: "pulse: ready", within: 120s}}
            """

        private static let acceleration = Acceleration.usable.contains(.kvm) ? "kvm" : "carrier"

        private struct Ping {
            var sent: Int
            var received: Int
            /// Milliseconds.
            var fastest: Double?
        }

        /// What the guest's own `ping` says at its end.
        private func ping(
            _ host: String, from machine: String, count: Int = 3, _ user: CommandLineUser, _ lab: String
        ) throws -> Ping {
            let outcome = try user.vmlab(
                "console", machine, "--name", lab, "--until", "% lost", "--timeout", "60s", input: "\nping \(host) \(count) 50\n",
                limitSeconds: 90)
            return try result(outcome)
        }

        private func result(_ outcome: CommandOutcome) throws -> Ping {
            let match = try #require(
                outcome.out.firstMatch(of: #/(\d+) sent, (\d+) received, .*% lost/#), "no end of the ping: \(outcome.all)")
            let fastest = outcome.out.firstMatch(of: #/min.avg.max ([0-9.]+)/#).flatMap { Double($0.1) }
            return Ping(sent: try #require(Int(match.1)), received: try #require(Int(match.2)), fastest: fastest)
        }

        private func networkProcess(_ user: CommandLineUser, _ lab: String) throws -> Int32 {
            struct Status: Decodable { var networks: [Network] }
            struct Network: Decodable { var pid: Int32? }
            let ps = try user.vmlab("ps", "--name", lab, "--json")
            return try #require(try JSONDecoder().decode(Status.self, from: Data(ps.out.utf8)).networks.first?.pid, "\(ps.all)")
        }

        @Test(.timeLimit(.minutes(10)))
        func `reach each other by name, through a bridge that dies, wires that break and machines that start anew`() throws {
            let user = try CommandLineUser()
            let folder = try user.lab("meshed", Self.lab)
            let up = try user.vmlab("up", folder, "--accel", Self.acceleration, limitSeconds: 240)
            try #require(up.status == 0, "\(up.all)")

            let near = try ping("two", from: "one", user, "meshed")
            #expect(near.received == near.sent && near.sent == 3)
            let far = try ping("two.meshed.lab", from: "three", user, "meshed")
            #expect(far.received == far.sent)
            let own = try ping("10.30.0.1", from: "three", user, "meshed")
            #expect(own.received == own.sent, "the bridge's own answers")

            // The bridge dies in the middle of it; the frames meanwhile are lost and no others.
            let long = try user.start(
                ["console", "one", "--name", "meshed", "--until", "% lost", "--timeout", "100s"], input: "\nping two 120 50\n")
            try long.awaitOutput("ping two 120 50", limitSeconds: 60)
            kill(try networkProcess(user, "meshed"), SIGKILL)
            let outcome = try long.wait(limitSeconds: 120)
            let through = try result(outcome)
            #expect(through.sent == 120 && through.received >= 20, "flows resume: \(outcome.all)")

            for (break_, mend) in [
                (["set", "one/lan", "down"], ["set", "one/lan", "up"]), (["set", "lan", "down"], ["set", "lan", "up"]),
                (["set", "two/lan", "loss=100%"], ["set", "two/lan", "clear"]), (["partition", "lan", "one", "two"], ["heal", "lan"]),
            ] {
                let broken = try user.start(["link"] + break_ + ["--name", "meshed"]).wait(limitSeconds: 30)
                #expect(broken.status == 0, "\(broken.all)")
                let lost = try ping("10.20.0.7", from: "one", user, "meshed")
                #expect(lost.received == 0, "\(break_)")
                let mended = try user.start(["link"] + mend + ["--name", "meshed"]).wait(limitSeconds: 30)
                #expect(mended.status == 0, "\(mended.all)")
                let back = try ping("10.20.0.7", from: "one", user, "meshed")
                #expect(back.received == back.sent, "\(mend)")
            }

            // 30 ms there, 30 ms back.
            let slow = try user.vmlab("link", "set", "lan", "delay=30ms", "--name", "meshed")
            #expect(slow.status == 0, "\(slow.all)")
            let delayed = try ping("10.20.0.7", from: "one", user, "meshed")
            #expect((delayed.fastest ?? 0) >= 60, "\(delayed)")

            #expect(try user.vmlab("kill", "two", "--name", "meshed").status == 0)
            #expect(try ping("10.20.0.7", from: "one", user, "meshed").received == 0)
            let again = try user.vmlab("start", "two", "--name", "meshed", limitSeconds: 150)
            #expect(again.status == 0, "\(again.all)")
            let back = try ping("two", from: "one", user, "meshed")
            #expect(back.received == back.sent)

            let down = try user.vmlab("down", folder, limitSeconds: 90)
            #expect(down.status == 0 && down.all.contains("left behind: nothing"), "\(down.all)")
            user.expectNothingLeft()
        }

        @Test(.timeLimit(.minutes(6)), .enabled(if: Acceleration.usable.contains(.kvm)))
        func `never meet those of another copy, which has the same addresses`() throws {
            let user = try CommandLineUser()
            let folder = try user.lab("meshed", Self.lab)
            for name in ["first", "second"] {
                let up = try user.vmlab("up", folder, "--name", name, "--accel", "kvm", limitSeconds: 240)
                try #require(up.status == 0, "\(up.all)")
            }
            for name in ["first", "second"] { #expect(try ping("two", from: "one", user, name).received == 3) }
            #expect(try user.vmlab("kill", "two", "--name", "first").status == 0)
            #expect(try ping("10.20.0.7", from: "one", user, "first").received == 0, "the other's is not to be seen")
            #expect(try ping("10.20.0.7", from: "one", user, "second").received == 3)
            for name in ["first", "second"] {
                let down = try user.vmlab("down", "--name", name, limitSeconds: 90)
                #expect(down.status == 0 && down.all.contains("left behind: nothing"), "\(down.all)")
            }
            user.expectNothingLeft()
        }

        /// passt gives up its user, its root and its parent: it must end with the lab all the same.
        @Test(.enabled(if: Acceleration.usable.contains(.kvm)), arguments: ["keep", "vmlab-network", "passt"])
        func `with a way out, one of whose processes is killed, leave nothing`(victim: String) throws {
            let user = try CommandLineUser()
            let text = """
                name: outward
                networks: {lan: {subnet: 10.20.0.0/24, uplink: nat}}
                machines: {one: {image: pulse, memory: 32MiB, networks: [lan], ready: {ping: true, within: 120s}}}
                """
            let folder = try user.lab("outward", text)
            let up = try user.vmlab("up", folder, "--accel", "kvm", limitSeconds: 150)
            try #require(up.status == 0, "\(up.all)")
            let found = user.processes().first { line in
                line.split(separator: "\0").first { $0.contains(victim) } != nil && !line.contains("sshd")
            }
            // A host without a route to anywhere has no passt for long: there is nothing to kill then.
            if let found, let pid = Int32(found.prefix { $0 != ":" }) { kill(pid, SIGKILL) } else { #expect(victim == "passt") }
            let down = try user.vmlab("down", folder, limitSeconds: 90)
            #expect(down.status == 0 && down.all.contains("left behind: nothing"), "\(down.all)")
            user.expectNothingLeft()
        }
    }
}
