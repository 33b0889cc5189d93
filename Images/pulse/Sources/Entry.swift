import CPU

/// Where Entry/entry.S calls: in long mode, on the boot stack, with the address of the PVH start info.
@c(pulse_main)
func start(startInfo address: UInt64) -> Never {
    // Until the memory map is known, the heap is a little memory right behind the kernel; every PVH monitor puts RAM there.
    let end = kernel_end_address()
    unsafe heap.use(from: end, to: end &+ 0x10_0000)
    guard let startInfo = StartInfo(at: address) else { Power.halt() }
    if let all = startInfo.endOfMemory(holding: end) { unsafe heap.extend(to: min(all, end &+ 0x100_0000)) }
    unsafe kernel = Kernel(startInfo)
    unsafe kernel?.run()
    Power.halt()
}

/// For the exception handler only.
nonisolated(unsafe) var kernel: Kernel?

/// Where Entry/interrupts.S calls for exceptions, and Swift's own traps end (as invalid opcode, 6): reports and stops.
@c(pulse_exception)
func exception(vector: UInt64, code: UInt64, instruction: UInt64, address: UInt64) -> Never {
    let text: Text = "pulse: panic: exception \(vector) code \(code) at \(hex: instruction), address \(hex: address)"
    unsafe kernel?.terminals.first?.print(text)
    if let kernel = unsafe kernel, kernel.options.rebootsOnPanic { kernel.power.reboot() }
    Power.halt()
}
