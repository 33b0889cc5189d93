import Foundation
import Glibc
import Host
import TestSupport
import Testing

private let pings = """
    name: pings
    networks:
      lan: {subnet: 10.20.0.0/24}
      quiet: {subnet: 10.30.0.0/24, capture: off}
    machines:
      one: {image: pulse, memory: 32MiB, networks: [lan, quiet], ready: {console: "pulse: ready", within: 60s}}
      two: {image: pulse, memory: 32MiB, networks: [lan], ready: {console: "pulse: ready", within: 60s}}
    """

extension `real labs` {
    @Suite(.serialized, .enabled(if: access(Recording.judge, X_OK) == 0, "tshark is not installed")) struct `of captured networks` {
        @Test func `show every ping, while they run and after everything was killed`() throws {
            let user = try CommandLineUser()
            let folder = try user.lab("pings", pings)
            let up = try user.vmlab("up", folder, "--accel", (Acceleration.usable.first ?? .carrier).rawValue, limitSeconds: 120)
            #expect(up.status == 0, "\(up.all)")
            let following = try user.start(["capture", "-f", folder, "--follow"])

            let ping = try user.vmlab(
                "console", "one", "-f", folder, "--until", "25 received", "--timeout", "60s", input: "\nping two 25 20 400\n",
                limitSeconds: 70)
            #expect(ping.status == 0, "\(ping.all)")

            let file = user.home + "/lan.pcapng"
            let recording = Recording(file)
            let captured = try user.vmlab("capture", "lan", "-f", folder, "-w", file)
            #expect(captured.status == 0 && captured.err.contains("frames of lan"), "\(captured.all)")
            // A guest's console is faster than the bridge's turn: the last reply may not be in the file yet.
            #expect(try recording.count("icmp.type == 8") == 25)
            #expect(try recording.count("icmp.type == 0") >= 24)
            try recording.expectNothingWrong()
            #expect(try recording.count("frame.interface_name == \"one/lan\" && icmp.type == 8") == 25)
            #expect(try recording.count("frame.interface_name == \"lan.gateway\" && dhcp") >= 2)

            let recent = try user.vmlab("capture", "lan", "-f", folder, "--since", "1ms", "-w", file)
            #expect(recent.status == 0, "\(recent.all)")
            #expect(try recording.count("icmp") <= 1)

            let mistyped = try user.vmlab("capture", "lann", "-f", folder, "-w", file)
            #expect(mistyped.status == 66 && mistyped.err.contains("did you mean lan?"), "\(mistyped.all)")
            let quiet = try user.vmlab("capture", "quiet", "-f", folder, "-w", file)
            #expect(quiet.status == 66 && quiet.err.contains("capture: off"), "\(quiet.all)")

            let graph = try user.vmlab("graph", folder, "--format", "mermaid")
            #expect(graph.status == 0 && graph.out.contains("ready") && graph.out.contains("10.20.0.0/24"), "\(graph.all)")

            // Nobody is asked to go: the ring is as it was at that instant.
            for process in user.processes()
            where process.contains("\u{0}keep") || process.contains("vmlab-network") || process.contains("vmlab-machine") {
                if let pid = Int32(process.prefix { $0 != ":" }) { kill(pid, SIGKILL) }
            }
            let end = try following.wait(limitSeconds: 60)
            #expect(end.status == 0 && !end.err.contains("missing"), "\(end.err)")
            #expect(try Recording(following.folder + "/out").count("icmp") == 50)
            let after = try user.vmlab("capture", "-f", folder, "-w", file)
            #expect(after.status == 0, "\(after.all)")
            #expect(try recording.count("icmp") == 50)
            try recording.expectNothingWrong()

            let down = try user.vmlab("down", folder, limitSeconds: 90)
            #expect(down.status == 0 && down.all.contains("left behind: nothing"), "\(down.all)")
            let gone = try user.vmlab("capture", "-f", folder, "-w", file)
            #expect(gone.status == 66, "\(gone.all)")
            try FileManager.default.removeItem(atPath: file)
            user.expectNothingLeft()
        }
    }
}
