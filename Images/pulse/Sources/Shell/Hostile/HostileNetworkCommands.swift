/// Commands that treat a network card badly. `I` is the interface's number; each ends with the card begun anew.
extension Commands {
    static var networkHostilities: [Shell.Command] {
        [
            .init(
                name: "netlengths", usage: "netlengths I ROUNDS: frames of no length and of too much, in any number of pieces", run: lengths
            ),
            .init(name: "netheaders", usage: "netheaders I SEED COUNT: headers that lie about their frames", run: headers),
            .init(name: "netgso", usage: "netgso I: segmentation of every kind, none of it negotiated", run: segmentation),
            .init(name: "netbuffers", usage: "netbuffers I SEED MS: receive buffers too few, too small, unwritable, late", run: buffers),
            .init(name: "netmacs", usage: "netmacs I SEED COUNT: frames of strangers, to reserved addresses, tagged twice", run: addresses),
            .init(name: "netcontrol", usage: "netcontrol I SEED COUNT: commands without sense", run: control),
        ]
    }

    private static let mostLies: UInt64 = 10_000_000
    /// Checksums and segmentation in both directions, as the liar claims to want them.
    private static let everyOffload: UInt64 = 1 << 0 | 1 << 1 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 11 | 1 << 12 | 1 << 13
    /// Switching offloads, VLAN filters, announcements, several queues: none of which pulse has.
    private static let otherCommands: UInt64 = 1 << 2 | 1 << 19 | 1 << 21

    /// Lets a liar have a card, and takes it back.
    private static func misuse(
        _ kernel: Kernel, _ terminal: Terminal, _ name: StaticString, _ number: UInt64, seed: UInt64 = 0, features: UInt64 = 0,
        isListening: Bool = true, _ body: (NetworkLiar) throws(Fault) -> Text
    ) throws(Fault) {
        guard let network = kernel.network, number < network.interfaces.count else { throw .noSuchDevice("such network card") }
        let function = network.interfaces[Int(number)].device.transport.function
        let liar = try NetworkLiar(kernel, function, features: features, isListening: isListening, seed: seed)
        // The liar's memory is let go of only after the device has been reset.
        defer { withExtendedLifetime(liar) {} }
        defer { kernel.recover() }
        let text = try body(liar)
        terminal.print("\(name): \(liar.text)\(text), survived")
    }

    private static func lengths(_ kernel: Kernel, _ terminal: Terminal, _ arguments: inout Arguments) throws(Fault) {
        let number = try arguments.number()
        let rounds = try arguments.number(upTo: mostLies, "ROUNDS")
        try misuse(kernel, terminal, "netlengths", number) { (liar) throws(Fault) in
            for _ in 0..<rounds { try liar.sendLengths() }
            return ""
        }
    }

    private static func headers(_ kernel: Kernel, _ terminal: Terminal, _ arguments: inout Arguments) throws(Fault) {
        let number = try arguments.number()
        let seed = try arguments.number()
        let count = try arguments.number(upTo: mostLies, "COUNT")
        try misuse(kernel, terminal, "netheaders", number, seed: seed, features: everyOffload) { (liar) throws(Fault) in
            for _ in 0..<count { try liar.sendHeader() }
            return ""
        }
    }

    private static func segmentation(_ kernel: Kernel, _ terminal: Terminal, _ arguments: inout Arguments) throws(Fault) {
        let number = try arguments.number()
        try misuse(kernel, terminal, "netgso", number) { (liar) throws(Fault) in
            for kind in 0...255 as ClosedRange<UInt8> { try liar.sendUnnegotiated(kind: kind, count: 20_000) }
            return ""
        }
    }

    private static func buffers(_ kernel: Kernel, _ terminal: Terminal, _ arguments: inout Arguments) throws(Fault) {
        let number = try arguments.number()
        let seed = try arguments.number()
        let milliseconds = try arguments.number(upTo: 600_000, "MS")
        try misuse(kernel, terminal, "netbuffers", number, seed: seed, isListening: false) { (liar) throws(Fault) in
            guard let timer = kernel.network?.timer else { return "" }
            let pieces: UInt64 = 10
            for kind in NetworkLiar.Buffers.allCases {
                for _ in 0..<pieces {
                    liar.give(kind)
                    let deadline = timer.now &+ milliseconds &* 1000 / pieces / UInt64(NetworkLiar.Buffers.allCases.count)
                    while timer.now < deadline { kernel.wait(until: deadline) }
                    if liar.device.transport.needsReset { try liar.restart() }
                }
                try liar.restart()
            }
            return ""
        }
    }

    private static func addresses(_ kernel: Kernel, _ terminal: Terminal, _ arguments: inout Arguments) throws(Fault) {
        let number = try arguments.number()
        let seed = try arguments.number()
        let count = try arguments.number(upTo: mostLies, "COUNT")
        try misuse(kernel, terminal, "netmacs", number, seed: seed) { (liar) throws(Fault) in
            let known = kernel.network?.interfaces[Int(number)].neighbours.hardwareAddresses ?? []
            for _ in 0..<count { try liar.sendStranger(known: known) }
            return ""
        }
    }

    private static func control(_ kernel: Kernel, _ terminal: Terminal, _ arguments: inout Arguments) throws(Fault) {
        let number = try arguments.number()
        let seed = try arguments.number()
        let count = try arguments.number(upTo: mostLies, "COUNT")
        let features = NetworkDevice.Feature.controls | everyOffload | otherCommands
        try misuse(kernel, terminal, "netcontrol", number, seed: seed, features: features) { (liar) throws(Fault) in
            var done: UInt64 = 0
            var refused: UInt64 = 0
            for _ in 0..<count {
                guard let isRefused = try liar.command() else { continue }
                if isRefused { refused += 1 } else { done += 1 }
            }
            return ", \(done) done \(refused) refused"
        }
    }
}
