package import LabModel

/// The descriptor numbers of a launch. They are the same for every machine, so that two launches differ only where the
/// machines do, and they leave 0 to 2 to the shell that a launch is pasted into.
enum DescriptorNumber {
    static let control: Int32 = 3
    static let serial: Int32 = 4
    static let console: Int32 = 5
    static let firmware: Int32 = 6
    static let variables: Int32 = 7
    static let variablesDelta: Int32 = 8
    static let secondSerial: Int32 = 9
    static let kernel: Int32 = 10
    static let initrd: Int32 = 11
    static let rootBase: Int32 = 12
    static let rootDelta: Int32 = 13
    /// Extra disks from here up, in their order.
    static let extraDisks: Int32 = 14
    /// Network ports from here up, in their order: beyond the 16 disks that a machine may have.
    static let ports: Int32 = 30
    /// What lies in CD drives, from here up: beyond the ports.
    static let media: Int32 = 40
    /// Modules from here up, in their order: beyond the ports.
    static let modules: Int32 = 64
}

extension MachineLaunch {
    /// The launch of a machine with these disks, as `MachineDisk.all` lists them.
    ///
    /// - Parameter networks: all of the lab's, or at least those that the machine is on.
    package init(_ machine: Machine, image: ImageFacts, disks: [MachineDisk], networks: [Network] = []) {
        var arguments = ["--name", machine.name, "--memory", machine.memory.description, "--cpus", String(machine.cpus)]
        if machine.hardware.cpu != Hardware.CPU() { arguments += ["--cpu", machine.hardware.cpu.text] }
        if machine.hardware.isTransitional { arguments.append("--transitional") }
        if machine.hardware.hasHPET { arguments.append("--hpet") }
        if image.hasKernel { arguments += ["--boot", image.bootProtocol.rawValue] }
        if image.board != .pc { arguments += ["--board", image.board.rawValue] }
        var descriptors: [Descriptor] = []

        func hand(_ number: Int32, _ kind: Kind) -> String {
            descriptors.append(Descriptor(number: number, kind: kind))
            return String(number)
        }
        arguments += ["--control", hand(DescriptorNumber.control, .stream(name: "control"))]
        arguments += ["--serial", hand(DescriptorNumber.serial, .stream(name: "serial"))]
        arguments += ["--console", hand(DescriptorNumber.console, .stream(name: "console"))]
        if image.hasFirmware { arguments += ["--firmware", hand(DescriptorNumber.firmware, .blob(path: image.folder.firmware))] }
        if let disk = disks.first(where: { $0.id == MachineDisk.variables }), let base = disk.base {
            let base = hand(DescriptorNumber.variables, .disk(path: base, writable: false))
            arguments += ["--nvram", "fd=\(base),delta=" + hand(DescriptorNumber.variablesDelta, .disk(path: disk.path, writable: true))]
        }
        if machine.hardware.hasSecondSerial {
            arguments += ["--com2", hand(DescriptorNumber.secondSerial, .stream(name: "com2"))]
        }
        if image.hasKernel { arguments += ["--kernel", hand(DescriptorNumber.kernel, .blob(path: image.folder.kernel))] }
        if image.hasInitrd { arguments += ["--initrd", hand(DescriptorNumber.initrd, .blob(path: image.folder.initrd))] }
        let commandLine = [image.commandLine, machine.commandLine].filter { !$0.isEmpty }.joined(separator: " ")
        if !commandLine.isEmpty { arguments += ["--cmdline", commandLine] }

        var next = DescriptorNumber.extraDisks
        for disk in disks where disk.id != MachineDisk.variables {
            let bus = MachineDisk.bus(of: disk.id, machine, imageBus: image.diskBus) == .ide ? ",bus=ide" : ""
            switch disk.content {
            case .delta(let base, _):
                let base = hand(DescriptorNumber.rootBase, .disk(path: base, writable: false))
                let delta = hand(DescriptorNumber.rootDelta, .disk(path: disk.path, writable: true))
                arguments += ["--disk", "id=\(disk.id),fd=\(base),delta=\(delta)\(bus)"]
            case .empty:
                arguments += ["--disk", "id=\(disk.id),fd=" + hand(next, .disk(path: disk.path, writable: true)) + bus]
                next += 1
            }
        }
        let media = (image.hasCD ? [image.folder.cdrom] : []) + machine.cdroms.map(\.path)
        for (index, path) in media.enumerated() {
            let number = hand(DescriptorNumber.media + Int32(index), .disk(path: path, writable: false))
            arguments += ["--cdrom", "id=cd\(index),fd=\(number)"]
        }
        var port = DescriptorNumber.ports
        for interface in machine.interfaces {
            let number = hand(port, .stream(name: MachineLaunch.streamName(network: interface.network)))
            var net = "id=\(interface.network),fd=\(number),mac=\(interface.mac)"
            if let network = networks.first(where: { $0.name == interface.network }) { net += ",mtu=\(network.mtu)" }
            arguments += ["--net", net]
            port += 1
        }
        for (index, text) in image.moduleTexts.enumerated() {
            let number = hand(DescriptorNumber.modules + Int32(index), .blob(path: image.folder.module(index)))
            arguments += ["--module", text.isEmpty ? number : "\(number):\(text)"]
        }
        self.init(machine: machine.name, memory: machine.memory, arguments: arguments, descriptors: descriptors)
    }

