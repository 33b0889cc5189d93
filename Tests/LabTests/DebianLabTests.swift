import Foundation
import Glibc
import Host
import TestSupport
import Testing

extension `real labs` {
    @Suite(.serialized) struct `of a Debian and a pulse` {
        /// The main job, by the same words as the README's first command, then more of what a person would do.
        @Test(.timeLimit(.minutes(10)))
        func `go up from an archive, are used, and go down without a trace`() throws {
            let user = try CommandLineUser()
            let folder = CommandLineUser.root + "/Labs/quickstart"
            let up = try user.vmlab("up", folder, limitSeconds: 480)
            #expect(up.status == 0, "\(up.all)\n\((try? user.vmlab("logs", "debian", "-f", folder).out) ?? "")")

            let look = try type("uname -a; cat /etc/os-release; echo done \"looking\"", until: "done looking", at: user, folder)
            #expect(look.contains("Linux") && look.contains("VERSION_CODENAME=bookworm"), "\(look)")

            // The guest's own kernel judges the disk we wrote and the board we built.
            let judge = try type(
                "dmesg --level=emerg,alert,crit,err | grep -v 'Spectre\\|RETBleed\\|MDS\\|MMIO Stale' ; grep ' / ' /proc/mounts; echo judged \"now\"",
                until: "judged now", at: user, folder)
            #expect(judge.contains("ext4 rw"), "\(judge)")
            for complaint in [
                "EXT4-fs error", "EXT4-fs warning", "ACPI Error", "ACPI BIOS Error", "BUG:", "Call Trace", "I/O error", "corruption",
            ] {
                #expect(!judge.contains(complaint), "\(judge)")
            }

            // What the guest wrote outlives its reboot, and its reboot is a reboot.
            let identity = "cat /proc/sys/kernel/random/boot_id"
            let first = try type("echo kept > /root/kept; sync; \(identity); echo written \"now\"", until: "written now", at: user, folder)
            let before = try #require(first.firstMatch(of: #/[0-9a-f]{8}-[0-9a-f-]{27}/#)).output
            _ = try type("systemctl reboot; echo asked \"for it\"", until: "asked for it", at: user, folder)
            var second = ""
            for _ in 0..<12 {
                // The guest may be anywhere between its old life and its new one.
                second = try attempt("\(identity); cat /root/kept; echo read \"back\"", until: "read back", at: user, folder, limit: "20s")
                    .out
                if let after = second.firstMatch(of: #/[0-9a-f]{8}-[0-9a-f-]{27}/#)?.output, after != before, second.contains("read back") {
                    break
                }
                second = ""
            }
            #expect(second.contains("kept"), "\(second)")

            let down = try user.vmlab("down", folder, limitSeconds: 120)
            #expect(down.status == 0 && down.all.contains("left behind: nothing"), "\(down.all)")
            user.expectNothingLeft()
        }

        private func type(_ line: String, until pattern: String, at user: CommandLineUser, _ folder: String) throws -> String {
            let outcome = try attempt(line, until: pattern, at: user, folder, limit: "90s")
            #expect(outcome.status == 0, "\(outcome.all)")
            return outcome.out
        }

        private func attempt(_ line: String, until pattern: String, at user: CommandLineUser, _ folder: String, limit: String) throws
            -> CommandOutcome
        {
            try user.vmlab(
                "console", "debian", "-f", folder, "--until", pattern, "--timeout", limit, input: "\n\(line)\n", limitSeconds: 120)
        }
    }
}
