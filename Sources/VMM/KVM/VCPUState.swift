internal import CLinux
internal import Devices
internal import Host
package import Processor

// What a vCPU is set to before its first turn. The order matters: model-specific registers depend on CPUID.
extension VCPU {
    package func setCPUID(_ leaves: [CPUID.Leaf]) throws(KVMError) {
        var raw = leaves.map(\.raw)
        _ = try request("set CPUID of vCPU \(index)", on: descriptor, KVM_SET_CPUID2_REQUEST, count: UInt32(raw.count), elements: &raw)
    }

    /// 0 where the kernel does not know.
    package func tscKilohertz() -> UInt32 {
        UInt32(clamping: (try? request("read the TSC frequency", on: descriptor, KVM_GET_TSC_KHZ_REQUEST)) ?? 0)
    }

    /// The registers that firmware would leave: no system call targets, fast string moves, all memory write-back.
    ///
    /// - Parameters:
    ///   - addressBits: the width of a guest-physical address, which says how long a range register is.
    ///   - isFirmware: firmware comes first and finds the memory types as reset leaves them.
    package func setModelRegisters(addressBits: UInt32, isFirmware: Bool = false) throws(KVMError) {
        // Variable range 0: the PCI hole, 3 to 4 GiB, uncached; the rest by default write-back.
        let hole = (
            AddressMap.lowMemoryLimit, (UInt64(1) << UInt64(min(addressBits, 52))) &- (AddressMap.highMemory - AddressMap.lowMemoryLimit)
        )
        let ranges: [(UInt32, UInt64)] = [(0x200, hole.0), (0x201, hole.1 | 0x800)]
        let types = ranges + [(0x2FF, UInt64(0x806))]  // MTRRdefType: enabled, write-back
        var entries = (Self.modelRegisters + (isFirmware ? [] : types)).map { number, value in
            var entry = kvm_msr_entry()
            entry.index = number
            entry.data = value
            return entry
        }
        let (done, _) = try request(
            "set the model-specific registers of vCPU \(index)", on: descriptor, KVM_SET_MSRS_REQUEST, count: UInt32(entries.count),
            elements: &entries)
        // The kernel stops at the first it refuses.
        guard done == entries.count else {
            let number = entries[Int(clamping: done)].index
            throw .request(OSError(.invalidArgument, "set model-specific register 0x\(String(number, radix: 16)) of vCPU \(index)"))
        }
    }

    private static let modelRegisters: [(UInt32, UInt64)] = [
        (0x174, 0), (0x175, 0), (0x176, 0),  // SYSENTER_CS, _ESP, _EIP
        (0xC000_0081, 0), (0xC000_0082, 0), (0xC000_0083, 0), (0xC000_0084, 0),  // STAR, LSTAR, CSTAR, SYSCALL_MASK
        (0xC000_0102, 0),  // KERNEL_GS_BASE
        (0x10, 0),  // TSC
        (0x1A0, 1),  // MISC_ENABLE: fast string operations
    ]

    package func setFloatingPoint() throws(KVMError) {
        var state = kvm_fpu()
        state.fcw = 0x37F
        state.mxcsr = 0x1F80
        try request("set the floating-point state of vCPU \(index)", on: descriptor, KVM_SET_FPU_REQUEST, with: &state)
    }

    /// LINT0 takes the 8259's interrupts, LINT1 is the non-maskable interrupt: how the MP and ACPI tables say it is wired.
    package func setLocalInterrupts() throws(KVMError) {
        var state = kvm_lapic_state()
        try request("read the local APIC of vCPU \(index)", on: descriptor, KVM_GET_LAPIC_REQUEST, with: &state)
        // Safe because the registers are a member of the structure, 1024 bytes long.
        unsafe withUnsafeMutableBytes(of: &state.regs) { registers in
            for (offset, mode) in [(0x350, UInt32(7)), (0x360, UInt32(4))] {  // LVT LINT0: ExtINT; LVT LINT1: NMI
                let old = unsafe registers.load(fromByteOffset: offset, as: UInt32.self)
                unsafe registers.storeBytes(of: old & ~0x1_0700 | mode << 8, toByteOffset: offset, as: UInt32.self)
            }
        }
        try request("set the local APIC of vCPU \(index)", on: descriptor, KVM_SET_LAPIC_REQUEST, with: &state)
    }

