import Host
import LabModel
import LabNetwork
import PortStream
import Testing

@Suite struct `words that cannot be followed` {
    static let good = [
        "--lab=demo", "--seed=7", "--control=3",
        "--network=id=lan,subnet=10.20.0.0/24,mac=02:00:00:00:00:01,domain=demo.lab,prefix6=fd00::/64",
        "--port=id=a/lan,fd=4,mac=02:00:00:00:00:0a,address=10.20.0.10,vlan=7", "--uplink=port=a/lan,fd=5",
        "--capture=network=lan,fd=6,fd=7,bytes=1000,snap=96",
        "--link=lan,delay=40000,jitter=1,rate=2,loss=3,reorder=4,duplicate=5,corrupt=6",
        "--link=a/lan,loss=7", "--boot=lan,server=10.20.0.10,file=a,file=b", "--boot=lan,class=iPXE,file=http://a/b",
        "--boot=a/lan,file=c",
    ]

    @Test func `a whole command line is read`() throws {
        let command = try BridgeCommand(Self.good)
        #expect(command.control == 3 && command.portStreams == [4] && command.uplinkStreams == [0: 5])
        #expect(command.settings.networks.count == 1 && command.settings.ports[0].vlan == 7 && command.settings.ports[0].hasUplink)
        #expect(command.settings.networks[0].prefix6 == 0xFD00_0000_0000_0000)
        #expect(command.settings.networks[0].link.delayMicroseconds == 40_000 && command.settings.networks[0].link.corruptPPM == 6)
        #expect(command.settings.ports[0].link.lossPPM == 7)
        #expect(command.settings.networks[0].boots.map(\.file) == ["a,file=b", "http://a/b"].map { Array($0.utf8) })
        #expect(command.settings.networks[0].boots.map(\.userClass) == [nil, "iPXE"])
        #expect(command.settings.networks[0].boots.map(\.server) == [IPv4Address("10.20.0.10"), nil])
        #expect(command.settings.ports[0].boots == [BootSettings(file: Array("c".utf8))])
        #expect(command.captures[0].files == [6, 7] && command.captures[0].snapLength == 96)
    }

    @Test(arguments: [
        (["--moon=1"], "no option"), (["--lab=other"], "twice"), (["--seed"], "needs a value"), (["port"], "no option"),
        (["--port=id=b/moon,fd=8,mac=02:00:00:00:00:0b,address=10.20.0.11"], "no network"),
        (["--port=id=a/lan,fd=8,mac=02:00:00:00:00:0b,address=10.20.0.11"], "two ports"),
        (["--port=id=b/lan,fd=4,mac=02:00:00:00:00:0b,address=10.20.0.11"], "named twice"),
        (["--port=id=b/lan,fd=-1,mac=02:00:00:00:00:0b,address=10.20.0.11"], "fd="),
        (["--port=id=b/lan,fd=8,mac=03:00:00:00:00:0b,address=10.20.0.11"], "mac="),
        (["--port=id=b/lan,fd=8,mac=02:00:00:00:00:0b,address=10.20.0.256"], "address="),
        (["--port=id=b/lan,fd=8,mac=02:00:00:00:00:0b,address=10.20.0.11,vlan=4095"], "vlan="),
        (["--port=id=b/lan,fd=8,mac=02:00:00:00:00:0b,address=10.20.0.11,moon=1"], "does not know"),
        (["--port=id=b/lan,fd=8,fd=9,mac=02:00:00:00:00:0b,address=10.20.0.11"], "fd twice"),
        (["--network=id=lan,subnet=10.21.0.0/24,mac=02:00:00:00:00:01,domain=d,prefix6=fd00::/64"], "two networks"),
        (["--network=id=wan,subnet=10.21.0.1/24,mac=02:00:00:00:00:01,domain=d,prefix6=fd00::/64"], "subnet="),
        (["--network=id=wan,subnet=10.21.0.0/32,mac=02:00:00:00:00:01,domain=d,prefix6=fd00::/64"], "subnet="),
        (["--network=id=wan,subnet=10.21.0.0/24,mac=02:00:00:00:00:01,domain=d,prefix6=fd00::1/64"], "prefix6="),
        (["--network=id=wan,subnet=10.21.0.0/24,mac=02:00:00:00:00:01,domain=d,prefix6=fd00::/64,mtu=67"], "mtu="),
        (["--uplink=port=b/lan,fd=8"], "no port"), (["--capture=network=lan,fd=8,bytes=1,snap=96"], "two descriptors"),
        (["--boot=moon,file=a"], "no network"), (["--boot=lan"], "needs file="), (["--boot=lan,server=10.20.0.10"], "needs file="),
        (["--boot=lan,file=again"], "twice"), (["--boot=a/lan,class=,file=a"], "class="),
        (["--boot=a/lan,class=b,file="], "1 to 255 bytes"),
        (["--boot=a/lan,class=b,server=moon,file=a"], "server="), (["--boot=a/lan,class=b,moon=1,file=a"], "does not know"),
        (["--boot=a/lan,class=b,profile=a"], "needs file="), (["--boot=a/lan,class=b,file=a\nb"], "control characters"),
        (["--boot=a/lan,class=b,file=" + String(repeating: "x", count: 256)], "1 to 255 bytes"),
        (["--link=moon,delay=1"], "no network"), (["--link=lan"], "something to set"), (["--link=lan,loss=1000001"], "loss="),
    ])
    func `a command line says what is wrong with it`(more: [String], expected: String) {
        do {
            _ = try BridgeCommand(Self.good + more)
            Issue.record("\(more) was taken")
        } catch {
            #expect(error.description.contains(expected), "\(error)")
        }
    }

