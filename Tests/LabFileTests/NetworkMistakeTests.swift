import LabFile
import LabModel
import Testing

extension Seeded {
    /// Two networks, one with a way out, and a machine on each of them.
    static func networks(
        lan: String = "subnet: 10.20.0.0/24", wan: String = "uplink: nat", web: String = "networks: [lan]", _ messages: String...
    ) -> Seeded {
        var seeded = Seeded(
            """
            name: shop
            networks:
              lan: {\(lan)}
              wan: {\(wan)}
            machines:
              db: {image: debian-12, networks: [lan, wan]}
              web: {image: debian-12, \(web)}

            """)
        seeded.messages = messages
        return seeded
    }
}

@Suite struct `a mistake about networks is found where it is` {
    @Test(arguments: subnets + others + boots + links + units + places + ways + files)
    func `and said in full`(_ seeded: Seeded) {
        let (text, places) = seeded.unmarked
        #expect(Reading.mistakes(text) == zip(places, seeded.messages).map { "\($0) \($1)" })
        #expect(places.count == seeded.messages.count)
    }

    static let subnets: [Seeded] = [
        .networks(),
        .networks(lan: "subnet: «10.20.0.0", "`subnet` wants a prefix length: 10.20.0.0/24?"),
        .networks(lan: "subnet: «10.20.0.7/24", "`10.20.0.7/24` is an address in a subnet; did you mean `10.20.0.0/24`?"),
        .networks(lan: "subnet: «10.20.0.0/33", "`subnet` wants a subnet such as `10.20.0.0/24`, not `10.20.0.0/33`"),
        .networks(lan: "subnet: «10.20.0/24", "`subnet` wants a subnet such as `10.20.0.0/24`, not `10.20.0/24`"),
        .networks(lan: "subnet: «\"fd00::/64\"", "`subnet` wants a subnet such as `10.20.0.0/24`, not the quoted text `fd00::/64`"),
        .networks(lan: "subnet: «", "`subnet` wants a subnet such as `10.20.0.0/24`, not nothing"),
        .networks(
            lan: "subnet: 10.20.0.0/16", wan: "subnet: «10.20.3.0/24",
            "subnet 10.20.3.0/24 overlaps 10.20.0.0/16 of network `lan` in line 3"),
        .networks(
            lan: "subnet: 10.20.3.0/24", wan: "subnet: «10.20.0.0/16",
            "subnet 10.20.0.0/16 overlaps 10.20.3.0/24 of network `lan` in line 3"),
        .networks(lan: "subnet: «8.0.0.0/7", "subnet 8.0.0.0/7 is larger than any that a network can have; the largest end in /8"),
        .networks(lan: "subnet: «127.1.0.0/16", "subnet 127.1.0.0/16 lies in 127.0.0.0/8, which is every host itself"),
        .networks(lan: "subnet: «239.0.0.0/8", "subnet 239.0.0.0/8 lies in 224.0.0.0/3, which are addresses of groups, or none at all"),
        .networks(
            lan: "subnet: «10.20.0.0/30", "subnet 10.20.0.0/30 has room for 1 machine beside the bridge; 2 are on it"),
        .networks(
            lan: "subnet: «10.20.0.0/31", web: "networks: [wan]",
            "subnet 10.20.0.0/31 has room for 0 machines beside the bridge; 1 is on it"),
        .networks(lan: "", wan: "subnet: 10.0.0.0/8").replacing(
            "  lan:", "  «lan:", "nothing of 10.0.0.0/8 is left for network `lan`; give it a `subnet`"),
    ]

