/// The kernel command line: `key=value` words, and `run=` which takes all that follows it.
///
///     irq=msix|intx|poll      how devices report (default: the best that each one has)
///     panic=halt|reboot       what follows a panic (default: halt)
///     net=dhcp|off|A.B.C.D/N[,GATEWAY[,DNS]]
///                             addresses, once for each network card; the last one also for all further cards (default: dhcp)
///     offloads=on             leaves checksums to the network cards (default: off)
///     run=COMMAND;COMMAND     executed after boot, as if typed
struct Options {
    enum Interrupts { case messages, line, polled }

    private(set) var interrupts = Interrupts.messages
    /// Where an interface has its addresses from.
    enum Network {
        case off
        case lease
        case fixed(IPv4Subnet, gateway: IPv4Address?, nameServer: IPv4Address?)
    }

    private(set) var rebootsOnPanic = false
    private(set) var hasOffloads = false
    private var networks: [Network] = []
    private(set) var commands: [ArraySlice<UInt8>] = []

    init(_ commandLine: [UInt8]) {
        var rest = commandLine[...]
        while true {
            rest = rest.drop(while: { $0 == 0x20 })
            if rest.isEmpty { return }
            if rest.prefix(4) == "run=" {
                commands = rest.dropFirst(4).split(separator: 0x3B)
                return
            }
            let word = rest.prefix(while: { $0 != 0x20 })
            rest = rest.dropFirst(word.count)
            if word == "irq=intx" { interrupts = .line }
            if word == "irq=poll" { interrupts = .polled }
            if word == "panic=reboot" { rebootsOnPanic = true }
            if word == "offloads=on" { hasOffloads = true }
            if word.prefix(4) == "net=", let network = Self.network(word.dropFirst(4)) { networks.append(network) }
        }
    }

    private static func network(_ word: ArraySlice<UInt8>) -> Network? {
        if word == "dhcp" { return .lease }
        if word == "off" { return .off }
        let parts = word.split(separator: 0x2C)
        guard let first = parts.first, let address = IPv4Subnet(first) else { return nil }
        return .fixed(
            address, gateway: parts.count > 1 ? IPv4Address(parts[1]) : nil, nameServer: parts.count > 2 ? IPv4Address(parts[2]) : nil)
    }

    /// What the command line says of a card.
    func network(_ number: Int) -> Network {
        number < networks.count ? networks[number] : networks.last ?? .lease
    }
}
