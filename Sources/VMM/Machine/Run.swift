internal import Devices
internal import Host
internal import Processor
internal import Synchronization

/// One life of a machine, from entry to its ending: a virtual machine of the kernel, the board, and the threads.
///
/// A reset ends the run; the next one gets everything anew except RAM's mapping and the outside world. Nothing of the old one can be left over, not even in the
/// kernel: no clock that it shared with the guest, no half-sent interrupt.
final class Run {
    let board: Board
    private let control: RunControl
    private let machine: VirtualMachine
    private let vcpus: [VCPU]
    private let resetsOnTripleFault: Bool
    private let name: String
    private let ram: GuestRAM
    private let beginning: Beginning
    private var threads: [RunThread] = []

    /// A thread that is waited for once.
    private final class RunThread {
        private var thread: NamedThread?

        init(_ thread: consuming NamedThread) { self.thread = consume thread }

        func join() { thread.take()?.join() }
    }

    /// Everything up to the first instruction, top to bottom.
    init(
        _ configuration: MachineConfiguration, kvm: borrowing KVM, cpu: GuestCPU, ram: GuestRAM, beginning: Beginning,
        sockets: Board.Sockets,
        control: RunControl
    ) throws(MachineFailure) {
        self.control = control
        self.ram = ram
        self.beginning = beginning
        name = configuration.name
        resetsOnTripleFault = configuration.resetsOnTripleFault
        do {
            // The virtual machine: RAM, the kernel's own pages, interrupt controllers and timer. RAM comes first, because the kernel waits for its readers
            // whenever memory changes, and waits for milliseconds once the controllers have left it something to tidy up.
            machine = try kvm.makeMachine()
            try ram.attach(to: machine)
            if case .firmware(let memory, _, _) = beginning { try memory.attach(to: machine) }
            try machine.setKernelPages(tss: AddressMap.kvmTaskState, identityMap: AddressMap.kvmIdentityMap)
            try machine.createInterruptChips(ioapicID: UInt32(configuration.cpus))

            // The board.
            board = try Board(
                machine: machine, ram: ram, configuration, beginning: beginning, sockets: sockets, control: control)

            // vCPUs: CPUID before registers, since registers depend on it.
            var vcpus: [VCPU] = []
            for index in 0..<configuration.cpus {
                let vcpu = try machine.makeVCPU(index: index)
                let shape = CPUID.Shape(cpus: configuration.cpus, cpu: index, tscKilohertz: vcpu.tscKilohertz())
                try vcpu.setCPUID(cpu.leaves(for: shape))
                try vcpu.setModelRegisters(addressBits: cpu.addressBits, isFirmware: beginning.isFirmware)
                try vcpu.setFloatingPoint()
                try vcpu.setLocalInterrupts()
                vcpus.append(vcpu)
            }
            self.vcpus = vcpus

            // What the guest finds in memory.
            switch beginning {
            case .kernel(let plan, let kernel, let modules):
                try vcpus[0].setEntry(plan.entry)
                try ram.load(plan, kernel: kernel, modules: modules)
                var setting = ACPITables.Setting()
                setting.pmBase = configuration.board.pmBase
                setting.hasHPET = configuration.hasHPET
                for table in ACPITables(cpus: configuration.cpus, setting).tables { ram.memory.write(table.bytes, at: table.address) }
                let pieces = MPTable.pieces(cpus: configuration.cpus) + SMBIOS(ram: ram.layout, cpus: configuration.cpus).pieces
                for piece in pieces { ram.memory.write(piece.bytes, at: piece.address) }
            case .firmware(let memory, _, _):
                // The boot processor is as reset leaves it, at 0xFFFFFFF0; tables are firmware's business.
                memory.loadShadow(into: ram.memory)
            }
        } catch let error as KVMError {
            throw MachineFailure(.unavailable, "\(error)")
        } catch let error as BootError {
            throw MachineFailure(.bootInput, "\(error)")
        } catch let error as MachineFailure {
            throw error
        } catch {
            throw MachineFailure(.bug, "\(error)")
        }
    }

    /// Starts a thread for each virtio disk, each IDE channel with drives, and each vCPU.
    ///
    /// - Parameter whenEntering: called once, on the first vCPU's thread, before it enters the guest.
    func start(whenEntering: @escaping @Sendable () -> Void) throws(MachineFailure) {
        do throws(OSError) {
            for unit in board.disks {
                let control = control
                threads.append(
                    RunThread(
                        try NamedThread("disk \(unit.name)") { Self.serve(unit.bell, until: control) { unit.device.process(queue: 0) } }))
            }
            for channel in board.channels {
                let control = control
                threads.append(
                    RunThread(try NamedThread(channel.name) { Self.serve(channel.bell, until: control) { channel.device.process() } }))
            }
            for vcpu in vcpus {
                let loop = VCPULoop(
                    vcpu: vcpu, ports: board.ports, windows: board.windows, control: control, resetsOnTripleFault: resetsOnTripleFault)
                let isFirst = vcpu.index == 0
                threads.append(
                    RunThread(
                        try NamedThread("vcpu \(vcpu.index)") {
                            if isFirst { whenEntering() }
                            loop.run()
                        }))
            }
        } catch {
            control.end(.stopped)
            finish()
            throw MachineFailure(.system, "\(error)")
        }
    }

    /// - Parameter turn: true if there is more to do at once.
    private static func serve(_ bell: EventCounter, until control: RunControl, turn: () -> Bool) {
        while true {
            bell.take()
            repeat {
                if control.hasEnded { return }
            } while turn()
        }
    }

    /// Waits for all threads; `control` has ended.
    func finish() {
        for unit in board.disks { unit.bell.signal() }
        for channel in board.channels { channel.bell.signal() }
        for thread in threads { thread.join() }
        threads = []
        board.shutDown()
        if case .firmware(let memory, _, _) = beginning { memory.detach() }
    }
}