    static let others: [Seeded] = [
        .networks(lan: "«subnt: 10.20.0.0/24", "unknown key `subnt`; did you mean `subnet`?"),
        .networks(lan: "mtu: «576", "`mtu` wants a whole number from 1280 to 9000, not `576`"),
        .networks(lan: "mtu: «9001", "`mtu` wants a whole number from 1280 to 9000, not `9001`"),
        .networks(lan: "uplink: «yes", "`uplink` wants one of `none`, `nat`, not `yes`"),
        .networks(lan: "uplink: none, allow: «[10.0.0.0/8]", "`allow` says what an uplink may reach; network `lan` has no `uplink: nat`"),
        .networks(lan: "allow: «[10.0.0.0/8]", "`allow` says what an uplink may reach; network `lan` has no `uplink: nat`"),
        .networks(wan: "uplink: nat, allow: [10.0.0.0/8, «192.168.1.1]", "an entry of `allow` wants a prefix length: 192.168.1.1/24?"),
        .networks(lan: "gateway: «bd", "there is no machine `bd` to be the gateway; did you mean `db`?"),
        .networks(lan: "gateway: db"),
        .networks(wan: "gateway: «web", "machine `web` is not on network `wan`"),
        .networks(
            lan: "gateway: «web", web: "networks: [lan], count: 2",
            "`web` stands for 2 machines, web-1 to web-2; the gateway is one of them"),
        .networks(lan: "gateway: web-2", web: "networks: [lan], count: 2"),
        .networks(
            wan: "uplink: nat, gateway: «db", "network `wan` has two ways out, `gateway` and `uplink: nat`; it can have one"),
        .networks(lan: "capture: «on", "`capture` wants `off`, or a mapping such as `{ring: 64MiB}`, not `on`"),
        .networks(lan: "capture: off", wan: "capture: {ring: 1GiB, snap: 256B}"),
        .networks(lan: "capture: {ring: «64}", "`ring` wants a unit: 64MiB or 64GiB?"),
        .networks(lan: "capture: {ring: «512KiB}", "`ring` is 512KiB; the least is 1MiB"),
        .networks(lan: "capture: {snap: «128KiB}", "`snap` is 128KiB; the most is 64KiB"),
        Seeded(
            "name: a\nnetworks:\n  «Lan: {}\nmachines: {db: {image: pulse}}\n", "network name `Lan` has capital letters; write `lan`"),
        Seeded(
            "name: a\nnetworks: «[lan]\nmachines: {db: {image: pulse}}\n", "`networks` wants a mapping of names to networks, not a list"),
        Seeded(
            "name: a\nnetworks: {\((1...64).map { "n\($0): {}" }.joined(separator: ", ")), «n65: {}}\nmachines: {db: {image: pulse}}\n",
            "the lab has more than 64 networks"),
    ]

    static let boots: [Seeded] = [
        .networks(lan: "boot: {server: db, file: pxelinux.0}", wan: "boot: {file: \"http://db/linux.efi\", ipxe: \"http://db/a,b.ipxe\"}"),
        .networks(
            lan: "subnet: 10.20.0.0/24, boot: {server: 10.20.0.77, file: a}",
            wan: "uplink: nat, boot: {server: 192.0.2.1, file: a, ipxe: b}"),
        .networks(lan: "boot: {file: \"http://db/\(String(repeating: "x", count: 245))\"}"),
        .networks(web: "networks: [{name: lan, boot: {server: web, file: itself}}]"),
        .networks(lan: "boot: «{}", "`boot` says nothing to start; give it a `file`, or `ipxe` for clients that are iPXE"),
        .networks(lan: "boot: «linux.ipxe", "`boot` wants a mapping of keys to values, not `linux.ipxe`"),
        .networks(lan: "boot: {«flie: a, file: a, server: db}", "unknown key `flie`; did you mean `file`?"),
        .networks(lan: "boot: {server: «bd, file: a}", "there is no machine `bd` to be the server; did you mean `db`?"),
        .networks(wan: "boot: {server: «web, file: a}", "machine `web` is not on network `wan`"),
        .networks(
            lan: "boot: {server: «web, file: a}", web: "networks: [lan], count: 2",
            "`web` stands for 2 machines, web-1 to web-2; the server is one of them"),
        .networks(lan: "boot: {file: «a/b}", "`a/b` is no URL, so `boot` wants a `server` that has it"),
        .networks(lan: "boot: {file: \"tftp://db/a\", ipxe: «b}", "`b` is no URL, so `boot` wants a `server` that has it"),
        .networks(
            lan: "subnet: 10.20.0.0/24, boot: {server: «10.20.0.1, file: a}",
            "address 10.20.0.1 is the bridge's own, which has no files; name a machine"),
        .networks(lan: "subnet: 10.20.0.0/24, boot: {server: «10.20.0.255, file: a}", "address 10.20.0.255 is nobody's on network `lan`"),
        .networks(
            lan: "subnet: 10.20.0.0/24, boot: {server: «192.0.2.1, file: a}",
            "address 192.0.2.1 is not in subnet 10.20.0.0/24, and nothing leads out of network `lan`"),
        .networks(lan: "boot: {server: «10.20.0.300, file: a}", "`10.20.0.300` is not an IPv4 address such as `10.20.0.10`"),
        .networks(
            lan: "boot: {server: «\"fd00::1\", file: a}", "`fd00::1` is not an IPv4 address; IPv6 addresses follow from the MAC address"),
        .networks(lan: "boot: {server: db, file: «\"\"}", "`file` cannot be empty"),
        .networks(lan: "boot: {server: db, file: «\(String(repeating: "x", count: 256))}", "`file` has 256 bytes; the most is 255"),
        .networks(lan: "boot: {server: db, ipxe: «\"a\\0b\"}", "`ipxe` cannot hold control character U+0"),
        .networks(lan: "boot: {server: db, ipxe: «\"a\\nb\"}", "`ipxe` wants a single line"),
        .networks(
            lan: "boot: {server: db, file: «bücher}",
            "`file` has `ü` in it; firmware knows ASCII only, in a URL write it with `%` and hexadecimal digits"),
        .networks(
            web: "count: 2, networks: [{name: lan, boot: {server: «bd, file: a}}]",
            "there is no machine `bd` to be the server; did you mean `db`?"),
    ]

