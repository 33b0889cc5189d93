import LabFile
import LabModel
import Testing

@Suite struct `whatever a file holds` {
    static let lab = """
        name: shop
        seed: 7
        defaults: &d {cpus: 1, memory: 256MiB, image: debian-12}
        networks:
          lan: {subnet: 10.20.0.0/24, uplink: nat, allow: [192.168.0.0/16], mtu: 1500}
          wan: {subnet: 10.1.0.0/16, link: {delay: 40.5ms, loss: 0.5%, rate: 20Mbit}, gateway: db, capture: {ring: 64MiB}}
        machines:
          db:
            <<: *d
            disks: [{size: 4GiB}]
            ready: {console: "login:", within: 60s}   # ${HOME}
            networks: [lan, {name: wan, address: 10.1.0.2, vlan: 7}]
            publish: [127.0.0.1:8080:80/udp]
            files: [{to: /etc/motd, text: hello, mode: "0644"}]
          web: {image: pulse, cpus: 2, after: [db], restart: on-failure, cmdline: 'a ${X:-b} c'}
          näme: |
            text
        """
    /// What YAML, UTF-8, numbers and our own language give a meaning to.
    static let pieces = [
        "{", "}", "[", "]", ":", ",", "- ", "\n", "\t", "  ", "\"", "'", "|", ">", "&a", "*a", "!!", "!", "#", "%", "@", "`", "? ",
        "<<: *d", "---\n",
        "...\n", "${", "}", "$${", "\u{0}", "\u{FEFF}", "\u{2028}", "\u{E9}", "\u{1F600}", "\r", "\\", "\\x00", "18446744073709551616",
        "-1",
        "0x", "MiB", "9999999999TiB", "count: 256", "after: [web]", "null", "~", "0.0.0.0/0", "255.255.255.255/32", "10.0.0.0/8",
        "18446744073709551615.9s", "0.0000000000000000000001%", "subnet: 10.20.0.0/30", "mac: 02:00:00:00:00:01", "65535:65535",
    ]

    /// - Returns: whether it was a lab, so that the test can tell that both happen.
    func check(_ bytes: [UInt8], seed: UInt64) -> Bool {
        let overrides = seed % 7 == 0 ? [String(decoding: bytes.suffix(12), as: UTF8.self)] : []
        switch Reading.lab(bytes, environment: ["HOME": "/root"], overrides: overrides, hostMemory: ByteCount(bytes: 8 << 30)) {
        case .success: return true
        case .failure(let diagnostics):
            #expect(!diagnostics.list.isEmpty && diagnostics.list.count <= 20, "seed \(seed)")
            let lines = bytes.count { $0 == 0x0A } + 1
            for diagnostic in diagnostics.list where diagnostic.file == "lab.yaml" {
                #expect(diagnostic.line >= 1 && diagnostic.line <= lines, "seed \(seed): \(diagnostic)")
                #expect(diagnostic.column >= 1, "seed \(seed): \(diagnostic)")
                #expect(diagnostic.column <= diagnostic.sourceLine.unicodeScalars.count + 1, "seed \(seed): \(diagnostic)")
            }
            #expect(!diagnostics.text.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" && $0 != "\t" }, "seed \(seed)")
            #expect(!diagnostics.json.line.contains("\n"), "seed \(seed)")
            return false
        }
    }

    @Test func `it is a lab or a list of mistakes, and every place is in the file`() {
        var labs = 0
        for seed in UInt64(1)...4000 {
            var chance = Chance(seed: seed)
            var bytes = Array(Self.lab.replacing("  näme: |\n    text", with: "").utf8)
            if seed % 5 == 0 { bytes = Array(Self.lab.utf8) }
            for _ in 0...chance.below(3) {
                let place = chance.below(bytes.count + 1)
                switch chance.below(9) {
                case 0: bytes.insert(UInt8(chance.below(256)), at: place)
                case 1 where !bytes.isEmpty: bytes[min(place, bytes.count - 1)] ^= UInt8(1 << chance.below(8))
                case 2: bytes.removeSubrange(place..<min(bytes.count, place + chance.below(20)))
                case 3:
                    bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + chance.below(60))], at: chance.below(bytes.count + 1))
                case 4: bytes.insert(contentsOf: Self.pieces[chance.below(Self.pieces.count)].utf8, at: place)
                case 5, 6:
                    let digits = bytes.indices.filter { bytes[$0] >= 0x30 && bytes[$0] <= 0x39 }
                    if !digits.isEmpty { bytes[digits[chance.below(digits.count)]] = UInt8(0x30 + chance.below(10)) }
                case 7: bytes.insert(contentsOf: " ".utf8, at: place)
                default: bytes.removeLast(min(bytes.count, chance.below(30)))
                }
            }
            if check(bytes, seed: seed) { labs += 1 }
        }
        #expect(labs > 100, "the mutations are so wild that hardly any file is a lab")
    }

    @Test func `cut off after any byte it is a lab or a list of mistakes`() {
        let bytes = Array(Self.lab.utf8)
        for length in 0...bytes.count { _ = check(Array(bytes.prefix(length)), seed: UInt64(length)) }
    }

    @Test func `made of nothing but meaningful pieces it is a lab or a list of mistakes`() {
        for seed in UInt64(1)...2000 {
            var chance = Chance(seed: seed)
            var text = ""
            for _ in 0..<chance.below(60) { text += Self.pieces[chance.below(Self.pieces.count)] }
            _ = check(Array(text.utf8), seed: seed)
        }
    }
}

/// The same small numbers on every host: an xorshift generator (Marsaglia 2003).
struct Chance {
    var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

    mutating func below(_ bound: Int) -> Int {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Int(state % UInt64(bound))
    }
}