    /// What the stream of a machine's port is called in its launch: `net/lan`.
    package static func streamName(network: String) -> String { "net/\(network)" }

    /// Whether the machine is on any network.
    package var hasPorts: Bool { arguments.contains("--net") }

    /// A line for bash that starts the same machine by hand, its serial console on the terminal.
    ///
    /// It has no control stream (there is no keeper to listen), no further consoles and no networks (there is no bridge).
    package func shellLine(program: String = "vmlab-machine") -> String {
        var words = [MachineLaunch.shellQuoted(program)]
        var index = arguments.startIndex
        while index < arguments.endIndex {
            let word = arguments[index]
            if word == "--control" || word == "--console" || word == "--com2" || word == "--net" {
                index += 2
            } else if word == "--serial" {
                words += [word, "0:1"]
                index += 2
            } else {
                words.append(MachineLaunch.shellQuoted(word))
                index += 1
            }
        }
        for descriptor in descriptors {
            switch descriptor.kind {
            case .stream: continue
            case .blob(let path), .disk(let path, writable: false): words.append("\(descriptor.number)<" + MachineLaunch.shellQuoted(path))
            case .disk(let path, writable: true): words.append("\(descriptor.number)<>" + MachineLaunch.shellQuoted(path))
            }
        }
        return words.joined(separator: " ")
    }

    /// The word as bash reads it back: bare where nothing in it is special, else in single quotes.
    static func shellQuoted(_ word: String) -> String {
        let isPlain =
            !word.isEmpty
            && word.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "/"), UInt8(ascii: ":"), UInt8(ascii: "="),
                    UInt8(ascii: ","), UInt8(ascii: "+"), UInt8(ascii: "@"), UInt8(ascii: "%"):
                    true
                default: false
                }
            }
        if isPlain { return word }
        return "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }
}

extension MachineDisk {
    /// The id of firmware's flash chip, which is no disk to the guest.
    static let variables = "nvram"

    /// The disks of a machine in the order in which its guest sees them: the image's own first.
    ///
    /// - Parameter layer: the files that make the image's disk this machine's.
    package static func all(
        of machine: Machine, image: ImageFacts, folders: LabFolders, layer: Layer = Layer()
    ) -> [MachineDisk] {
        var disks: [MachineDisk] = []
        if image.hasDisk {
            let content = MachineDisk.Content.delta(base: image.folder.disk, layer: layer)
            disks.append(MachineDisk(id: "root", path: folders.rootDelta(machine.name), content: content))
        }
        if image.hasVariables {
            let content = MachineDisk.Content.delta(base: image.folder.nvram)
            disks.append(MachineDisk(id: variables, path: folders.variables(machine.name), content: content))
        }
        for (index, disk) in machine.disks.enumerated() {
            let path = folders.extraDisk(machine.name, index: index)
            disks.append(MachineDisk(id: extra(index), path: path, content: .empty(disk.size)))
        }
        return disks
    }

    private static func extra(_ index: Int) -> String { "disk\(index)" }

    /// How the guest reaches a disk: no property of the disk, whose content stays when it is moved.
    package static func bus(of id: String, _ machine: Machine, imageBus: DiskBus) -> DiskBus {
        machine.disks.indices.first { extra($0) == id }.map { machine.disks[$0].bus } ?? imageBus
    }

    /// Whether it is firmware's flash chip.
    package var isVariables: Bool { id == MachineDisk.variables }
}