    static let links: [Seeded] = [
        .networks(wan: "link: {delay: 40ms, jitter: 5ms, loss: 0.5%, rate: 20Mbit, reorder: 1%, duplicate: 0.01%, corrupt: 100%}"),
        .networks(
            wan: "link: {delay: 40ms, jitter: «41ms}", "the jitter is larger than the delay: a frame would arrive before it was sent"),
        .networks(wan: "link: {jitter: «1us}", "the jitter is larger than the delay: a frame would arrive before it was sent"),
        .networks(wan: "link: {reorder: «1%}", "without a `delay` no frame can overtake another"),
        .networks(
            web: "networks: [{name: lan, link: {reorder: «1%}}]", "without a `delay` no frame can overtake another"),
        .networks(wan: "link: {«dealy: 40ms}", "unknown key `dealy`; did you mean `delay`?"),
        .networks(wan: "link: «40ms", "`link` wants a mapping of keys to values, not `40ms`"),
    ]

    static let units: [Seeded] = [
        .networks(wan: "link: {delay: «40}", "`delay` wants a unit: 40ms or 40us?"),
        .networks(wan: "link: {delay: «40sec}", "`delay` has no unit that is known in `40sec`; did you mean `40s`?"),
        .networks(wan: "link: {delay: «40 ms}", "`delay` has no unit that is known in `40 ms`; did you mean `40ms`?"),
        .networks(wan: "link: {delay: «1min}", "`delay` has no unit that is known in `1min`; the units are `us`, `ms`, `s`"),
        .networks(wan: "link: {delay: «-1ms}", "`delay` wants a time with its unit such as `40ms`, not `-1ms`"),
        .networks(wan: "link: {delay: «.5ms}", "`delay` wants a time with its unit such as `40ms`, not `.5ms`"),
        .networks(wan: "link: {delay: «1.2.3ms}", "`delay` wants a time with its unit such as `40ms`, not `1.2.3ms`"),
        .networks(wan: "link: {delay: «11s}", "`delay` is 11s; the most is 10s"),
        .networks(wan: "link: {delay: «0.0001ms}", "`delay` is `0.0001ms`, which is not a multiple of 1us"),
        .networks(wan: "link: {delay: «99999999999999999999s}", "`delay` is `99999999999999999999s`; the most is 10s"),
        .networks(wan: "link: {delay: «18446744073709551615s}", "`delay` is `18446744073709551615s`; the most is 10s"),
        .networks(wan: "link: {loss: «0.5}", "`loss` wants a unit: 0.5%?"),
        .networks(wan: "link: {loss: «100.1%}", "`loss` is 100.1%; the most is 100%"),
        .networks(wan: "link: {loss: «0.00001%}", "`loss` is `0.00001%`, which is not a multiple of 0.0001%"),
        .networks(wan: "link: {loss: «half}", "`loss` wants a share in percent such as `0.5%`, not `half`"),
        .networks(wan: "link: {rate: «20}", "`rate` wants a unit: 20Mbit or 20kbit?"),
        .networks(wan: "link: {rate: «20Mbps}", "`rate` has no unit that is known in `20Mbps`; did you mean `20Mbit`?"),
        .networks(wan: "link: {rate: «20mbit}", "`rate` has no unit that is known in `20mbit`; did you mean `20Mbit`?"),
        .networks(wan: "link: {rate: «20Mbit/s}", "`rate` has no unit that is known in `20Mbit/s`; did you mean `20Mbit`?"),
        .networks(wan: "link: {rate: «1bit}", "`rate` is 1bit; the least is 8kbit"),
        .networks(wan: "link: {rate: «0Mbit}", "`rate` is 0Mbit; the least is 8kbit"),
        .networks(wan: "link: {rate: «101Gbit}", "`rate` is 101Gbit; the most is 100Gbit"),
        .networks(wan: "link: {rate: 1.5Mbit, delay: 0.5ms, loss: 12.3456%}"),
    ]

