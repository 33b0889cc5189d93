import Foundation
import Glibc
import Host
import Testing

/// pulse's card and its protocols, judged by QEMU's device, by its user-mode network, by Linux and by dnsmasq.
@Suite(.serialized, .enabled(if: PulseOnQEMU.emulator != nil, "no qemu-system-x86_64 here"), .timeLimit(.minutes(10)))
struct `pulse's network on QEMU` {
    private static func card(_ number: Int, _ network: String) -> [String] {
        ["-netdev", "\(network),id=n\(number)", "-device", "virtio-net-pci,disable-legacy=on,romfile=,netdev=n\(number)"]
    }

    @Test(arguments: [("pc", "msix"), ("q35", "intx"), ("pc", "poll")])
    func `it leases on two networks and pings both`(board: String, mode: String) throws {
        let text = try PulseOnQEMU.run(
            board, "irq=\(mode) run=ping 10.20.0.1 5 0;ping 10.30.0.9 5 1 1472;link;irqs;poweroff",
            ["-accel", "tcg"] + Self.card(0, "user,net=10.20.0.0/24,host=10.20.0.1,dhcpstart=10.20.0.7,dns=10.20.0.3")
                + Self.card(1, "user,net=10.30.0.0/24,host=10.30.0.9,dhcpstart=10.30.0.77,dns=10.30.0.3"))
        #expect(text.contains("pulse: lease 10.20.0.7/24 gateway 10.20.0.1 dns 10.20.0.3\n"))
        #expect(text.contains("pulse: lease 10.30.0.77/24 gateway 10.30.0.9 dns 10.30.0.3\n"))
        #expect(text.contains("ping 10.20.0.1: 5 sent, 5 received, 0% lost, min/avg/max "))
        #expect(text.contains("ping 10.30.0.9: 5 sent, 5 received, 0% lost, min/avg/max "))
        #expect(text.contains("net0: up\nnet1: up\n"))
        #expect(text.contains(#/0x4[0-9a-f]: [1-9]/#) == (mode == "msix"))
        #expect(text.contains(#/0x32: [1-9]/#) == (mode == "intx"))
    }

    @Test func `a card without a cable, and one without addresses, hold nothing up`() throws {
        let text = try PulseOnQEMU.run(
            "pc", "net=off run=ip;ping 10.0.2.2 1 0;resolve web;poweroff", ["-accel", "tcg"] + Self.card(0, "user"))
        #expect(text.contains("pulse: ready\nnet0: 52:54:00:12:34:56 mtu 1500 link up\n    received 0 frames"))
        #expect(text.contains("ping: no route to that host\nresolve: no name server is known\n"))
    }

    /// A network of its own for Linux and dnsmasq, with one tap for the guest.
    private static let canJoin: Bool = {
        let probe = "for tool in dnsmasq ip ping; do command -v $tool || exit 1; done; unshare -n ip tuntap add dev tap0 mode tap"
        let process = try? ChildProcess(
            program: "/bin/sh", arguments: ["sh", "-c", "(\(probe)) >/dev/null 2>&1"],
            environment: ["PATH=\(ProcessInfo.processInfo.environment["PATH"] ?? "")"], inherited: [])
        return (try? process?.wait(limitMilliseconds: 10_000)) == .exited(0)
    }()

