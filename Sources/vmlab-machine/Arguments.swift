import Processor
import VMM

/// What the command line asks for.
enum Request {
    case run(MachineConfiguration)
    case measure
    case showCPU
    case dumpTables(folder: String, cpus: Int)
    case help
    case version
}

/// A command line that cannot be followed.
struct UsageError: Error {
    var reason: String
}

extension Request {
    /// Reads the arguments after the program's name. Every option takes its value as the next argument or after `=`.
    init(_ arguments: [String]) throws(UsageError) {
        var options: [(name: String, value: String)] = []
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            switch argument {
            case "--help", "-h":
                self = .help
                return
            case "--version":
                self = .version
                return
            case "--measure-kvm":
                self = .measure
                return
            case "--show-cpu":
                self = .showCPU
                return
            default: break
            }
            guard argument.hasPrefix("--") else { throw UsageError(reason: "\"\(argument)\" is no option") }
            if Self.switches.contains(argument) {
                options.append((argument, ""))
                continue
            }
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0])
            guard Self.known.contains(name) else { throw UsageError(reason: "\(name) is no option of this program") }
            guard let value = parts.count == 2 ? String(parts[1]) : rest.popFirst() else {
                throw UsageError(reason: "\(name) needs a value")
            }
            guard Self.repeatable.contains(name) || !options.contains(where: { $0.name == name }) else {
                throw UsageError(reason: "\(name) is given twice")
            }
            options.append((name, value))
        }
        func value(_ name: String) -> String? { options.first { $0.name == name }?.value }

        let cpus = try Self.cpus(value("--cpus"))
        if let folder = value("--dump-acpi") {
            self = .dumpTables(folder: folder, cpus: cpus)
            return
        }
        guard let name = value("--name"), !name.isEmpty else { throw UsageError(reason: "--name is missing") }
        guard let memory = value("--memory") else { throw UsageError(reason: "--memory is missing") }
        var configuration = MachineConfiguration(name: name, ram: try Self.memory(memory))
        if let kernel = value("--kernel") { configuration.kernel = try Self.descriptor("--kernel", kernel) }
        if let firmware = value("--firmware") { configuration.firmware = try Self.descriptor("--firmware", firmware) }
        guard configuration.kernel != nil || configuration.firmware != nil else {
            throw UsageError(reason: "--kernel or --firmware is missing")
        }
        if let text = value("--nvram") {
            guard configuration.firmware != nil else { throw UsageError(reason: "--nvram is for --firmware") }
            configuration.nvram = try Self.nvram(text)
        }
        configuration.cpus = cpus
        if let text = value("--cpu") {
            do throws(CPUChoice.Fault) {
                configuration.cpu = try CPUChoice(text)
            } catch {
                throw UsageError(reason: "--cpu: \(error)")
            }
        }
        if let text = value("--boot") {
            guard let boot = BootProtocol(rawValue: text) else {
                throw UsageError(reason: "--boot takes auto, linux, pvh, multiboot or multiboot2, not \"\(text)\"")
            }
            configuration.boot = boot
        }
        if let text = value("--board") {
            guard let board = BoardModel(rawValue: text) else {
                throw UsageError(reason: "--board takes pc or cloud-hypervisor, not \"\(text)\"")
            }
            guard board == .pc || configuration.firmware == nil else {
                throw UsageError(reason: "--board \(text) is for firmware that is entered as a kernel: give it as --kernel")
            }
            configuration.board = board
        }
        for (name, text) in options where name == "--initrd" || name == "--module" {
            configuration.modules.append(try Self.module(name, text))
        }
        configuration.commandLine = value("--cmdline") ?? ""
        configuration.serial = try Self.stream("--serial", value("--serial"))
        configuration.secondSerial = try Self.stream("--com2", value("--com2"))
        configuration.console = try Self.stream("--console", value("--console"))
        configuration.control = try Self.stream("--control", value("--control"))
        configuration.debug = try Self.stream("--debug", value("--debug"))
        for (_, text) in options.filter({ $0.name == "--disk" }) { configuration.disks.append(try Self.disk(text)) }
        for (_, text) in options.filter({ $0.name == "--cdrom" }) { configuration.disks.append(try Self.cdrom(text)) }
        for (_, text) in options.filter({ $0.name == "--net" }) { configuration.networks.append(try Self.network(text)) }
        try Self.check(configuration)
        if let text = value("--triple-fault") {
            guard text == "exit" || text == "reset" else { throw UsageError(reason: "--triple-fault takes exit or reset, not \"\(text)\"") }
            configuration.resetsOnTripleFault = text == "reset"
        }
        configuration.isTransitional = value("--transitional") != nil
        configuration.hasHPET = value("--hpet") != nil
        configuration.hasTestDevices = value("--test-devices") != nil
        self = .run(configuration)
    }

    /// Options without a value.
    private static let switches = ["--test-devices", "--transitional", "--hpet"]

    private static let repeatable = ["--disk", "--cdrom", "--net", "--module"]

    private static let known = [
        "--name", "--memory", "--cpus", "--cpu", "--boot", "--board", "--kernel", "--initrd", "--module", "--cmdline", "--disk", "--cdrom",
        "--net",
        "--serial",
        "--com2",
        "--console", "--control", "--debug", "--firmware", "--nvram",
        "--triple-fault", "--dump-acpi",
    ]

    private static func cpus(_ text: String?) throws(UsageError) -> Int {
        guard let text else { return 1 }
        guard let count = Int(text), (1...MachineConfiguration.cpuLimit).contains(count) else {
            throw UsageError(reason: "--cpus takes 1 to \(MachineConfiguration.cpuLimit), not \"\(text)\"")
        }
        return count
    }

    /// A number with its unit: 256MiB, 2GiB.
    private static func memory(_ text: String) throws(UsageError) -> RAMLayout {
        let units: [(String, UInt64)] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)]
        for (unit, size) in units where text.hasSuffix(unit) {
            guard let number = UInt64(text.dropLast(unit.count)) else { break }
            let (count, overflow) = number.multipliedReportingOverflow(by: size)
            guard !overflow, let layout = RAMLayout(byteCount: count) else {
                throw UsageError(reason: "--memory takes 2MiB to 4TiB in steps of 4KiB, not \(text)")
            }
            return layout
        }
        throw UsageError(reason: "--memory takes a number with a unit, such as 256MiB, not \"\(text)\"")
    }

    static func descriptor(_ option: String, _ text: String) throws(UsageError) -> Int32 {
        guard let number = Int32(text), number >= 0 else {
            throw UsageError(reason: "\(option) takes the number of an open descriptor, not \"\(text)\"")
        }
        return number
    }

    /// FD, or FD:TEXT for --module.
    private static func module(_ option: String, _ text: String) throws(UsageError) -> MachineConfiguration.ModuleUnit {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map { String($0) }
        guard option == "--module" || parts.count == 1 else {
            throw UsageError(reason: "--initrd takes the number of an open descriptor, not \"\(text)\"")
        }
        return MachineConfiguration.ModuleUnit(
            option: option, descriptor: try descriptor(option, parts[0]), text: parts.count == 2 ? parts[1] : "")
    }

    private static func stream(_ option: String, _ text: String?) throws(UsageError) -> MachineConfiguration.StreamEnds? {
        guard let text else { return nil }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { String($0) }
        guard parts.count <= 2 else { throw UsageError(reason: "\(option) takes IN or IN:OUT, not \"\(text)\"") }
        return MachineConfiguration.StreamEnds(
            input: try descriptor(option, parts[0]), output: try descriptor(option, parts.count == 2 ? parts[1] : parts[0]))
    }
}
