import Foundation
import LabModel
import LabNetwork
import Testing

/// `dig` asks what RFC 8906, section 8, wants every server asked, and what a lab's machines ask.
@Suite(.enabled(if: Playground.isPossible, "\(Playground.obstacle ?? "")"))
struct `dig finds nothing wrong` {
    let playground: Playground

    init() throws {
        playground = try Playground(Shop.settings())
        try playground.configure("10.20.0.10/24")
    }

    private func dig(_ words: String) throws -> String {
        try playground.run(["dig", "+tries=3", "+time=5", "@10.20.0.1"] + words.split(separator: " ").map(String.init)).text
    }

    /// Question, what must stand in the answer, what must not.
    static let probes: [(String, [String], [String])] = [
        ("+noedns +noad +norec soa shop.lab", ["status: NOERROR", "flags: qr aa;", "SOA\tgateway.shop.lab."], ["EDNS"]),
        ("+noedns +noad +norec type1000 shop.lab", ["status: NOERROR", "ANSWER: 0", "AUTHORITY: 1"], ["EDNS"]),
        ("+noedns +noad +norec +cd soa shop.lab", ["status: NOERROR", "flags: qr aa cd;"], []),
        ("+noedns +noad +norec +zflag soa shop.lab", ["status: NOERROR", "flags: qr aa;"], ["MBZ"]),
        ("+noedns +noad +norec +adflag soa shop.lab", ["status: NOERROR", "flags: qr aa;"], []),
        ("+noedns +noad +norec +opcode=15 +norec +header-only", ["status: NOTIMP", "opcode: RESERVED15"], ["SOA\t"]),
        ("+noedns +noad +norec +tcp soa shop.lab", ["status: NOERROR", "SOA\tgateway.shop.lab."], ["EDNS"]),
        ("+edns=0 +nocookie +noad +norec soa shop.lab", ["status: NOERROR", "EDNS: version: 0, flags:; udp: 1232", "SOA\tgateway"], []),
        ("+edns=1 +noednsneg +nocookie +noad +norec soa shop.lab", ["status: BADVERS", "EDNS: version: 0", "ANSWER: 0"], ["SOA\tgateway"]),
        ("+edns=100 +noednsneg +nocookie +noad +norec soa shop.lab", ["status: BADVERS", "EDNS: version: 0"], ["SOA\tgateway"]),
        ("+edns=0 +ednsopt=100 +nocookie +noad +norec soa shop.lab", ["status: NOERROR", "EDNS: version: 0", "SOA\tgateway"], ["OPT=100"]),
        ("+edns=0 +ednsflags=0x40 +nocookie +noad +norec soa shop.lab", ["status: NOERROR", "flags:; udp"], ["MBZ"]),
        ("+edns=1 +ednsopt=100 +noednsneg +nocookie +noad +norec soa shop.lab", ["status: BADVERS"], ["OPT=100"]),
        ("+edns=0 +dnssec +nocookie +noad +norec soa shop.lab", ["status: NOERROR", "flags: do; udp"], []),
        ("+edns=0 +cookie +noad +norec soa shop.lab", ["status: NOERROR", "EDNS: version: 0", "SOA\tgateway"], []),
        ("+edns=0 +bufsize=512 +dnssec +nocookie +noad +norec soa shop.lab", ["status: NOERROR"], ["flags: qr aa tc"]),
        ("+edns +nocookie +noad +norec +opcode=15 +header-only", ["status: NOTIMP"], []),
        ("+noedns +noad +norec +header-only", ["status: FORMERR"], []),
        ("db", ["status: NOERROR", "db.\t\t\t60\tIN\tA\t10.20.0.11"], []),
        ("DB.Shop.LAB", ["DB.Shop.LAB.\t\t60\tIN\tA\t10.20.0.11"], []),
        ("web.shop.lab aaaa", ["AAAA\tfd12:3456:789a:2:0:ff:fe00:10a\n"], []),
        // It is on the asker's network, and never said that it speaks IPv6.
        ("db.shop.lab aaaa", ["status: NOERROR", "ANSWER: 0", "shop.lab.\t\t5\tIN\tSOA"], []),
        ("web.shop.lab mx", ["status: NOERROR", "ANSWER: 0", "shop.lab.\t\t5\tIN\tSOA"], []),
        ("nobody.shop.lab", ["status: NXDOMAIN", "shop.lab.\t\t5\tIN\tSOA"], []),
        ("nobody", ["status: NXDOMAIN", ".\t\t\t5\tIN\tSOA"], []),
        ("lab", ["status: NOERROR", "ANSWER: 0"], []),
        ("_ldap._tcp.shop.lab srv", ["status: NXDOMAIN"], []),
        ("www.debian.org", ["status: REFUSED"], []),
        ("version.bind ch txt", ["status: REFUSED"], []),
        ("axfr shop.lab", ["Transfer failed"], ["10.20.0.11"]),
        ("-x 10.20.0.11", ["PTR\tdb.shop.lab."], []),
        ("-x 10.30.0.10", ["PTR\tweb.shop.lab."], []),
        ("-x 10.20.0.1", ["PTR\tgateway.shop.lab."], []),
        ("-x 10.20.0.99", ["status: NXDOMAIN", "\n0.20.10.in-addr.arpa.\t5\tIN\tSOA"], []),
        ("20.10.in-addr.arpa ptr", ["status: NOERROR", "ANSWER: 0"], []),
        ("-x 192.0.2.1", ["status: REFUSED"], []),
        ("-x fd12:3456:789a:1:0:ff:fe00:b", ["PTR db.shop.lab."], []),
        ("-x fd12:3456:789a:1::99", ["status: NXDOMAIN"], []),
        ("-x fd12::1", ["status: REFUSED"], []),
    ]

