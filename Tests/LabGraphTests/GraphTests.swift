import LabGraph
import LabModel
import Testing

@Suite struct `a lab's graph` {
    @Test func `is the same bytes as ever`() throws {
        for (name, topology) in Samples.all where ["three-tier", "live", "hostile"].contains(name) {
            try Golden.check(topology.svg, "\(name).svg")
            try Golden.check(topology.mermaid, "\(name).mmd")
            try Golden.check(topology.dot, "\(name).dot")
            try Golden.check(topology.json.pretty + "\n", "\(name).json")
        }
    }

    @Test func `says in words all that it draws`() {
        let svg = Samples.live.svg
        for words in [
            "5 machines on 2 networks, up.", "Network front, 10.20.0.0/24, gateway 10.20.0.1, uplink nat.",
            "40ms ±5ms, 20Mbit, loss 0.5%", "split: db | router, beat-back",
            "Machine db, debian-12, 1 cpu, 512MiB, starting, back 10.30.0.10, after router.",
            "down, vlan 12", "127.0.0.1:8080 to 80/tcp",
        ] { #expect(svg.contains(words), "\(words)") }
    }

    @Test func `a file alone has no state`() {
        let svg = Samples.threeTier.svg
        for word in ["ready", "class=\"state\"", "class=\"mark"] { #expect(!svg.contains(word + "<") && !svg.contains("<g \(word)")) }
        #expect(Samples.threeTier.json.line.contains(#""state":null"#))
    }

    @Test func `what a name holds never becomes markup`() {
        let topology = Samples.hostile
        #expect(!topology.svg.contains("<script"))
        #expect(!topology.svg.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
        for line in topology.mermaid.split(separator: "\n") {
            #expect(line.filter { $0 == "\"" }.count % 2 == 0)
            #expect(!line.contains("<script") && !line.contains("`"))
        }
    }

    @Test func `shapes are written as in a lab file, exactly`() {
        var topology = Samples.many(machines: 1, networks: 1)
        func shown(_ change: (inout LinkShape) -> Void) -> Bool {
            topology.networks[0].shape = LinkShape()
            change(&topology.networks[0].shape)
            return true
        }
        let cases: [((inout LinkShape) -> Void, String)] = [
            ({ $0.delayMicroseconds = 1500 }, "1500us"), ({ $0.delayMicroseconds = 2_000_000 }, "2s"),
            ({ $0.jitterMicroseconds = 1000 }, "0ms ±1ms"), ({ $0.bitsPerSecond = 1_500_000 }, "1500kbit"),
            ({ $0.bitsPerSecond = 3_000_000_000 }, "3Gbit"), ({ $0.bitsPerSecond = 7 }, "7bit"), ({ $0.lossPPM = 1 }, "loss 0.0001%"),
            ({ $0.lossPPM = 1_000_000 }, "loss 100%"), ({ $0.reorderPPM = 125_000 }, "reorder 12.5%"),
            (
                {
                    $0.delayMicroseconds = .max; $0.corruptPPM = .max
                }, "18446744073709551615us\\ncorrupt 429496.7295%"
            ),
        ]
        for (change, text) in cases {
            #expect(shown(change))
            #expect(topology.dot.contains(text), "\(text)")
        }
    }

    @Test func `many machines stand in columns, none is left out`() {
        for count in [1, 2, 11, 12, 13, 40, 99, 100] {
            let svg = Samples.many(machines: count, networks: 3).svg
            for number in 1...count { #expect(svg.contains(">node-\(number)</text>")) }
        }
    }
}
