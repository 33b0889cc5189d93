import Foundation
import TestSupport
import Testing

extension `real labs` {
    /// Disks and CDs without virtio, driven by those who know nothing of vmlab: SeaBIOS, GNU GRUB, and Debian's `ata_piix`, `sd_mod` and `sr_mod`.
    @Suite(.serialized) struct `of machines with IDE drives` {
        @Test(.timeLimit(.minutes(20)))
        func `start from a CD, read another one, and keep what is written to a disk`() throws {
            let user = try CommandLineUser()
            let folder = CommandLineUser.root + "/Tests/Labs/drives"
            let medium = user.home + "/medium.iso"
            var random = SystemRandomNumberGenerator()
            try Data((0..<(2 << 17)).flatMap { _ in withUnsafeBytes(of: random.next()) { Array($0) } }).write(to: URL(filePath: medium))
            let variables = ["MEDIUM=\(medium)"]
            let up = try user.vmlab("up", folder, limitSeconds: 900, variables: variables)
            #expect(up.status == 0, "\(up.all)\n\((try? user.vmlab("logs", "linux", "-f", folder, variables: variables).out) ?? "")")

            // The firmware's words and the boot loader's, on a screen that firmware draws on the serial line.
            let grub = try user.vmlab("logs", "grub", "-f", folder, variables: variables).out
            #expect(grub.contains("Booting from DVD/CD") || grub.contains("GRUB"), "\(grub.suffix(2000))")

            let digest = try digest(of: medium, user)
            let first = try said(user, folder, variables)
            #expect(first["sda"] == "131072 sectors, driver sd" && first["sr1"] == "4096 sectors, driver sr", "\(first)")
            #expect(first["cd"] == "fonts grub.cfg i386-pc locale roms", "\(first)")
            #expect(first["medium"]?.hasPrefix(digest) == true, "\(digest): \(first)")
            #expect(first["written"] != nil && first["written"] == first["read"], "\(first)")
            #expect(first["interrupts"] == "2", "\(first)")

            // Again: the disk is as it was left.
            let restart = try user.vmlab("restart", "linux", "-f", folder, limitSeconds: 600, variables: variables)
            #expect(restart.status == 0, "\(restart.all)")
            #expect(try said(user, folder, variables)["kept"] == first["written"])

            // What was written becomes an image, when nobody writes any more.
            func importDisk() throws -> CommandOutcome {
                try user.vmlab(
                    "image", "import", "kept", "linux", "--start-like", "grub-rescue-cd", "--into", user.home + "/Images", "-f", folder,
                    limitSeconds: 120, variables: variables)
            }
            let early = try importDisk()
            #expect(early.status == 64 && early.err.contains("linux is running"), "\(early.all)")
            try user.vmlab("stop", "linux", "-f", folder, limitSeconds: 120, variables: variables)
            let imported = try importDisk()
            #expect(imported.status == 0 && imported.out == user.home + "/Images/kept\n", "\(imported.all)")
            let recipe = try String(contentsOfFile: user.home + "/Images/kept/image.yaml", encoding: .utf8)
            #expect(recipe.contains("disk: {bus: ide}") && recipe.contains("firmware: /firmware"), "\(recipe)")
            let disk = try Data(contentsOf: URL(filePath: user.home + "/Images/kept/disk.raw"))
            try disk.prefix(4 << 20).write(to: URL(filePath: user.home + "/written"))
            #expect(disk.count == 64 << 20)
            #expect(try first["written"]?.hasPrefix(self.digest(of: user.home + "/written", user)) == true)
            let start = try user.vmlab("start", "linux", "-f", folder, limitSeconds: 600, variables: variables)
            #expect(start.status == 0, "\(start.all)")

            // A medium that holds something else is noticed, and nothing else is.
            let same = try user.vmlab("plan", folder, variables: variables)
            #expect(same.out.contains("nothing to do"), "\(same.all)")
            try Data(count: 4096).write(to: URL(filePath: medium))
            let plan = try user.vmlab("plan", folder, variables: variables)
            #expect(plan.out.contains("what \(medium) holds has changed") && !plan.out.contains("disk0"), "\(plan.all)")

            let down = try user.vmlab("down", folder, limitSeconds: 240, variables: variables)
            #expect(down.status == 0 && down.all.contains("left behind: nothing"), "\(down.all)")
            user.expectNothingLeft()
        }

        private func digest(of path: String, _ user: CommandLineUser) throws -> String {
            let command = try RunningCommand(program: "/usr/bin/md5sum", arguments: ["md5sum", path], environment: [], home: user.home)
            return String(try command.wait(limitSeconds: 60).out.prefix { $0 != " " })
        }

        /// What Linux says of its drives since its last start, by the word before the colon.
        private func said(_ user: CommandLineUser, _ folder: String, _ variables: [String]) throws -> [String: String] {
            let text = try user.vmlab("logs", "linux", "-f", folder, "--since", "boot", variables: variables).out
            var said: [String: String] = [:]
            for line in text.split(whereSeparator: \.isNewline) {
                guard let colon = line.firstIndex(of: ":") else { continue }
                said[String(line[..<colon])] = String(line[colon...].dropFirst(2)).trimmingCharacters(in: .whitespaces)
            }
            return said
        }
    }
}