    /// The boot processor at a protocol's entry; others stay as reset leaves them and wait to be started.
    package func setEntry(_ entry: EntryState) throws(KVMError) {
        var special = kvm_sregs()
        try request("read the special registers of vCPU \(index)", on: descriptor, KVM_GET_SREGS_REQUEST, with: &special)
        let isLong = entry.mode == .long
        let code = Self.segment(selector: 0x10, type: 0xB, long: isLong)
        let data = Self.segment(selector: 0x18, type: 0x3, long: false)
        special.cs = code
        (special.ds, special.es, special.fs, special.gs, special.ss) = (data, data, data, data, data)
        var task = kvm_segment()
        (task.selector, task.limit, task.type, task.present) = (0x20, 0x67, 0xB, 1)  // busy 32-bit task-state segment
        special.tr = task
        special.ldt = kvm_segment()
        special.ldt.unusable = 1
        special.gdt.base = BootLayout.gdt
        special.gdt.limit = UInt16(BootLayout.gdtByteCount - 1)
        special.idt.base = 0
        special.idt.limit = 0
        special.cr0 = 0x11  // PE, ET
        special.cr4 = 0
        if isLong {
            special.cr3 = BootLayout.pageTables
            special.cr4 = 1 << 5  // PAE
            special.cr0 |= 1 << 31  // PG
            special.efer = 1 << 8 | 1 << 10  // LME, LMA
        }
        try request("set the special registers of vCPU \(index)", on: descriptor, KVM_SET_SREGS_REQUEST, with: &special)
        var general = kvm_regs()
        general.rflags = 2
        general.rip = entry.instruction
        general.rsp = entry.stack
        general.rax = entry.rax
        general.rbx = entry.rbx
        general.rsi = entry.rsi
        try request("set the registers of vCPU \(index)", on: descriptor, KVM_SET_REGS_REQUEST, with: &general)
    }

    /// 16-bit real mode at a linear address below 64 KiB: for the measurement.
    func setRealModeEntry(_ address: UInt64) throws(KVMError) {
        var special = kvm_sregs()
        try request("read the special registers of vCPU \(index)", on: descriptor, KVM_GET_SREGS_REQUEST, with: &special)
        (special.cs.base, special.cs.selector) = (0, 0)
        try request("set the special registers of vCPU \(index)", on: descriptor, KVM_SET_SREGS_REQUEST, with: &special)
        var general = kvm_regs()
        general.rflags = 2
        general.rip = address
        try request("set the registers of vCPU \(index)", on: descriptor, KVM_SET_REGS_REQUEST, with: &general)
    }

    /// What ECX holds.
    func counter() throws(KVMError) -> UInt32 {
        var general = kvm_regs()
        try request("read the registers of vCPU \(index)", on: descriptor, KVM_GET_REGS_REQUEST, with: &general)
        return UInt32(truncatingIfNeeded: general.rcx)
    }

    private static func segment(selector: UInt16, type: UInt8, long: Bool) -> kvm_segment {
        var segment = kvm_segment()
        segment.limit = 0xFFFF_FFFF
        (segment.selector, segment.type, segment.present, segment.s, segment.g) = (selector, type, 1, 1, 1)
        segment.db = long ? 0 : 1
        segment.l = long ? 1 : 0
        return segment
    }

    /// Where the vCPU's instruction pointer is, for reports.
    package func instructionPointer() -> UInt64? {
        var general = kvm_regs()
        guard (try? request("read the registers of vCPU \(index)", on: descriptor, KVM_GET_REGS_REQUEST, with: &general)) != nil else {
            return nil
        }
        return general.rip
    }
}