    @Test func `in any of the ways in which servers are wrong`() throws {
        for (words, wanted, unwanted) in Self.probes {
            let answer = try dig(words)
            for text in wanted { #expect(answer.contains(text), "dig \(words) lacks \(text): \(answer)") }
            for text in unwanted { #expect(!answer.contains(text), "dig \(words) has \(text): \(answer)") }
        }
        try expectSoundFrames(playground)
    }

    @Test func `in the order of a machine's addresses: those on the asker's network come first`() throws {
        #expect(try dig("+short web.shop.lab") == "10.20.0.10\n10.30.0.10\n")
    }

    @Test func `over TCP, many questions on one connection, many connections`() throws {
        let names = Array(repeating: ["db.shop.lab", "web.shop.lab"], count: 20).flatMap(\.self)
        let one = try playground.run(["dig", "+tcp", "+keepopen", "+short", "@10.20.0.1"] + names)
        #expect(one.text.split(separator: "\n").count == 60, "\(one.text)")
        for _ in 0..<5 {
            let many = try playground.run(["dig", "+tcp", "+short", "@10.20.0.1"] + names)
            #expect(many.text.split(separator: "\n").count == 60, "\(many.text)")
        }
    }

    @Test func `over IPv6, at the address that is advertised`() throws {
        let output = try playground.run([
            "sh", "-c",
            "ip -6 addr add fd12:3456:789a:1::99/64 dev eth0 nodad; for i in $(seq 100); do dig +short +tries=1 +time=1 @fd12:3456:789a:1::1 db && break; done; dig +tcp +short @fd12:3456:789a:1::1 db",
        ])
        #expect(output.text.hasSuffix("10.20.0.11\n10.20.0.11\n"), "\(output.text)")
    }
}

/// tshark reads every frame that the services sent and finds none malformed, no sum wrong.
func expectSoundFrames(_ playground: Playground) throws {
    let frames = playground.said
    try #require(!frames.isEmpty)
    func little(_ value: Int, _ count: Int) -> [UInt8] { (0..<count).map { UInt8(value >> (8 * $0) & 0xFF) } }
    var file = little(0xA1B2_C3D4, 4) + little(2, 2) + little(4, 2) + little(0, 8) + little(262_144, 4) + little(1, 4)
    for (index, frame) in frames.enumerated() {
        file += little(index, 4) + little(0, 4) + little(frame.count, 4) + little(frame.count, 4) + frame
    }
    let path = FileManager.default.temporaryDirectory.appending(path: "\(playground.name).pcap")
    try Data(file).write(to: path)
    defer { try? FileManager.default.removeItem(at: path) }
    let wrong =
        "_ws.malformed || _ws.expert.severity == error || ip.checksum.status == 0 || udp.checksum.status == 0 || tcp.checksum.status == 0 || icmp.checksum.status == 0 || icmpv6.checksum.status == 0"
    let checks = ["ip.check_checksum", "udp.check_checksum", "tcp.check_checksum"].flatMap { ["-o", "\($0):TRUE"] }
    let all = try Playground.call(["tshark", "-n", "-r", path.path, "-T", "fields", "-e", "frame.number"])
    #expect(all.text.split(separator: "\n").filter { Int($0) != nil }.count == frames.count)
    let found = try Playground.call(["tshark", "-n", "-r", path.path] + checks + ["-Y", wrong, "-V"])
    #expect(!found.text.contains("Frame "), "\(found.text)")
}
