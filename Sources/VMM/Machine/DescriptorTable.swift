internal import Glibc
internal import Host

/// The descriptors of the command line: all of them checked before this program opens anything of its own, each taken over once.
///
/// A number that nobody had opened could otherwise turn out to be a descriptor of ours by the time it is looked at.
struct DescriptorTable {
    private var untaken: Set<Int32> = []
    private var shared: [Int32: SharedDescriptor] = [:]

    /// Checks every number that the configuration names: open, and named by one option only.
    init(_ configuration: MachineConfiguration) throws(MachineFailure) {
        var owners: [Int32: String] = [:]
        for (number, option) in configuration.descriptors {
            if let owner = owners[number] {
                // One stream may go both ways over one descriptor.
                let both = owner == option ? "twice by \(option)" : "by \(owner) and by \(option)"
                throw MachineFailure(.usage, "descriptor \(number) is named \(both)")
            }
            guard fcntl(number, F_GETFD) >= 0 else { throw MachineFailure(.usage, "\(option): descriptor \(number) is not open") }
            owners[number] = option
        }
        untaken = Set(owners.keys)
    }

    /// For streams, whose two directions may share one descriptor.
    mutating func share(_ number: Int32) throws(MachineFailure) -> SharedDescriptor {
        if let known = shared[number] { return known }
        let descriptor = SharedDescriptor(try take(number))
        shared[number] = descriptor
        return descriptor
    }

    mutating func take(_ number: Int32) throws(MachineFailure) -> Descriptor {
        guard untaken.remove(number) != nil else { throw MachineFailure(.bug, "descriptor \(number) is not of the command line") }
        return Descriptor(owning: number)
    }
}

extension MachineConfiguration {
    /// Every descriptor that is named, with the option that names it, in the order of the help text.
    fileprivate var descriptors: [(number: Int32, option: String)] {
        var all: [(Int32, String)] = []
        if let kernel { all.append((kernel, "--kernel")) }
        if let firmware { all.append((firmware, "--firmware")) }
        if let nvram {
            all.append((nvram.descriptor, "--nvram"))
            if let delta = nvram.delta { all.append((delta, "--nvram")) }
        }
        all += modules.map { ($0.descriptor, $0.option) }
        for disk in disks {
            all.append((disk.descriptor, "\(disk.option) id=\(disk.id)"))
            if let delta = disk.delta { all.append((delta, "\(disk.option) id=\(disk.id)")) }
        }
        for network in networks { all.append((network.descriptor, "--net id=\(network.id)")) }
        for (option, ends) in [
            ("--serial", serial), ("--com2", secondSerial), ("--console", console), ("--control", control), ("--debug", debug),
        ] {
            guard let ends else { continue }
            all.append((ends.input, option))
            if ends.output != ends.input { all.append((ends.output, option)) }
        }
        return all
    }
}