    @Test func `any change to a command line is refused or read, never a trap`() {
        var numbers = Numbers(4)
        var read = 0
        for _ in 0..<20_000 {
            var arguments = Self.good
            for _ in 0..<Int.random(in: 1...3, using: &numbers) {
                let index = Int.random(in: arguments.indices, using: &numbers)
                arguments[index] = Self.damaged(arguments[index], &numbers)
            }
            if (try? BridgeCommand(arguments)) != nil { read += 1 }
        }
        #expect(read > 0 && read < 20_000)
    }

    static let words = [
        "port-up a/lan 00112233445566778899aabbccddeeff", "port-down a/lan", "uplink-up a/lan", "uplink-down a/lan", "link lan up",
        "link a/lan delay=1 loss=2", "partition lan a,b|c", "heal lan", "probe p1 a/lan tcp 80", "probe p2 a/lan ping", "probe-stop p1",
        "counters", "stop",
    ]

    @Test func `any change to a control word is refused or read, never a trap`() throws {
        var numbers = Numbers(5)
        for word in Self.words { _ = try ControlWord(word) }
        var refused = 0
        for _ in 0..<50_000 {
            let line = Self.damaged(Self.words.randomElement(using: &numbers)!, &numbers)
            if (try? ControlWord(line)) == nil { refused += 1 }
        }
        #expect(refused > 1000)
    }

    @Test func `any order that can be read can be carried out or refused`() throws {
        let rig = Rig()
        var numbers = Numbers(6)
        for _ in 0..<5000 {
            let line = Self.damaged(Self.words.randomElement(using: &numbers)!, &numbers)
            guard let word = try? ControlWord(line) else { continue }
            switch word {
            case .link(let name, let order): try? rig.bridge.order(name, order, now: rig.now)
            case .partition(let network, let groups): try? rig.bridge.divide(network, into: groups)
            case .heal(let network): try? rig.bridge.heal(network)
            case .probe(let identity, let name, let probe):
                try? rig.bridge.startProbe(identity, name, probe, Moment(now: rig.now, wall: 0))
            default: break
            }
            rig.send(frame(to: .broadcast, from: Rig.mac(0)), from: 0)
            rig.wait(1_000_000)
        }
    }

    @Test func `any bytes on a port are forwarded, dropped or the end of it, never a trap`() {
        var numbers = Numbers(7)
        let rig = Rig(["a/lan", "b/lan", "c/lan", "d/lan"]) { settings in
            settings.ports[1].vlan = 10
            settings.ports[2].link.corruptPPM = 500_000
            settings.ports[3].link.delayMicroseconds = 10
        }
        for round in 0..<20_000 {
            let port = Int.random(in: 0..<4, using: &numbers)
            var record = PlainRecord.make(
                tagged(
                    UInt16.random(in: 0...UInt16.max, using: &numbers),
                    frame(
                        to: Bool.random(using: &numbers) ? .broadcast : Rig.mac(0), from: Rig.mac(port),
                        type: [0x0806, 0x0800, 0x8100, 0x86DD].randomElement(using: &numbers)!,
                        (0..<Int.random(in: 0...120, using: &numbers)).map { _ in UInt8.random(in: 0...255, using: &numbers) })))
            for _ in 0..<Int.random(in: 0...6, using: &numbers) {
                // The count stays true most of the time, or nothing would get in.
                let range = Int.random(in: 0...50, using: &numbers) == 0 ? 0..<4 : 4..<record.count
                record[Int.random(in: range, using: &numbers)] = UInt8.random(in: 0...255, using: &numbers)
            }
            rig.feed(record, from: port)
            rig.wait(100_000)
            if round % 50 == 0 { for port in 0..<4 { rig.lower(port); rig.raise(port) } }
            for port in 0..<4 { _ = rig.records(port) }
        }
        #expect(rig.bridge.counters(of: PortIndex(0)).incoming.frames > 1000)
    }

    @Test func `the program refuses hostile lines and goes on`() throws {
        let program = try Program(["a", "b"])
        program.say(String(repeating: "x", count: 100_000))
        #expect(try program.wait(for: #""event":"refused""#))
        program.say("port-up \u{0} \u{FFFF}\"\\")
        #expect(try program.wait(for: #""event":"refused","word":"port-up""#))
        for line in ["", " ", "link", "link moon up", "uplink-up a/lan", "partition lan a,a", "probe x a/lan tcp 0", "port-up a/moon"] {
            program.say(line)
            #expect(try program.wait(for: #""event":"refused""#), "\(line)")
        }
        try program.send(frame(to: .broadcast, from: Rig.mac(0)), from: 0)
        #expect(try program.hear(1) != nil)
    }

    @Test func `the program says what is wrong with its line`() throws {
        let errors = try UnixSocket.pair()
        let child = try ChildProcess(
            program: Program.path, arguments: ["vmlab-network", "--lab", "x"], environment: [],
            inherited: [.init(2, from: errors.theirs.number)])
        #expect(try child.wait(limitMilliseconds: 60_000) == .exited(64))
        #expect(String(decoding: try errors.ours.read(upTo: 4096), as: UTF8.self).contains("vmlab-network: --seed is missing; see --help"))
    }

    static func damaged(_ text: String, _ numbers: inout Numbers) -> String {
        var bytes = Array(text.utf8)
        for _ in 0..<Int.random(in: 0...4, using: &numbers) where !bytes.isEmpty {
            let index = Int.random(in: bytes.indices, using: &numbers)
            switch Int.random(in: 0...3, using: &numbers) {
            case 0: bytes[index] = UInt8.random(in: 0...255, using: &numbers)
            case 1: bytes.remove(at: index)
            case 2: bytes.insert(Array(" ,=/:|+-0189\u{7F}".utf8).randomElement(using: &numbers)!, at: index)
            default: bytes += bytes[index...]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
