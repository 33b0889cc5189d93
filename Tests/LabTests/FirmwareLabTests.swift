import Glibc
import Testing

extension `real labs` {
    /// Debian's firmware as it is, each kind brought up and used: its own drivers for our devices, its own words.
    @Suite(.serialized) struct `of stock firmware` {
        private static let lab = """
            name: roms
            networks: {lan: {subnet: 10.77.0.0/24}}
            machines:
              # With a disk it does not look for a system on the network first.
              shell: {image: uefi-shell, memory: 128MiB, networks: [lan], disks: [{size: 8MiB}], ready: {console: "Shell>", within: 300s}}
              linux: {image: debian-12-uefi, memory: 256MiB, networks: [lan], cmdline: pci=nomsi, ready: {ping: true, within: 300s}}
              grub-linux: {image: debian-12-grub-uefi, memory: 256MiB, networks: [lan], ready: {ping: true, within: 300s}}
              ipxe: {image: ipxe, memory: 64MiB, networks: [lan], ready: {console: "net0: 10.77.0.", within: 300s}}
              grub: {image: grub-rescue, memory: 64MiB, networks: [], ready: {console: "GNU GRUB", within: 300s}}
              u-boot: {image: u-boot, memory: 64MiB, networks: [], ready: {console: "Hit any key to stop autoboot", within: 300s}}
            """

        @Test(.timeLimit(.minutes(20)))
        func `comes up, drives disks and cards, keeps its variables, switches off, and leaves nothing`() throws {
            let user = try CommandLineUser()
            let folder = try user.lab("roms", Self.lab)
            func say(_ machine: String, _ keys: String, until words: String) throws {
                let outcome = try user.vmlab(
                    "console", machine, "-f", folder, "--until", words, "--timeout", "120s", input: keys, limitSeconds: 150)
                #expect(outcome.status == 0, "\(machine) does not say \"\(words)\": \(outcome.all.suffix(2000))")
            }
            func events() throws -> String { try user.vmlab("events", "-f", folder, "--no-follow").out }

            let up = try user.vmlab("up", folder, limitSeconds: 900)
            #expect(up.status == 0, "\(up.all)")

            // U-Boot, whose prompt comes at once to who presses a key and some time later to who does not.
            try say("u-boot", "\r", until: "=> ")
            try say("u-boot", "pci\r", until: "00.01.03   0x8086     0x7113")

            // GRUB reads the disk that it came from through SeaBIOS.
            // Its menu counts down, boots what is not there and asks for any key, so the first `c` may be that one.
            for _ in 0..<24 {
                let outcome = try user.vmlab(
                    "console", "grub", "-f", folder, "--until", "grub>", "--timeout", "5s", input: "c", limitSeconds: 60)
                if outcome.status == 0 { break }
            }
            // Control-U clears the line of what was typed too much.
            try say("grub", "\u{15}ls\r", until: "(hd0,msdos1)")

            // iPXE's card, by its own driver, has the address that the lab gave it.
            #expect(try events().contains(#/10\.77\.0\.\d+ for [0-9a-f:]+","event":"lease","machine":"ipxe"/#))

            // OVMF's own drivers: a disk is read, the card gets its address and reaches the gateway.
            try say("shell", "dblk blk0 0 1\r", until: "LBA 0000000000000000 Size 00000200")
            try say("shell", "connect -r\rifconfig -s eth0 dhcp\r", until: "eth0 dhcp")
            var said = ""
            for _ in 0..<40 where !said.contains("2 received") {
                // It goes on while the address is still being asked for.
                said = try user.vmlab(
                    "console", "shell", "-f", folder, "--until", "2 received", "--timeout", "3s", input: "ping -n 2 10.77.0.1\r",
                    limitSeconds: 60
                ).out
            }
            #expect(said.contains("2 received"), "\(said)")

            // From the disk to GRUB, from GRUB to Linux.
            #expect(try user.vmlab("logs", "grub-linux", "-f", folder).out.contains("GRUB: loading Linux"))

            // OVMF leads PCI's interrupts elsewhere than reset does; Linux finds them by the link devices and answers pings by them.
            try say("linux", "dmesg | grep 'LNK. configured' | grep -c IRQ | sed 's/^/routes: /'\n", until: "routes: 4")
            try say("linux", "grep 'fasteoi *virtio' /proc/interrupts | wc -l | sed 's/^/cards by line: /'\n", until: "cards by line: 1")

            let variable = "setvar kept -guid 2f0a51c4-6c5d-4c49-9e9d-0b2f6b3a7c11"
            try say("shell", "\(variable) -bs -rt -nv =L\"kept\"\r\(variable)\r", until: "6B 00 65 00 70 00 74 00")
            // Another life, in another process.
            _ = try user.vmlab("console", "shell", "-f", folder, "--timeout", "1s", input: "reset -s\r", limitSeconds: 60)
            for _ in 0..<240 where !(try events().contains("powered off")) { usleep(250_000) }
            #expect(try events().contains("powered off"))
            let start = try user.vmlab("start", "shell", "-f", folder, limitSeconds: 400)
            #expect(start.status == 0, "\(start.all)")
            try say("shell", "\(variable)\r", until: "6B 00 65 00 70 00 74 00")

            let down = try user.vmlab("down", folder, "--timeout", "2s", limitSeconds: 240)
            #expect(down.status == 0 && down.all.contains("left behind: nothing"), "\(down.all)")
            user.expectNothingLeft()
        }
    }
}
