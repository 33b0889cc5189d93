internal import PortStream
package import Processor

/// One machine as its command line describes it. Descriptors are numbers, already open.
package struct MachineConfiguration: Sendable {
    package struct DiskUnit: Sendable {
        /// How the guest reaches it.
        package enum Bus: Sendable {
            case virtio
            /// A disk of an IDE channel.
            case ide
            /// The medium of a CD drive of an IDE channel.
            case cd
        }

        /// The serial number that the guest finds the disk by: at most 20 bytes.
        package var id: String
        package var descriptor: Int32
        /// What the machine's own changes go to; the first descriptor is then an immutable base.
        package var delta: Int32?
        package var isReadOnly: Bool
        package var bus: Bus

        package init(id: String, descriptor: Int32, delta: Int32? = nil, isReadOnly: Bool = false, bus: Bus = .virtio) {
            self.id = id
            self.descriptor = descriptor
            self.delta = delta
            self.isReadOnly = isReadOnly
            self.bus = bus
        }

        /// The option that names it.
        var option: String { bus == .cd ? "--cdrom" : "--disk" }
    }

    package struct NetworkUnit: Hashable, Sendable {
        /// What control words and events call it.
        package var id: String
        package var descriptor: Int32
        /// 6 bytes.
        package var address: [UInt8]
        package var mtu: UInt16 = 1500
        /// Where the stream's records begin; nil: at its first byte.
        package var mark: [UInt8]?

        package init(id: String, descriptor: Int32, address: [UInt8]) {
            self.id = id
            self.descriptor = descriptor
            self.address = address
        }

        /// - Returns: false if that is no mark.
        package mutating func setMark(hexadecimal text: String) -> Bool {
            mark = PortRecord.mark(hexadecimal: text)
            return mark != nil
        }
    }

    /// A byte stream; one descriptor for both directions, or two.
    package struct StreamEnds: Hashable, Sendable {
        package var input: Int32
        package var output: Int32

        package init(input: Int32, output: Int32) {
            self.input = input
            self.output = output
        }
    }

    package struct ModuleUnit: Hashable, Sendable {
        /// What it was given by, for messages: `--initrd` or `--module`.
        package var option: String
        package var descriptor: Int32
        /// The words that a Multiboot kernel gets with it.
        package var text: String

        package init(option: String, descriptor: Int32, text: String) {
            self.option = option
            self.descriptor = descriptor
            self.text = text
        }
    }

    package var name: String
    package var ram: RAMLayout
    package var cpus = 1
    package var cpu = CPUChoice()
    package var boot = BootProtocol.auto
    package var board = BoardModel.pc
    /// What the machine starts from; with firmware, what that may start from.
    package var kernel: Int32?
    /// A ROM that the boot processor begins in.
    package var firmware: Int32?
    /// Where the ROM keeps its variables.
    package var nvram: DiskUnit?
    /// Handed to the kernel, in order; for Linux the parts of the initial RAM disk.
    package var modules: [ModuleUnit] = []
    package var commandLine = ""
    package var disks: [DiskUnit] = []
    package var networks: [NetworkUnit] = []
    package var serial: StreamEnds?
    /// COM2; nil: there is no such port.
    package var secondSerial: StreamEnds?
    package var console: StreamEnds?
    package var control: StreamEnds?
    /// What is written to the debug console port; without it there is no such port.
    package var debug: StreamEnds?
    package var resetsOnTripleFault = false
    /// The virtio devices also have the ports that drivers of before version 1 know.
    package var isTransitional = false
    /// There is an HPET.
    package var hasHPET = false
    /// The debug exit port and the test devices are there.
    package var hasTestDevices = false

    /// vCPUs of one machine: the tables and the tests go so far.
    package static let cpuLimit = 8
    package static let diskLimit = 24
    /// Two channels of two drives.
    package static let driveLimit = 4
    package static let networkLimit = 8
    /// What IPv4 asks of every link.
    package static let smallestMTU: UInt16 = 68
    /// Slots of the PCI bus for both, less bridges, console and entropy.
    package static let slotLimit = 28

    package init(name: String, ram: RAMLayout, kernel: Int32? = nil, firmware: Int32? = nil) {
        self.name = name
        self.ram = ram
        self.kernel = kernel
        self.firmware = firmware
    }
}
