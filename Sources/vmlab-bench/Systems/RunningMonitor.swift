import Foundation
import Glibc
import Host

/// A monitor with a system in it, from its start to the value's end.
final class RunningMonitor {
    private let process: ChildProcess
    private let console: Descriptor
    private let begin: UInt64
    /// What the system and the monitor have said.
    private(set) var said = ""

    /// - Parameter memory: MiB.
    init(_ contender: Contender, _ system: BootedSystem, memory: Int) throws {
        let pipe = try Pipe().split()
        console = Descriptor(owning: pipe.reader)
        let output = SharedDescriptor(Descriptor(owning: pipe.writer))
        let nothing = SharedDescriptor(try Descriptor.open("/dev/null", O_RDWR))
        var command = contender == .own ? try Command(own: system, memory) : try Command(contender, system, memory)
        command.descriptors += [nothing, output, output].enumerated().map { (CInt($0.offset), $0.element) }
        begin = EventLoop.now()
        process = try ChildProcess(
            program: command.program, arguments: [command.program] + command.arguments,
            environment: ["PATH=/usr/bin:/bin", "HOME=/", "TMPDIR=/tmp"],
            inherited: command.descriptors.map { .init($0.number, from: $0.file.number) })
    }

    deinit {
        process.signal(SIGKILL)
        _ = try? process.wait(limitMilliseconds: 10_000)
    }

    /// What it took until the system said that it is up.
    struct Took: Codable {
        /// Seconds.
        var wall: Double
        /// User and system time of the monitor with all its threads; the guest's is part of it.
        var cpu: Double
    }

    /// Waits until the system says that it is up; `nil` when the monitor ends before, or the time is over.
    func untilReady(_ text: String, seconds: Double) throws -> Took? {
        let deadline = begin + UInt64(seconds * 1e9)
        var plain = PlainText()
        while true {
            let now = EventLoop.now()
            guard now < deadline else { return nil }
            var request = pollfd(fd: console.number, events: Int16(POLLIN), revents: 0)
            // Safe because the structure outlives the call.
            guard unsafe poll(&request, 1, CInt((deadline - now) / 1_000_000) + 1) > 0 else { continue }
            let bytes = try console.read(upTo: 65536)
            if bytes.isEmpty { return nil }
            said += plain.take(bytes)
            if said.contains(text) { return Took(wall: Double(EventLoop.now() - begin) / 1e9, cpu: cpuSeconds()) }
        }
    }

    private func cpuSeconds() -> Double {
        var clock = clockid_t()
        var time = timespec()
        // Safe because both outlive the calls.
        guard unsafe clock_getcpuclockid(process.pid, &clock) == 0, unsafe clock_gettime(clock, &time) == 0 else { return .nan }
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

/// A program with its arguments and what stands at its descriptors.
private struct Command {
    var program: String
    var arguments: [String]
    var descriptors: [(number: CInt, file: SharedDescriptor)] = []

    init(own system: BootedSystem, _ memory: Int) throws {
        program = try Programs.sibling("vmlab-machine")
        arguments = ["--name", system.name, "--memory", "\(memory)MiB", "--cpus", "1", "--serial", "0:1"]
        if !system.commandLine.isEmpty { arguments += ["--cmdline", system.commandLine] }
        if let kernel = system.kernel { arguments += ["--boot", system.bootProtocol, "--kernel", "\(try add(kernel))"] }
        if let initrd = system.initrd { arguments += ["--initrd", "\(try add(initrd))"] }
        for module in system.modules { arguments += ["--module", "\(try add(module.path)):\(module.text)"] }
        if let firmware = system.firmware { arguments += ["--firmware", "\(try add(firmware))"] }
        if let nvram = system.nvram { arguments += ["--nvram", "fd=\(try add(nvram)),delta=\(try addDelta(of: nvram))"] }
        if let disk = system.disk { arguments += ["--disk", "id=disk0,fd=\(try add(disk.path)),delta=\(try addDelta(of: disk.path))"] }
    }

    /// QEMU's.
    init(_ contender: Contender, _ system: BootedSystem, _ memory: Int) throws {
        program = try Emulator.program()
        // A PCI bus is for those that have a disk.
        let type = contender == .microvm && system.disk != nil ? "microvm,pcie=on" : contender.rawValue
        arguments = [
            "-M", type, "-accel", "kvm", "-cpu", "host", "-smp", "1", "-m", "\(memory)", "-nodefaults", "-no-user-config", "-nographic",
            "-no-reboot", "-serial", "stdio",
        ]
        if let kernel = system.kernel { arguments += ["-kernel", kernel, "-append", system.commandLine] }
        if let initrd = system.initrd { arguments += ["-initrd", initrd] }
        if !system.modules.isEmpty {
            // QEMU's words for a module begin with its path, which takes the name's place.
            let list = system.modules.map { module in
                ([module.path] + module.text.split(separator: " ").dropFirst().map(String.init)).joined(separator: " ")
            }
            arguments += ["-initrd", list.joined(separator: ",")]
        }
        if let firmware = system.firmware, let nvram = system.nvram {
            arguments += ["-drive", "if=pflash,unit=0,format=raw,readonly=on,file=\(firmware)"]
            arguments += ["-drive", "if=pflash,unit=1,format=raw,snapshot=on,file=\(nvram)"]
        } else if let firmware = system.firmware {
            arguments += ["-bios", firmware]
        }
        if let disk = system.disk {
            arguments += ["-drive", "if=none,id=d,format=raw,snapshot=on,file=\(disk.path)"]
            arguments += ["-device", "virtio-blk-pci,drive=d"]
        }
    }

    /// - Returns: its number in the monitor.
    private mutating func add(_ path: String) throws -> CInt { add(SharedDescriptor(try Descriptor.open(path, O_RDONLY))) }

    /// An empty delta: what the monitor writes goes away with it.
    private mutating func addDelta(of base: String) throws -> CInt {
        let delta = try Descriptor.memory(name: "delta")
        let size = try FileStatus(of: base).size
        guard ftruncate(delta.number, off_t(DeltaDisk.length(forBaseOf: size))) == 0 else {
            throw BenchmarkError("no memory for what is written to \(base)")
        }
        return add(SharedDescriptor(delta))
    }

    private mutating func add(_ file: SharedDescriptor) -> CInt {
        let number = CInt(10 + descriptors.count)
        descriptors.append((number, file))
        return number
    }
}

/// What a terminal would show of a console, line by line: without control sequences.
struct PlainText {
    private enum State { case text, escape, sequence }
    private var state = State.text

    mutating func take(_ bytes: [UInt8]) -> String {
        var plain: [UInt8] = []
        for byte in bytes {
            switch (state, byte) {
            case (_, 0x1B): state = .escape
            case (.escape, UInt8(ascii: "[")): state = .sequence
            case (.escape, _): state = .text
            case (.sequence, 0x40...0x7E): state = .text
            case (.sequence, _): break
            case (.text, 0x0A), (.text, 0x20...): plain.append(byte)
            case (.text, _): break
            }
        }
        return String(decoding: plain, as: UTF8.self)
    }
}
