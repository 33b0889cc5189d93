import LabModel
import LabNetwork
import Testing

/// Programs that others wrote ask for addresses; each must get the machine's own.
@Suite(.enabled(if: Playground.isPossible, "\(Playground.obstacle ?? "")"), .serialized)
struct `clients of others get their addresses` {
    private func expectLease(_ playground: Playground, _ output: Playground.Output) {
        let web = playground.settings[Shop.web]
        #expect(playground.events.contains(.lease(web.name, mac: web.mac, address: web.address)), "\(output.text)")
        #expect(output.text.contains("10.20.0.10"), "\(output.text)")
    }

    @Test func `udhcpc`() throws {
        let playground = try Playground(Shop.settings())
        let script =
            "echo '#!/bin/sh\nenv' >/run/script; chmod +x /run/script; busybox udhcpc -i eth0 -f -q -n -t 20 -s /run/script -O search -O mtu -x hostname:x"
        let output = try playground.run(["sh", "-c", script])
        expectLease(playground, output)
        for line in [
            "ip=10.20.0.10", "mask=24", "dns=10.20.0.1", "domain=shop.lab", "search=shop.lab", "mtu=1500", "serverid=10.20.0.1",
            "lease=86400",
        ] {
            #expect(output.text.contains(line), "no \(line) in \(output.text)")
        }
        #expect(!output.text.contains("router="))
    }

    @Test func `dhclient`() throws {
        let playground = try Playground(Shop.settings())
        let output = try playground.run([
            "sh", "-c",
            "dhclient -v -1 -d -sf /bin/true -lf /run/leases -pf /run/pid eth0 & for i in $(seq 300); do grep -q expire /run/leases 2>/dev/null && break; sleep 0.1; done; kill $!; cat /run/leases",
        ])
        expectLease(playground, output)
        for line in [
            "fixed-address 10.20.0.10;", "option host-name \"web\";", "option domain-name \"shop.lab\";",
            "option domain-name-servers 10.20.0.1;",
        ] {
            #expect(output.text.contains(line), "no \(line) in \(output.text)")
        }
    }

    @Test func `dhcpcd`() throws {
        let playground = try Playground(Shop.settings())
        let output = try playground.run(["dhcpcd", "-4", "-1", "-B", "-d", "-A", "-c", "/bin/true", "-t", "30", "eth0"])
        expectLease(playground, output)
    }
}