    static let places: [Seeded] = [
        .networks(web: "networks: [«lna]", "there is no network `lna`; did you mean `lan`?"),
        .networks(web: "networks: [{name: «dmz}]", "there is no network `dmz`"),
        .machine("networks: [«lan]", "there is no network `lan`"),
        .networks(web: "networks: [lan, «lan]", "machine `web` is on network `lan` twice"),
        .networks(web: "networks: [«{address: 10.20.0.9}]", "an entry of `networks` has no `name`"),
        .networks(
            web: "networks: [«[lan]]", "an entry of `networks` wants a network's name, or a mapping such as `{name: lan}`, not a list"),
        .networks(web: "networks: «lan", "`networks` wants a list such as `[a, b]`, not `lan`"),
        .networks(web: "networks: [{name: lan, address: «10.21.0.9}]", "address 10.21.0.9 is not in subnet 10.20.0.0/24 of network `lan`"),
        .networks(web: "networks: [{name: lan, address: «10.20.0.0}]", "address 10.20.0.0 is that of subnet 10.20.0.0/24 itself"),
        .networks(web: "networks: [{name: lan, address: «10.20.0.255}]", "address 10.20.0.255 is everybody's in subnet 10.20.0.0/24"),
        .networks(
            web: "networks: [{name: lan, address: «10.20.0.1}]", "address 10.20.0.1 is the bridge's own, the first of network `lan`"),
        .networks(
            web: "networks: [{name: lan, address: «10.20.0.9/24}]", "`10.20.0.9/24` is an address with a prefix length; write `10.20.0.9`"),
        .networks(web: "networks: [{name: lan, address: «10.20.0.300}]", "`10.20.0.300` is not an IPv4 address such as `10.20.0.10`"),
        .networks(
            web: "networks: [{name: lan, address: «\"fd00::1\"}]",
            "`fd00::1` is not an IPv4 address; IPv6 addresses follow from the MAC address"),
        .networks(
            web: "networks: [{name: wan, address: «10.30.0.9}]", "network `wan` has no `subnet` written for this address to lie in"),
        .networks(
            web: "count: 2, networks: [{name: lan, address: «10.20.0.9}]", "there are 2 machines `web`, which cannot all have this address"),
        .networks(web: "count: 1, networks: [{name: lan, address: 10.20.0.9, mac: \"02:00:00:00:00:0a\"}]"),
        .networks(
            web: "networks: [{name: lan, address: 10.20.0.9}]}\n  c: {image: pulse, networks: [{name: lan, address: «10.20.0.9}]",
            "address 10.20.0.9 is machine `web`'s already, in line 7"),
        .networks(
            web: "count: 2, networks: [{name: lan, mac: «02:00:00:00:00:01}]",
            "there are 2 machines `web`, which cannot all have this MAC address"),
        .networks(
            web: "networks: [{name: lan, mac: «03:00:00:00:00:01}]",
            "`03:00:00:00:00:01` is the address of a group: the first octet of a machine's own is even"),
        .networks(web: "networks: [{name: lan, mac: «00:00:00:00:00:00}]", "`00:00:00:00:00:00` is nobody's address"),
        .networks(
            web: "networks: [{name: lan, mac: «02:00:00:00:00}]", "`02:00:00:00:00` is not a MAC address such as `02:00:5e:10:00:01`"),
        .networks(
            web: "networks: [{name: lan, mac: «02:00:00:00:00:+1}]",
            "`02:00:00:00:00:+1` is not a MAC address such as `02:00:5e:10:00:01`"),
        .networks(
            web: "networks: [{name: lan, mac: 02:00:00:00:00:01}, {name: wan, mac: «02:00:00:00:00:01}]",
            "MAC address 02:00:00:00:00:01 is machine `web`'s already, in line 7"),
        .networks(
            web: "networks: [{name: lan, mac: «\"\(Derived.gatewayMAC(lab: "shop", seed: 0, network: "lan"))\"}]",
            "MAC address \(Derived.gatewayMAC(lab: "shop", seed: 0, network: "lan")) is the bridge's own on network `lan`"),
        .networks(web: "networks: [{name: lan, vlan: «4095}]", "`vlan` wants a whole number from 1 to 4094, not `4095`"),
        .networks(web: "networks: [{name: lan, vlan: «0}]", "`vlan` wants a whole number from 1 to 4094, not `0`"),
        .networks(
            web: "networks: [lan, lan, lan, lan, lan, lan, lan, lan, «lan]", "`networks` has 9 entries; the most is 8"),
        Seeded(
            "name: a\nnetworks: {lan: {}}\ndefaults: {image: pulse, networks: [{name: lan, «address: 10.0.0.2}]}\nmachines: {db: {}}\n",
            "unknown key `address`; known here: name, boot, link, vlan"),
    ]

