internal import CLinux
package import Host

/// One virtual machine of the kernel: memory, interrupt controllers, timer, doorbells.
///
/// The order of calls is the caller's recipe (`Board`): addresses of the kernel's own pages, interrupt chip and timer before vCPUs.
package final class VirtualMachine: Sendable {
    let descriptor: Descriptor
    private let runSize: Int

    init(_ descriptor: consuming Descriptor, runSize: Int) {
        self.descriptor = descriptor
        self.runSize = runSize
    }

    /// Tells the kernel where in guest-physical space its own four pages may lie (Intel without unrestricted guest needs them).
    package func setKernelPages(tss: UInt64, identityMap: UInt64) throws(KVMError) {
        try request("set the TSS address", on: descriptor, KVM_SET_TSS_ADDR_REQUEST, UInt(tss))
        var address = identityMap
        try request("set the identity map address", on: descriptor, KVM_SET_IDENTITY_MAP_ADDR_REQUEST, with: &address)
    }

    /// Two 8259s, an IOAPIC with this id, a local APIC in each later vCPU, and the 8254 with port 0x61.
    package func createInterruptChips(ioapicID: UInt32) throws(KVMError) {
        try request("create the interrupt controllers", on: descriptor, KVM_CREATE_IRQCHIP_REQUEST)
        var chip = kvm_irqchip()
        chip.chip_id = UInt32(KVM_IRQCHIP_IOAPIC)
        try request("read the IOAPIC", on: descriptor, KVM_GET_IRQCHIP_REQUEST, with: &chip)
        unsafe chip.chip.ioapic.id = ioapicID
        try request("set the IOAPIC's id", on: descriptor, KVM_SET_IRQCHIP_REQUEST, with: &chip)
        var timer = kvm_pit_config()
        timer.flags = UInt32(KVM_PIT_SPEAKER_DUMMY)
        try request("create the interval timer", on: descriptor, KVM_CREATE_PIT2_REQUEST, with: &timer)
        // The kernel's own table has the timer at the IOAPIC's pin 0, where no system looks for it before anything else has changed the table.
        try setRoutes(messages: [])
    }

    /// The interval timer's interrupt is another's while it is replaced.
    package func setIntervalTimer(isReplaced: Bool) throws(KVMError) {
        var timer = kvm_pit_state2()
        try request("read the interval timer", on: descriptor, KVM_GET_PIT2_REQUEST, with: &timer)
        let flag = UInt32(KVM_PIT_FLAGS_HPET_LEGACY)
        timer.flags = isReplaced ? timer.flags | flag : timer.flags & ~flag
        try request("set the interval timer", on: descriptor, KVM_SET_PIT2_REQUEST, with: &timer)
    }

    /// Puts host memory at a guest-physical address.
    ///
    /// The memory must stay mapped as long as this machine lives.
    /// - Parameter isReadOnly: a guest's writes come out as accesses to the memory bus.
    package func setMemory(
        slot: UInt32, guest: UInt64, host: UnsafeMutableRawPointer, count: UInt64, isReadOnly: Bool = false
    ) throws(KVMError) {
        var region = kvm_userspace_memory_region()
        region.slot = slot
        region.flags = isReadOnly ? UInt32(KVM_MEM_READONLY_FLAG) : 0
        region.guest_phys_addr = guest
        region.memory_size = count
        region.userspace_addr = UInt64(UInt(bitPattern: host))
        try request("map \(count) bytes of guest memory at \(guest)", on: descriptor, KVM_SET_USER_MEMORY_REGION_REQUEST, with: &region)
    }

    /// Takes away what `setMemory` put into the slot.
    package func removeMemory(slot: UInt32) throws(KVMError) {
        var region = kvm_userspace_memory_region()
        region.slot = slot
        try request("take memory slot \(slot) away", on: descriptor, KVM_SET_USER_MEMORY_REGION_REQUEST, with: &region)
    }

    /// A new vCPU; its local APIC id is its index.
    package func makeVCPU(index: Int) throws(KVMError) -> VCPU {
        let number = try request("create vCPU \(index)", on: descriptor, KVM_CREATE_VCPU_REQUEST, UInt(index))
        return try VCPU(Descriptor(owning: number), index: index, runSize: runSize)
    }

    /// Sets the level of an interrupt line (0-15 reach the 8259s and the IOAPIC, 16-23 the IOAPIC alone).
    package func setLine(_ line: UInt32, _ high: Bool) throws(KVMError) {
        var level = kvm_irq_level()
        level.irq = line
        level.level = high ? 1 : 0
        try request("set interrupt line \(line)", on: descriptor, KVM_IRQ_LINE_REQUEST, with: &level)
    }

    /// Ties an event descriptor to an interrupt source of the routing table: a write to it raises the interrupt.
    package func attachInterrupt(_ event: borrowing Descriptor, source: UInt32) throws(KVMError) {
        var irqfd = kvm_irqfd()
        irqfd.fd = UInt32(bitPattern: event.number)
        irqfd.gsi = source
        try request("attach interrupt source \(source)", on: descriptor, KVM_IRQFD_REQUEST, with: &irqfd)
    }

    /// Makes guest writes of any width at a memory address wake an event descriptor instead of leaving the guest.
    package func attachDoorbell(_ event: borrowing Descriptor, address: UInt64) throws(KVMError) {
        try setDoorbell("attach", event, address, flags: 0)
    }

    package func detachDoorbell(_ event: borrowing Descriptor, address: UInt64) throws(KVMError) {
        try setDoorbell("detach", event, address, flags: UInt32(1 << kvm_ioeventfd_flag_nr_deassign))
    }

    private func setDoorbell(_ verb: String, _ event: borrowing Descriptor, _ address: UInt64, flags: UInt32) throws(KVMError) {
        var doorbell = kvm_ioeventfd()
        doorbell.addr = address
        doorbell.fd = event.number
        doorbell.flags = flags
        try request("\(verb) a doorbell at \(address)", on: descriptor, KVM_IOEVENTFD_REQUEST, with: &doorbell)
    }

    /// Replaces the whole routing table: the fixed lines of the interrupt controllers, then one entry for each MSI source.
    package func setRoutes(messages: [MessageRoute]) throws(KVMError) {
        var entries: [kvm_irq_routing_entry] = []
        for line in UInt32(0)..<24 {
            // As every PC is wired: the timer reaches the IOAPIC at pin 2, and the cascade line 2 is nobody's.
            if line < 16, line != 2 {
                let chip = line < 8 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE
                entries.append(Self.route(line, chip: UInt32(chip), pin: line % 8))
            }
            if line != 2 { entries.append(Self.route(line, chip: UInt32(KVM_IRQCHIP_IOAPIC), pin: line == 0 ? 2 : line)) }
        }
        for message in messages {
            var entry = kvm_irq_routing_entry()
            entry.gsi = message.source
            entry.type = UInt32(KVM_IRQ_ROUTING_MSI)
            unsafe entry.u.msi.address_lo = UInt32(truncatingIfNeeded: message.address)
            unsafe entry.u.msi.address_hi = UInt32(truncatingIfNeeded: message.address >> 32)
            unsafe entry.u.msi.data = message.data
            entries.append(entry)
        }
        _ = try request(
            "set the interrupt routes", on: descriptor, KVM_SET_GSI_ROUTING_REQUEST, count: UInt32(entries.count), elements: &entries)
    }

    private static func route(_ line: UInt32, chip: UInt32, pin: UInt32) -> kvm_irq_routing_entry {
        var entry = kvm_irq_routing_entry()
        entry.gsi = line
        entry.type = UInt32(KVM_IRQ_ROUTING_IRQCHIP)
        unsafe entry.u.irqchip.irqchip = chip
        unsafe entry.u.irqchip.pin = pin
        return entry
    }
}

/// What a message-signalled interrupt source sends: a guest's MSI-X table entry.
package struct MessageRoute: Hashable, Sendable {
    package var source: UInt32
    package var address: UInt64
    package var data: UInt32

    package init(source: UInt32, address: UInt64, data: UInt32) {
        self.source = source
        self.address = address
        self.data = data
    }
}
