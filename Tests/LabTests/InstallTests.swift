import Foundation
import TestSupport
import Testing

extension `real labs` {
    /// `Labs/install`: a Debian that puts itself on a blank disk, which then is an image of its own. It takes some minutes: `make menagerie`.
    @Suite(.serialized, .enabled(if: ProcessInfo.processInfo.environment["VMLAB_MENAGERIE"] != nil, "run by `make menagerie`"))
    struct `of systems that install themselves` {
        @Test(.timeLimit(.minutes(60)))
        func `unattended, on a disk that starts by itself ever after`() throws {
            let user = try CommandLineUser()
            let folder = CommandLineUser.root + "/Labs/install"
            let up = try user.vmlab("up", folder, limitSeconds: 2400)
            #expect(up.status == 0, "\(up.all)")
            let stop = try user.vmlab("stop", "installer", "-f", folder, limitSeconds: 120)
            #expect(stop.status == 0, "\(stop.all)")
            let imported = try user.vmlab(
                "image", "import", "installed", "installer", "disk0", "--start-like", "seabios", "--into", user.home + "/own/Images",
                "-f", folder, limitSeconds: 300)
            #expect(imported.status == 0, "\(imported.all)")
            let down = try user.vmlab("down", folder, limitSeconds: 240)
            #expect(down.status == 0 && down.all.contains("left behind: nothing"), "\(down.all)")

            let own = user.home + "/own/lab"
            try FileManager.default.createDirectory(atPath: own, withIntermediateDirectories: true)
            let text = "name: own\nmachines: {m: {image: installed, memory: 384MiB, ready: {console: \"root@installer\", within: 600s}}}\n"
            try Data(text.utf8).write(to: URL(filePath: own + "/lab.yaml"))
            let start = try user.vmlab("up", own, limitSeconds: 900)
            #expect(start.status == 0, "\(start.all)")
            let said = try user.vmlab("logs", "m", "-f", own).out
            #expect(said.contains("SeaBIOS") && said.contains("GRUB") && said.contains("Debian GNU/Linux 12"), "\(said.suffix(3000))")
            #expect(try user.vmlab("down", own, limitSeconds: 240).status == 0)
            user.expectNothingLeft()
        }
    }
}
