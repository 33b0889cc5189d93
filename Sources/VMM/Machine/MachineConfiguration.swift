/// One machine as its command line describes it. Descriptors are numbers, already open.
package struct MachineConfiguration: Sendable {
    package struct DiskUnit: Sendable {
        /// The serial number that the guest finds the disk by: at most 20 bytes.
        package var id: String
        package var descriptor: Int32
        /// What the machine's own changes go to; the first descriptor is then an immutable base.
        package var delta: Int32?
        package var isReadOnly: Bool

        package init(id: String, descriptor: Int32, delta: Int32? = nil, isReadOnly: Bool = false) {
            self.id = id
            self.descriptor = descriptor
            self.delta = delta
            self.isReadOnly = isReadOnly
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

    package var name: String
    package var ram: RAMLayout
    package var cpus = 1
    package var boot = BootProtocol.auto
    package var kernel: Int32
    package var initrd: Int32?
    package var commandLine = ""
    package var disks: [DiskUnit] = []
    package var serial: StreamEnds?
    package var console: StreamEnds?
    package var control: StreamEnds?
    package var resetsOnTripleFault = false

    /// vCPUs of one machine: the tables and the tests go so far.
    package static let cpuLimit = 8
    /// Slots of the PCI bus, less bridges, console and entropy.
    package static let diskLimit = 24

    package init(name: String, ram: RAMLayout, kernel: Int32) {
        self.name = name
        self.ram = ram
        self.kernel = kernel
    }
}

/// How a machine's process ends; the numbers are those of sysexits.h where there is one.
package enum ExitStatus: Int32, Sendable {
    case success = 0
    case usage = 64
    case bootInput = 65
    case unavailable = 69
    case bug = 70
    case system = 71
    case inputOutput = 74
    case guestFault = 86
}

/// Why a machine did not start, or could not go on.
package struct MachineFailure: Error, Sendable {
    package var status: ExitStatus
    package var reason: String

    package init(_ status: ExitStatus, _ reason: String) {
        self.status = status
        self.reason = reason
    }
}
