import Foundation
import LabModel
import TestSupport
import Testing

extension `real labs` {
    /// What a machine is told of itself, read in the guest by those who act on it.
    @Suite(.serialized) struct `of machines that learn who they are` {
        @Test(.timeLimit(.minutes(15)))
        func `by ifupdown and by cloud-init`() throws {
            let user = try CommandLineUser()
            let folder = CommandLineUser.root + "/Tests/Labs/identity"
            let up = try user.vmlab("up", folder, limitSeconds: 720)
            #expect(up.status == 0, "\(up.all)\n\((try? user.vmlab("logs", "cloud", "-f", folder).out) ?? "")")
            for (name, address, other) in [("ifup", "10.20.9.10", "cloud"), ("cloud", "10.20.9.11", "ifup")] {
                let shell = Typist(user, folder, name)
                try shell.awaitPrompt()
                let who = try shell.type("hostname; hostname -f; cat /etc/machine-id; cat /etc/hosts /etc/resolv.conf")
                #expect(who.contains("\(name)\n\(name).identity.lab\n"), "\(who)")
                #expect(who.contains(Derived.machineID(lab: "identity", seed: 11, machine: name)), "\(who)")
                #expect(who.contains("127.0.1.1 \(name).identity.lab \(name)\n"), "\(who)")
                #expect(who.contains("search identity.lab") && who.contains("nameserver 10.20.9.1\n"), "\(who)")
                let network = try shell.type(
                    "ip -4 -o addr show; cat /proc/[0-9]*/comm; cat /etc/network/interfaces.d/*; getent hosts \(other)")
                #expect(network.contains("lan    inet \(address)/24"), "\(network)")
                #expect(network.contains("\ndhclient\n") && !network.contains("systemd-network\n"), "\(network)")
                #expect(network.contains("\(other).identity.lab"), "\(network)")
                #expect(try shell.ping("-c 5 -i 0.2 -W 5 \(other)").received > 3)
            }
            let cloud = Typist(user, folder, "cloud")
            let said = try cloud.type("cloud-init status --wait; cat /var/lib/cloud/data/instance-id; cat /run/cloud-init/cloud-id")
            #expect(said.contains("status: done") && said.contains("\nnocloud"), "\(said)")
            #expect(said.contains(Derived.machineID(lab: "identity", seed: 11, machine: "cloud")), "\(said)")
            try expectHardware(Typist(user, folder, "ifup"), cloud)
            let down = try user.vmlab("down", folder, limitSeconds: 240)
            #expect(down.status == 0 && down.all.contains("left behind: nothing"), "\(down.all)")
            user.expectNothingLeft()
        }

        /// One has the processor that it was given; the other has old drivers' devices, and a second serial port that people can read and write.
        private func expectHardware(_ plain: Typist, _ other: Typist) throws {
            let shown = try plain.type("cat /proc/cpuinfo; cat /sys/devices/system/cpu/cpu*/topology/core_cpus_list")
            #expect(shown.contains("model name\t: vmlab baseline\n"), "\(shown)")
            let flags = try #require(shown.firstMatch(of: #/flags\t+: (.*)/#), "\(shown)").1.split(separator: " ")
            for flag in ["lm", "nx", "sse2", "pni", "ssse3", "hypervisor", "tsc_deadline_timer"] {
                #expect(flags.contains(Substring(flag)), "\(flag)")
            }
            for flag in ["x2apic", "vme", "sse4_1", "popcnt", "xsave", "avx", "rdrand", "smep", "rdtscp", "pdpe1gb", "abm"] {
                #expect(!flags.contains(Substring(flag)), "\(flag) in \(flags)")
            }
            #expect(shown.contains("cpu cores\t: 2\n") && shown.contains("apicid\t\t: 1\n") && shown.contains("\n0\n1\n"), "\(shown)")

            let events = try other.user.vmlab("events", "-f", other.folder, "--no-follow").out.split(separator: "\n")
            for device in ["virtio-blk root", "virtio-net lan", "virtio-console", "virtio-rng"] {
                let told = events.filter { $0.contains(#""device-driven""#) && $0.contains(#""cloud""#) && $0.contains(#""\#(device)""#) }
                #expect(told.count == 1, "\(device): \(told)")
            }
            let ids = try other.type("cat /sys/bus/pci/devices/*/device; grep MMCONFIG /proc/iomem; dmesg | grep -i 'mmconfig\\|ecam'")
            #expect(
                ids.contains("e0000000-e00fffff : PCI MMCONFIG 0000 [bus 00-00]") || ids.contains("e0000000-e00fffff : PCI ECAM"), "\(ids)")
            #expect(ids.contains("0x1000\n") && !ids.contains("0x1041"), "\(ids)")
            _ = try other.type(
                "head -n 1 < /dev/ttyS1 > /root/heard & stty -F /dev/ttyS1 raw -echo; echo from the second port > /dev/ttyS1")
            let said = try other.user.vmlab(
                "console", "cloud", "--stream", "com2", "-f", other.folder, "--since", "boot", "--until", "from the second port",
                "--timeout",
                "60s", limitSeconds: 120)
            #expect(said.status == 0, "\(said.all)")
            _ = try other.user.vmlab(
                "console", "cloud", "--stream", "com2", "-f", other.folder, input: "to the second port\n", limitSeconds: 120)
            let heard = try other.type("wait; cat /root/heard")
            #expect(heard.contains("to the second port\nsaid "), "\(heard)")
        }
    }
}