    static let ways: [Seeded] = [
        .networks(web: "networks: [wan], publish: [\"8080:80\", 127.0.0.1:8081:81/tcp, 0.0.0.0:5353:53/udp, 8080:53/udp]"),
        .networks(
            web: "networks: [wan], publish: [«8080]",
            "an entry of `publish` wants a port of the host and one of the machine such as `8080:80`: `8080:8080`?"),
        .networks(
            web: "networks: [wan], publish: [\"8080:«0\"]".replacing("\"8080:«0\"", with: "«\"8080:0\""),
            "`0` is not a port: they are 1 to 65535"),
        .networks(web: "networks: [wan], publish: [«65536:80]", "`65536` is not a port: they are 1 to 65535"),
        .networks(
            web: "networks: [wan], publish: [«localhost:80:80]", "`localhost` is not an IPv4 address of the host such as `127.0.0.1`"),
        .networks(web: "networks: [wan], publish: [«80:80/sctp]", "`sctp` cannot be published; `tcp` and `udp` can"),
        .networks(
            web: "networks: [wan], publish: [«80-90:80]",
            "an entry of `publish` wants a port of the host and one of the machine such as `8080:80`, not `80-90:80`"),
        .networks(
            web: "networks: [lan], publish: [«80:80]", "to publish a port, machine `web` wants a network with `uplink: nat`; `lan` has none"
        ),
        .networks(
            web: "publish: [«80:80]", "to publish a port, machine `web` wants a network with `uplink: nat`; it is on no network"),
        .networks(
            web: "networks: [wan], publish: [\"80:80\", «\"80:81\"]", "tcp port 80 of the host leads to machine `web` already, in line 7"),
        .networks(
            web: "networks: [wan], publish: [\"80:80\"]}\n  c: {image: pulse, networks: [wan], publish: [«0.0.0.0:80:81]",
            "tcp port 80 of the host leads to machine `web` already, in line 7"),
        .networks(
            web: "networks: [wan], count: 3, publish: [«\"80:80\"]",
            "there are 3 machines `web`, which cannot all be at this port of the host"),
        .networks(
            web: "networks: [lan], ready: {tcp: 80, ping: «true}",
            "`ready` wants exactly one of `console`, `tcp` and `ping`; this is another one"),
        .networks(web: "networks: [lan], ready: {ping: «false}", "`ping` can be `true`, or be left out"),
        .networks(web: "networks: [lan], ready: {tcp: «0}", "`tcp` wants a whole number from 1 to 65535, not `0`"),
        .networks(web: "ready: «{tcp: 80}", "machine `web` is on no network by which it could be asked whether it is ready"),
        .networks(
            web: "networks: [], ready: «{ping: true}", "machine `web` is on no network by which it could be asked whether it is ready"),
        .networks(web: "ready: {console: x}"),
    ]

    static let files: [Seeded] = [
        .machine("files: [{to: /etc/motd, text: hello}, {to: /a, from: /p/Images/pulse/image.yaml}, {to: /b, symlink: a}]"),
        .machine("files: [«{to: /etc/motd}]", "a file wants exactly one of `text`, `from` and `symlink`"),
        .machine("files: [{to: «motd, text: a}]", "`motd` is not an absolute path in the image: it begins with `/`"),
        .machine("files: [{to: /etc/motd, from: «motd}]", "/p/labs/shop/motd cannot be put on the machine's disk: it does not exist"),
        .machine(
            "files: [{to: /etc/motd, from: «../../Images}]",
            "/p/labs/shop/../../Images cannot be put on the machine's disk: it does not exist"),
        .machine("files: [{to: /etc/motd, from: «/p/Images}]", "/p/Images cannot be put on the machine's disk: it is of another kind"),
        Seeded(
            "name: a\nmachines:\n  db: {image: pulse, files: «[{to: /a, text: b}]}\n", "image `pulse` has no disk to put files on"),
    ]
}

extension Seeded {
    /// The same with a mark, and what is said there.
    func replacing(_ text: String, _ marked: String, _ message: String) -> Seeded {
        var seeded = self
        seeded.text = self.text.replacing(text, with: marked)
        seeded.messages = [message]
        return seeded
    }
}
