import Foundation
import Testing

extension `real labs` {
    /// `Labs/netboot`: a Linux that comes over the network to a machine that has nothing but iPXE. Half a minute: `make menagerie`.
    @Suite(.serialized, .enabled(if: ProcessInfo.processInfo.environment["VMLAB_MENAGERIE"] != nil, "run by `make menagerie`"))
    struct `of systems that boot from the network` {
        @Test(.timeLimit(.minutes(30)))
        func `told where by DHCP, from another machine of the lab, and leaving nothing`() throws {
            let user = try CommandLineUser()
            let folder = CommandLineUser.root + "/Labs/netboot"
            let begin = ContinuousClock.now
            let up = try user.vmlab("up", folder, limitSeconds: 1500)
            #expect(up.status == 0, "\(up.all)")
            print("the Linux from the network was ready after \(begin.duration(to: .now)), images included")
            let said = try user.vmlab("logs", "diskless", "-f", folder).out
            for words in [
                "SeaBIOS (version ", "iPXE 1.", "http://files/linux.ipxe... ok", "vmlinuz... ", "Linux version 6.1.", "busybox: ready on ",
            ] {
                #expect(said.contains(words), "\"\(words)\" is not in \(said.suffix(4000))")
            }
            // It has its place on the network.
            let used = try user.vmlab(
                "console", "diskless", "-f", folder, "--until", "pinged: 0", "--timeout", "60s",
                input: "ping -c 3 files; echo \"pinged: $?\"\n", limitSeconds: 90)
            #expect(used.status == 0, "\(used.all)")
            let down = try user.vmlab("down", folder, limitSeconds: 240)
            #expect(down.status == 0 && down.all.contains("left behind: nothing"), "\(down.all)")
            user.expectNothingLeft()
        }
    }
}