    /// Starts dnsmasq and pulse; once that has a lease, Linux pings it and talks to its echo port. Then prints what pulse said.
    private static let script = """
        ip link set lo up
        ip tuntap add dev tap0 mode tap && ip address add 10.9.0.1/24 dev tap0 && ip link set tap0 up || exit 1
        ip address add fd00:9::1/64 dev tap0 nodad || exit 1
        cd "$FOLDER" || exit 1
        dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --interface=tap0 --bind-interfaces --user=root \\
            --pid-file= --dhcp-leasefile=leases --no-ping --dhcp-range=10.9.0.50,10.9.0.60,255.255.255.0,1h --domain=shop.lab \\
            --dhcp-host=02:00:00:00:00:05,10.9.0.55 --local=/shop.lab/ --local=// \\
            --enable-ra --dhcp-range=fd00:9::,ra-only,64 --host-record=web.shop.lab,10.9.0.1 --cname=www.shop.lab,web.shop.lab 2>dnsmasq.log &
        names=$!
        "$EMULATOR" -M pc -accel tcg -m 32 -nodefaults -no-user-config -nographic -no-reboot -kernel "$KERNEL" -append "$LINE" \\
            -serial stdio -netdev tap,id=n0,ifname=tap0,script=no,downscript=no \\
            -device virtio-net-pci,disable-legacy=on,romfile=,netdev=n0,mac=02:00:00:00:00:05 </dev/null >said 2>&1 &
        pulse=$!
        await() { for try in $(seq 600); do grep -q "$1" said && return; sleep 0.1; done; echo "no $1"; }
        await 'pulse: lease'
        ping -q -c 5 -i 0.2 -W 10 10.9.0.55
        ping -q -c 5 -i 0.2 -W 10 -M do -s 1472 10.9.0.55
        for try in $(seq 60); do ping -q -c 1 -W 1 fd00:9::ff:fe00:5 >/dev/null && break; done
        ping -q -c 5 -i 0.2 -W 10 fd00:9::ff:fe00:5
        ping -q -c 5 -i 0.2 -W 10 -s 1452 -M do fe80::ff:fe00:5%tap0
        exec 3<>/dev/udp/10.9.0.55/7
        printf 'say that again' >&3
        timeout 20 head -c 14 <&3
        echo
        await '^all done'
        tr -d '\\r' <said
        kill $pulse $names
        wait
        """

    @Test(.enabled(if: canJoin, "no network namespace with a tap, or no dnsmasq"), arguments: ["on", "off"])
    func `Linux and dnsmasq find nothing wrong with it`(offloads: String) throws {
        let folder = "/tmp/vmlab-pulse-\(getpid())-net-\(offloads)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let line =
            "offloads=\(offloads) run=ping 10.9.0.1 5 0;resolve web;resolve www.shop.lab;resolve none.shop.lab;ping web 5 10 1472;pci;ip;echo all done"
        let output = SharedDescriptor(try Descriptor.memory(name: "output"))
        let nothing = SharedDescriptor(try Descriptor.open("/dev/null", O_RDWR))
        let process = try ChildProcess(
            program: "/bin/sh", arguments: ["sh", "-c", "exec unshare -n bash -c \"$SCRIPT\""],
            environment: [
                "PATH=\(ProcessInfo.processInfo.environment["PATH"] ?? "")", "FOLDER=\(folder)", "SCRIPT=\(Self.script)", "LINE=\(line)",
                "EMULATOR=\(try #require(PulseOnQEMU.emulator))", "KERNEL=\(PulseMachine.kernel)",
            ],
            inherited: [.init(0, from: nothing.number), .init(1, from: output.number), .init(2, from: output.number)])
        let ending = try process.wait(limitMilliseconds: 4 * PulseMachine.patience * 1000)
        let text = String(decoding: try PulseDisk.bytes(of: output), as: UTF8.self)
        guard ending != nil else { throw PulseMachine.Failure(description: "did not end: \(text)") }
        // Linux of pulse.
        #expect(text.split(separator: "5 packets transmitted, 5 received, 0% packet loss").count == 5, "\(text)")
        #expect(text.contains("say that again"), "\(text)")
        // pulse of Linux and dnsmasq.
        #expect(text.contains("pulse: lease 10.9.0.55/24 gateway 10.9.0.1 dns 10.9.0.1\npulse: ready\n"), "\(text)")
        #expect(text.contains("web is 10.9.0.1\nwww.shop.lab is 10.9.0.1\nresolve: no such name\n"), "\(text)")
        #expect(text.split(separator: "5 sent, 5 received, 0% lost").count == 3, "\(text)")
        #expect(text.contains(" malformed 0 "), "\(text)")
        #expect(text.contains(#/1af4:1041 .* features [0-9a-f]+3\n/#) == (offloads == "on"), "\(text)")
    }
}
