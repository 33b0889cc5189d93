internal import Devices
internal import Glibc
internal import Host
internal import Synchronization

/// What a machine begins with at power-on and at each reset: a kernel that a boot protocol enters, or firmware at the reset vector.
enum Beginning {
    case kernel(BootPlan, kernel: BlobFile, modules: [BlobFile])
    case firmware(FirmwareMemory, nvram: (any Disk)?, FirmwareItems.Payload?)

    /// Opens and checks the boot inputs.
    init(_ configuration: MachineConfiguration, _ descriptors: inout DescriptorTable, trouble: @escaping @Sendable (String) -> Void) throws
    {
        let kernel: BlobFile? =
            if let number = configuration.kernel { try BlobFile(SharedDescriptor(descriptors.take(number))) } else { nil }
        var modules: [BlobFile] = []
        for unit in configuration.modules { modules.append(try BlobFile(SharedDescriptor(descriptors.take(unit.descriptor)))) }
        let commandLine = Array(configuration.commandLine.utf8)
        guard let number = configuration.firmware else {
            guard let kernel else { throw MachineFailure(.usage, "neither --kernel nor --firmware says what the machine begins with") }
            let plan = try BootPlan.make(
                configuration.boot, kernel: kernel,
                modules: zip(modules, configuration.modules).map { BootModule($0, text: Array($1.text.utf8)) },
                commandLine: commandLine, ram: configuration.ram)
            self = .kernel(plan, kernel: kernel, modules: modules)
            return
        }
        let rom = try BlobFile(SharedDescriptor(descriptors.take(number)))
        if let unit = configuration.nvram, !unit.isReadOnly, fcntl(unit.delta ?? unit.descriptor, F_GETFL) & O_ACCMODE == O_RDONLY {
            throw BootError.nvram("they are open for reading only; with read-only on the command line, changes are lost at power-off")
        }
        let nvram: (any Disk)?
        do {
            nvram = try configuration.nvram?.open(&descriptors)
        } catch let failure as MachineFailure {
            throw failure
        } catch {
            throw BootError.nvram("\(error)")
        }
        let payload = try kernel.map { try Self.payload($0, modules, commandLine) }
        self = .firmware(try FirmwareMemory(rom: rom, nvram: nvram, trouble: trouble), nvram: nvram, payload)
    }

    /// What events call it: the boot protocol, or "firmware".
    var name: String {
        switch self {
        case .kernel(let plan, _, _): plan.chosen.rawValue
        case .firmware: "firmware"
        }
    }

    var isFirmware: Bool { if case .firmware = self { true } else { false } }

    /// Firmware's own ways take one initial RAM disk, and sizes of 32 bits.
    private static func payload(_ kernel: BlobFile, _ modules: [BlobFile], _ commandLine: [UInt8]) throws(BootError)
        -> FirmwareItems.Payload
    {
        guard modules.count <= 1 else { throw .initrd("firmware hands over one, not \(modules.count)") }
        guard kernel.byteCount > 0, kernel.byteCount <= UInt64(UInt32.max) else { throw .kernel("it has \(kernel.byteCount) bytes") }
        for module in modules where module.byteCount > UInt64(UInt32.max) { throw .initrd("it has \(module.byteCount) bytes") }
        guard commandLine.count <= BootLayout.commandLineLimit, !commandLine.contains(0) else {
            throw .commandLine("is longer than \(BootLayout.commandLineLimit) bytes or holds a zero byte")
        }
        return FirmwareItems.Payload(kernel: kernel, initrd: modules.first, commandLine: commandLine)
    }

    /// The end of the machine: what firmware has stored is on the medium.
    /// - Returns: why not.
    func saveVariables() -> String? {
        guard case .firmware(let memory, let nvram?, _) = self, let flash = memory.flash else { return nil }
        guard flash.save() else { return "not all variables could be saved" }
        do throws(DiskError) { try nvram.flush() } catch { return "\(error)" }
        return nil
    }
}

extension MachineConfiguration.DiskUnit {
    /// Takes the disk over and locks it if the machine writes to it: two that write to one disk destroy it. The lock is the open file's: whoever opened it for
    /// this machine may hold it already.
    func open(_ descriptors: inout DescriptorTable) throws -> any Disk {
        let base = try descriptors.take(descriptor)
        guard let delta else {
            if !isReadOnly { try Self.lock(base, id) }
            return try FileDisk(base, isReadOnly: isReadOnly)
        }
        let changes = try descriptors.take(delta)
        if !isReadOnly { try Self.lock(changes, id) }
        return try DeltaDisk(base: base, delta: changes, isReadOnly: isReadOnly)
    }

    private static func lock(_ file: borrowing Descriptor, _ id: String) throws {
        guard try !file.lock() else { return }
        throw MachineFailure(.busy, "disk \(id) is in use: another machine writes to it, or an image is made of it; stop that one first")
    }
}

/// Trouble that may be told of before there is anybody to tell.
final class TroubleRelay: Sendable {
    private let target = Mutex<(@Sendable (String, String) -> Void)?>(nil)

    func attach(_ target: @escaping @Sendable (String, String) -> Void) { self.target.withLock { $0 = target } }

    func report(_ device: String, _ detail: String) { target.withLock { $0 }?(device, detail) }
}
