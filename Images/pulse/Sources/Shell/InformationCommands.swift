import CPU

/// Commands that tell something.
extension Commands {
    static var information: [Shell.Command] {
        [
            .init(name: "echo", usage: "echo TEXT: says it again", run: echo),
            .init(name: "cat", usage: "cat COUNT: gives the next COUNT bytes back as they are", run: cat),
            .init(
                name: "flood",
                usage: "flood COUNT: COUNT bytes of the alphabet, with or without a reader; flood HOST COUNT SIZE: datagrams", run: flood),
            .init(name: "uname", usage: "uname: who this is", run: uname),
            .init(name: "mem", usage: "mem: the memory map", run: memory),
            .init(name: "cmdline", usage: "cmdline: the kernel command line", run: commandLine),
            .init(name: "cpus", usage: "cpus: wakes the other processors and counts them", run: processors),
            .init(name: "pci", usage: "pci: the functions on the bus", run: functions),
            .init(name: "irqs", usage: "irqs: how often each interrupt came", run: interrupts),
            .init(name: "uptime", usage: "uptime: time since the start", run: uptime),
            .init(name: "random", usage: "random COUNT: random bytes from virtio-rng", run: random),
        ]
    }

    private static func echo(_ kernel: Kernel, _ terminal: Terminal, _ arguments: inout Arguments) {
        terminal.print("\(arguments.text())")
    }

    private static func cat(_ kernel: Kernel, _ terminal: Terminal, _ arguments: inout Arguments) throws(Fault) {
        var left = Int(try arguments.number(upTo: 1 << 30, "COUNT"))
        while left > 0 {
            let bytes = terminal.read(left)
            if bytes.isEmpty { kernel.wait() }
            terminal.write(bytes)
            left -= bytes.count
        }
        terminal.print("")
    }

    private static func flood(_ kernel: Kernel, _ terminal: Terminal, _ arguments: inout Arguments) throws(Fault) {
        if arguments.count > 1 { return try Self.floodHost(kernel, terminal, &arguments) }
        var left = try arguments.number(upTo: 1 << 30, "COUNT")
        var chunk: [UInt8] = []
        for index in 0..<4096 { chunk.append(UInt8(0x61 + index % 26)) }
        while left > 0 {
            let length = min(left, UInt64(chunk.count))
            terminal.write(length == UInt64(chunk.count) ? chunk : [UInt8](chunk.prefix(Int(length))))
            left -= length
        }
        terminal.print("")
    }

    private static func uname(_ kernel: Kernel, _ terminal: Terminal, _ arguments: inout Arguments) {
        terminal.print("pulse \(Kernel.version) x86_64")
    }

    private static func memory(_ kernel: Kernel, _ terminal: Terminal, _ arguments: inout Arguments) {
        for range in kernel.startInfo.memoryMap {
            let last = range.address &+ range.size &- 1
            let kind: StaticString = range.type == 1 ? "usable" : range.type == 2 ? "reserved" : "other"
            terminal.print("\(hex: range.address, width: 16)-\(hex: last, width: 16) \(kind)")
        }
        terminal.print("\(kernel.startInfo.mebibytes) MiB, heap \(unsafe heap.bytesLeft >> 10) KiB free")
    }

    private static func commandLine(_ kernel: Kernel, _ terminal: Terminal, _ arguments: inout Arguments) {
        terminal.print("\(kernel.startInfo.commandLine)")
    }

    private static func processors(_ kernel: Kernel, _ terminal: Terminal, _ arguments: inout Arguments) {
        terminal.print("cpus: \(kernel.acpi.processors.count) listed, \(kernel.wakeProcessors()) awake")
    }

    private static func functions(_ kernel: Kernel, _ terminal: Terminal, _ arguments: inout Arguments) {
        for function in kernel.functions {
            let place: Text = "\(hex: function.bus, width: 2):\(hex: function.device, width: 2).\(function.function)"
            let identity: Text = "\(hex: function.vendor, width: 4):\(hex: function.identity, width: 4)"
            let driver: Text
            if let transport = kernel.transport(of: function) {
                driver = " \(transport.interruptName) features \(hex: transport.features)"
            } else {
                driver = ""
            }
            terminal.print("\(place) \(identity) class \(hex: function.classCode, width: 6)\(driver)")
        }
    }

    private static func interrupts(_ kernel: Kernel, _ terminal: Terminal, _ arguments: inout Arguments) {
        for vector in 32...255 as ClosedRange<UInt8> {
            let count = kernel.interrupts.count(of: vector)
            if count != 0 { terminal.print("0x\(hex: vector, width: 2): \(count)") }
        }
    }

    private static func uptime(_ kernel: Kernel, _ terminal: Terminal, _ arguments: inout Arguments) {
        let milliseconds = kernel.clock.milliseconds()
        terminal.print("up \(milliseconds / 1000).\(milliseconds % 1000, width: 3) s")
    }

    private static func random(_ kernel: Kernel, _ terminal: Terminal, _ arguments: inout Arguments) throws(Fault) {
        let count = try arguments.number(upTo: 65536, "COUNT")
        guard let entropy = kernel.entropy else { throw .noSuchDevice("virtio-rng") }
        var text: Text = ""
        for byte in try entropy.bytes(UInt32(count)) { text.append(UInt64(byte), radix: 16, width: 2) }
        terminal.print(text)
    }
}
