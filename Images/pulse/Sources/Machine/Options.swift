/// The kernel command line: `key=value` words, and `run=` which takes all that follows it.
///
///     irq=msix|intx|poll      how devices report (default: the best that each one has)
///     panic=halt|reboot       what follows a panic (default: halt)
///     run=COMMAND;COMMAND     executed after boot, as if typed
struct Options {
    enum Interrupts { case messages, line, polled }

    private(set) var interrupts = Interrupts.messages
    private(set) var rebootsOnPanic = false
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
        }
    }
}
