import Synchronization

/// A virtio device on PCI (virtio 1.2 section 4.1): configuration space, one 32 KiB memory window, MSI-X, and the queues. A transitional one also has the ports that
/// drivers of before version 1 know (`VirtioPCI+Legacy`).
///
///     window   0x0000 common configuration    0x3000 doorbells, 4 bytes a queue
///              0x1000 interrupt status        0x4000 MSI-X table
///              0x2000 device configuration    0x6000 MSI-X pending bits
///
/// How it is wired:
///
///     let disk = VirtioPCI(VirtioBlock(storage: ..., serial: ...), at: PCIAddress(device: 2), memory: ram, bus: mmio,
///                          sink: msi, pin: isaBridge.line(device: 2, pin: 1), doorbells: bells)
///     let pci = PCIBus([..., PCIAddress(device: 2): disk])
///     pci.placeWindows()                       // where no firmware does it
///     // worker thread of queue q, each time its doorbell rang:
///     while disk.process(queue: q) {}
///
/// Guest registers sit behind one lock, each running queue behind its own; a worker holds only its queue's. A reset waits for the turns in progress, so after it
/// nothing touches guest memory or interrupts. The doorbell path takes no lock at all.
package final class VirtioPCI: PCIFunction, BusDevice {
    private struct State {
        var config: PCIConfigSpace
        var window: PCIWindow
        /// The legacy ports, where the function is transitional.
        var legacyWindow: PCIWindow?
        var registers: VirtioRegisters
        var hasStarted = false
    }

    /// One queue's place: filled while the driver runs it.
    private final class Slot: Sendable {
        let queue = Mutex(Running())
        /// Tells the turn in progress to end; replaced at each start.
        let signals = Mutex<QueueSignals?>(nil)

        struct Running: ~Copyable, Sendable {
            var queue: Virtqueue?
        }
    }

    package let device: any VirtioDevice
    package let address: PCIAddress
    private let memory: GuestMemory
    private let bus: Bus
    private let ports: Bus?
    let doorbells: any Doorbells
    let interrupts: VirtioInterrupts
    private let slots: [Slot]
    private let state: Mutex<State>
    private let capabilities: Capabilities
    /// The driver broke a queue's rules; nothing runs until it resets the device.
    private let needsReset = Atomic<Bool>(false)
    private let isBusMaster = Atomic<Bool>(false)
    private let whenDriven: @Sendable () -> Void
    private let generation = Atomic<UInt8>(0)

    /// - Parameters:
    ///   - memory: what the device may reach.
    ///   - bus: where its window is opened.
    ///   - ports: where its legacy ports are opened: it is transitional then.
    ///   - sink: takes `queueCount + 1` MSI-X vectors.
    ///   - pin: INTA of the slot.
    ///   - whenDriven: called each time a driver is ready, with the guest's registers locked: it says so and comes back.
    package init(
        _ device: any VirtioDevice, at address: PCIAddress, memory: GuestMemory, bus: Bus, ports: Bus? = nil, sink: any MSISink,
        pin: any InterruptLine,
        doorbells: any Doorbells, whenDriven: @escaping @Sendable () -> Void = {}
    ) {
        precondition(!device.queueSizes.isEmpty && device.queueSizes.count <= Layout.queueLimit)
        precondition(device.queueSizes.allSatisfy { $0 > 0 && $0 <= 1 << 15 && $0 & ($0 - 1) == 0 })
        self.device = device
        self.address = address
        self.memory = memory
        self.bus = bus
        self.ports = ports
        self.doorbells = doorbells
        self.whenDriven = whenDriven
        interrupts = VirtioInterrupts(queues: device.queueSizes.count, sink: sink, pin: pin)
        slots = device.queueSizes.map { _ in Slot() }
        var config = PCIConfigSpace(
            vendor: 0x1AF4, device: ports == nil ? 0x1040 + device.identity.type : Legacy.deviceID(device.identity.type),
            revision: ports == nil ? 1 : 0, classCode: device.identity.classCode)
        config.set16(PCIConfigSpace.Register.subsystemVendor, 0x1AF4)
        // By which a legacy driver knows the device.
        config.set16(PCIConfigSpace.Register.subsystem, ports == nil ? 0x1100 : device.identity.type)
        config.set8(PCIConfigSpace.Register.interruptPin, 1)
        config.set8(
            PCIConfigSpace.Register.interruptLine, UInt8(truncatingIfNeeded: AddressMap.pciIRQ(device: address.device, pin: 1)),
            writable: 0xFF)
        // Window 0 is where legacy drivers look for their ports.
        let bar: UInt8 = ports == nil ? 0 : 1
        let window = PCIWindow(Int(bar), count: Layout.byteCount, in: &config)
        let legacyWindow = ports.map { _ in PCIWindow(0, count: Legacy.byteCount, .ports, offset: Layout.legacy, in: &config) }
        capabilities = Capabilities(in: &config, bar: bar, queues: device.queueSizes.count, configurationCount: device.configuration.count)
        config.seal()
        let registers = VirtioRegisters(
            features: device.features, queueSizes: device.queueSizes, memory: memory, accepts: { device.accepts(features: $0) })
        state = Mutex(State(config: config, window: window, legacyWindow: legacyWindow, registers: registers))
    }

    package var queueCount: Int { slots.count }

    /// Where the window is open now, for messages and tests.
    package var windowAddress: UInt64? { state.withLock { $0.window.address } }

    // MARK: Work

    /// One turn of a queue, on its worker's thread. Costs almost nothing when there is nothing to do.
    /// - Returns: true if there is more to do at once.
    package func process(queue index: Int) -> Bool {
        guard slots.indices.contains(index), canRun else { return false }
        let slot = slots[index]
        do throws(VirtqueueError) {
            return try slot.queue.withLock { (running) throws(VirtqueueError) in
                // Looked at again under the lock: a reset may have come first.
                guard canRun, running.queue != nil else { return false }
                return try device.process(queue: index, &running.queue!)
            }
        } catch {
            refuse()
            return false
        }
    }

    private var canRun: Bool { isBusMaster.load(ordering: .acquiring) && !needsReset.load(ordering: .acquiring) }

    /// The driver broke the rules: the device stops and says so.
    private func refuse() {
        if !needsReset.exchange(true, ordering: .acquiringAndReleasing) { interrupts.configuration() }
    }

    /// Whether the device waits for the driver to reset it.
    package var isBroken: Bool { needsReset.load(ordering: .acquiring) }

    /// The device's configuration changed: the driver is told.
    package func configurationChanged() {
        generation.wrappingAdd(1, ordering: .acquiringAndReleasing)
        interrupts.configuration()
    }

    /// The guest's registers, for a look.
    func withRegisters<Value>(_ body: (VirtioRegisters) -> Value) -> Value { state.withLock { body($0.registers) } }

    /// The guest changes its registers: what follows from that is done at once.
    func change(_ body: (inout VirtioRegisters) -> VirtioRegisters.Effect) { state.withLock { apply(body(&$0.registers), &$0) } }

    private func start(_ state: inout State) {
        let features = state.registers.accepted
        if !state.hasStarted {
            device.negotiated(features: features)
            whenDriven()
        }
        state.hasStarted = true
        for (index, slot) in slots.enumerated() {
            guard let geometry = state.registers.queues[index].geometry, slot.queue.withLock({ $0.queue == nil }) else { continue }
            let signals = QueueSignals { [interrupts] in interrupts.queue(index) }
            slot.signals.withLock { $0 = signals }
            slot.queue.withLock { running in
                running.queue = Virtqueue(
                    geometry, memory: memory, hasEventIndex: features & VirtioRegisters.Feature.eventIndex != 0,
                    hasIndirect: features & VirtioRegisters.Feature.indirect != 0, signals: signals)
            }
            // Chains may have been made available before the driver was ready.
            doorbells.ring(queue: index)
        }
    }

    /// Ends all turns and waits for them; then nothing of the device touches the guest.
    private func stop() {
        for slot in slots { slot.signals.withLock { $0?.stop() } }
        for slot in slots {
            slot.queue.withLock { $0.queue = nil }
            slot.signals.withLock { $0 = nil }
        }
    }

    private func reset(_ state: inout State) {
        stop()
        if state.hasStarted { device.reset() }
        state.hasStarted = false
        state.registers.reset()
        interrupts.reset()
        needsReset.store(false, ordering: .releasing)
    }

    /// Stops all queues for good, as for the end of the machine; the guest sees a device that needs a reset.
    package func shutDown() {
        needsReset.store(true, ordering: .releasing)
        stop()
    }

    // MARK: The window

    package func read(offset: UInt64, width: AccessWidth) -> UInt64 {
        switch Layout.part(of: offset) {
        case .common(let place):
            return state.withLock { state in
                state.registers.read(
                    offset: place, width: width,
                    VirtioRegisters.Surroundings(
                        needsReset: needsReset.load(ordering: .acquiring), generation: generation.load(ordering: .acquiring),
                        configVector: interrupts.configVector, queueVector: { [interrupts] in interrupts.vector(ofQueue: $0) }))
            }
        case .interruptStatus(let place): return place == 0 ? UInt64(interrupts.takeStatus()) : 0
        case .device(let place): return readConfiguration(place, width)
        case .doorbell: return 0
        case .table(let place): return interrupts.msix.readTable(offset: place, width: width)
        case .pending(let place): return interrupts.msix.readPending(offset: place, width: width)
        case .legacy(let place): return readLegacy(place, width)
        case .nothing: return 0
        }
    }

    package func write(offset: UInt64, width: AccessWidth, value: UInt64) {
        switch Layout.part(of: offset) {
        case .doorbell(let place): ring(place, width)
        case .common(let place): state.withLock { writeCommon(place, width, value, &$0) }
        case .device(let place):
            width.scatter(value) { index, byte in
                guard let offset = Int(exactly: place &+ index), offset < device.configuration.count else { return }
                device.writeConfiguration(offset: offset, value: byte)
            }
        case .table(let place): interrupts.msix.writeTable(offset: place, width: width, value: value)
        case .legacy(let place): writeLegacy(place, width, value)
        case .interruptStatus, .pending, .nothing: break
        }
    }

    /// The queue is known by where the write went; what was written repeats it.
    private func ring(_ place: UInt64, _ width: AccessWidth) {
        let index = place / Layout.doorbellSpacing
        guard width == .two || width == .four, place % Layout.doorbellSpacing == 0, index < UInt64(slots.count) else { return }
        doorbells.ring(queue: Int(truncatingIfNeeded: index))
    }

    func readConfiguration(_ place: UInt64, _ width: AccessWidth) -> UInt64 {
        let bytes = device.configuration
        return width.gathered { index in
            guard let offset = Int(exactly: place &+ index), offset < bytes.count else { return 0 }
            return bytes[offset]
        }
    }

    private func writeCommon(_ place: UInt64, _ width: AccessWidth, _ value: UInt64, _ state: inout State) {
        apply(state.registers.write(offset: place, width: width, value: value), &state)
    }

    private func apply(_ effect: VirtioRegisters.Effect, _ state: inout State) {
        switch effect {
        case .none: break
        case .start: start(&state)
        case .stop: stop()
        case .reset: reset(&state)
        case .badQueue: refuse()
        case .configVector(let vector): interrupts.setConfigVector(vector)
        case .queueVector(let index, let vector): interrupts.setVector(vector, ofQueue: index)
        }
    }

    // MARK: Configuration space

    package func readConfig(offset: Int, width: AccessWidth) -> UInt32 {
        if offset == capabilities.accessData {
            // Through the window's own path, outside the lock, as if the guest had used the window.
            let target = state.withLock { capabilities.accessTarget(offset: offset, $0.config) }
            let value = target.map { read(offset: $0.offset, width: $0.width) } ?? 0
            state.withLock { $0.config.store(capabilities.accessData, UInt32(truncatingIfNeeded: value), width: .four) }
        }
        var value = state.withLock { $0.config.read(offset: offset, width: width) }
        let status = PCIConfigSpace.Register.status
        if offset <= status, offset + width.rawValue > status, interrupts.isPending {
            value |= UInt32(PCIConfigSpace.Status.interrupt) << UInt32((status - offset) * 8)
        }
        return value
    }

    package func writeConfig(offset: Int, width: AccessWidth, value: UInt32) {
        let target = state.withLock { state in
            state.config.write(offset: offset, width: width, value: value)
            if state.window.isTouched(by: offset, width) || state.legacyWindow?.isTouched(by: offset, width) == true { follow(&state) }
            if capabilities.isControl(offset, width) {
                let control = state.config.word(capabilities.msix + 2)
                interrupts.msix.setControl(enabled: control & 0x8000 != 0, masked: control & 0x4000 != 0)
            }
            interrupts.follow(isPinDisabled: state.config.command & PCIConfigSpace.Command.interruptDisable != 0)
            return capabilities.accessTarget(offset: offset, state.config)
        }
        if let target { write(offset: target.offset, width: target.width, value: UInt64(value) & target.width.allOnes) }
    }

    /// Makes the window, the doorbells and the right to reach memory follow the command register and the BAR.
    private func follow(_ state: inout State) {
        let (closed, opened) = state.window.follow(state.config, on: bus, for: self)
        for index in slots.indices {
            let offset = Layout.doorbells.lowerBound + UInt64(index) * Layout.doorbellSpacing
            if let closed { doorbells.disarm(queue: index, at: closed &+ offset) }
            if let opened { doorbells.arm(queue: index, at: opened &+ offset) }
        }
        if let ports { _ = state.legacyWindow?.follow(state.config, on: ports, for: self) }
        let isMaster = state.config.command & PCIConfigSpace.Command.busMaster != 0
        if isMaster != isBusMaster.exchange(isMaster, ordering: .acquiringAndReleasing), isMaster {
            // Doorbells that rang in between were not answered.
            for index in slots.indices { doorbells.ring(queue: index) }
        }
    }

    package func placeWindows(in space: inout PCISpace) {
        state.withLock { state in
            guard let place = space.take(state.window.count) else { return }
            state.window.point(at: place, in: &state.config)
            var command = PCIConfigSpace.Command.memoryDecode | PCIConfigSpace.Command.busMaster
            if let legacy = state.legacyWindow, let place = space.takePorts(legacy.count) {
                legacy.point(at: place, in: &state.config)
                command |= PCIConfigSpace.Command.portDecode
            }
            state.config.write(offset: PCIConfigSpace.Register.command, width: .two, value: UInt32(command))
            follow(&state)
        }
    }

    package func resetFunction() {
        state.withLock { state in
            reset(&state)
            state.config.reset()
            follow(&state)
            interrupts.msix.reset()
            interrupts.follow(isPinDisabled: false)
        }
    }
}
