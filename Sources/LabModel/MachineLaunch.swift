/// One guest as `vmlab-machine` is told of it: the whole truth on its command line and inherited descriptors.
///
/// A launch is started natively or in a carrier without a change: the arguments name descriptors by number only, and each
/// descriptor is one of three kinds that exist on both sides.
package struct MachineLaunch: Hashable, Sendable, Codable {
    /// The machine's name in its lab.
    package var machine: String
    /// Guest memory; a carrier is made this much larger than its own needs.
    package var memory: ByteCount
    /// Arguments after the program's name.
    package var arguments: [String]
    /// What stands behind the descriptor numbers that `arguments` mention, in ascending order of number.
    package var descriptors: [Descriptor]

    package init(machine: String, memory: ByteCount, arguments: [String], descriptors: [Descriptor]) {
        self.machine = machine
        self.memory = memory
        self.arguments = arguments
        self.descriptors = descriptors
    }

    package typealias Descriptor = LaunchDescriptor<Kind>

    package enum Kind: Hashable, Sendable, Codable {
        /// A byte stream in both directions: control, a console, later a network port. The name is unique in the launch.
        case stream(name: String)
        /// Anything that pread, pwrite, fdatasync and, where there, hole punching work on.
        case disk(path: String, writable: Bool)
        /// Bytes read, or mapped privately, at start: kernel, initrd, firmware.
        case blob(path: String)
    }
}

/// A number at which a program finds a descriptor when it starts, and what stands behind it.
package struct LaunchDescriptor<Kind: Hashable & Sendable & Codable>: Hashable, Sendable, Codable {
    package var number: Int32
    package var kind: Kind

    package init(number: Int32, kind: Kind) {
        self.number = number
        self.kind = kind
    }
}
