import CPU

/// Commands that end a run, each in its own way: what a monitor has to tell apart.
extension Commands {
    static var endings: [Shell.Command] {
        [
            .init(name: "poweroff", usage: "poweroff: ACPI state S5", run: powerOff),
            .init(name: "reboot", usage: "reboot [acpi|cf9|keyboard]: a reset, by the ACPI register unless told otherwise", run: reboot),
            .init(name: "triplefault", usage: "triplefault: three exceptions at once", run: tripleFault),
            .init(name: "panic", usage: "panic: an exception of our own", run: panic),
            .init(name: "halt", usage: "halt: asleep for good, interrupts off", run: halt),
            .init(name: "loop", usage: "loop: busy for good", run: loop),
        ]
    }

    private static func powerOff(_ kernel: Kernel, _ terminal: Terminal, _ arguments: inout Arguments) throws(Fault) {
        kernel.powerOff()
        throw .noSuchDevice("ACPI power off")
    }

    private static func reboot(_ kernel: Kernel, _ terminal: Terminal, _ arguments: inout Arguments) {
        let way = arguments.word() ?? []
        kernel.say("pulse: rebooting")
        if way == "cf9" { kernel.power.resetByPort() }
        if way == "keyboard" { kernel.power.resetByKeyboardController() }
        kernel.power.reboot()
    }

    private static func tripleFault(_ kernel: Kernel, _ terminal: Terminal, _ arguments: inout Arguments) {
        kernel.say("pulse: triple fault")
        Power.tripleFault()
    }

    private static func panic(_ kernel: Kernel, _ terminal: Terminal, _ arguments: inout Arguments) {
        fatalError()
    }

    private static func halt(_ kernel: Kernel, _ terminal: Terminal, _ arguments: inout Arguments) {
        kernel.say("pulse: halted")
        Power.halt()
    }

    private static func loop(_ kernel: Kernel, _ terminal: Terminal, _ arguments: inout Arguments) {
        kernel.say("pulse: looping")
        while true { pause_spin() }
    }
}
