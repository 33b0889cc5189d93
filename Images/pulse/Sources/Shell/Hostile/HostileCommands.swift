import CPU

/// Commands that treat the monitor badly. Afterwards drivers may be of no use any more; `pulse` itself still answers on COM1.
extension Commands {
    static var hostilities: [Shell.Command] {
        [.init(name: "poke", usage: "poke all|ports|known|config|bars|queues|lapic|ioapic|strings SEED COUNT: blind accesses", run: poke)]
            + networkHostilities
    }

    private static let mostAccesses: UInt64 = 100_000_000

    private static func poke(_ kernel: Kernel, _ terminal: Terminal, _ arguments: inout Arguments) throws(Fault) {
        guard let target = arguments.word() else { try arguments.refuse() }
        let seed = try arguments.number()
        let count = try arguments.number(upTo: mostAccesses, "COUNT")
        var poker = Poker(seed: seed, sparing: portsThatEndTheRun(kernel))
        let bars = kernel.bars
        if target == "ports" {
            poker.ports(count)
        } else if target == "known" {
            poker.knownPorts(count)
        } else if target == "config" {
            poker.configuration(count, kernel.functions)
        } else if target == "bars" {
            for bar in bars { poker.memory(count, at: bar, length: 0x4008) }
        } else if target == "queues" {
            try pokeQueues(kernel, &poker, count)
        } else if target == "lapic" {
            poker.memory(count, at: 0xFEE0_0000, length: 0x1008)
        } else if target == "ioapic" {
            poker.memory(count, at: 0xFEC0_0000, length: 0x1008)
        } else if target == "strings" {
            let memory = try DeviceMemory(pages: 16)
            poker.strings(count, length: 0x10000, memory: memory.address)
        } else if target == "all" {
            poker.ports(count)
            poker.knownPorts(count)
            for bar in bars { poker.memory(count, at: bar, length: 0x4008) }
            poker.configuration(count, kernel.functions)
            for bar in bars { poker.memory(count, at: bar, length: 0x4008) }
        } else {
            try arguments.refuse()
        }
        kernel.recover()
        terminal.print("poke: \(target) seed \(seed) count \(count) survived")
    }

    /// Lies to every device in turn, and begins anew each time, for a device that noticed does nothing more until it is reset.
    private static func pokeQueues(_ kernel: Kernel, _ poker: inout Poker, _ count: UInt64) throws(Fault) {
        let scratchPages = 18  // 64 KiB, and what a request may reach beyond
        let scratch = try DeviceMemory(pages: scratchPages)
        let batch: UInt64 = 32
        var done: UInt64 = 0
        while done < count {
            for disk in kernel.disks { poker.queue(batch, disk.queue, scratch: scratch.address) }
            if let entropy = kernel.entropy { poker.queue(batch, entropy.queue, scratch: scratch.address) }
            for interface in kernel.network?.interfaces ?? [] {
                poker.queue(batch, interface.device.sending, scratch: scratch.address)
                poker.queue(batch, interface.device.receiving, scratch: scratch.address)
            }
            for terminal in kernel.terminals {
                if let queue = terminal.sendingQueue { poker.queue(batch, queue, scratch: scratch.address) }
            }
            done += batch
            kernel.recover()
        }
    }

    /// Reset, power off, the keyboard controller's command port, port A: their effect is known and has commands of its own.
    private static func portsThatEndTheRun(_ kernel: Kernel) -> [UInt16] {
        let registers = kernel.acpi.power
        return [0xCF9, 0x64, 0x92, registers.resetPort, registers.controlBlock, registers.controlBlock &+ 1]
    }
}
