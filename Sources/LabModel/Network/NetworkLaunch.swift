/// A lab's bridge as `vmlab-network` is told of it: the whole truth on its command line and inherited descriptors.
package struct NetworkLaunch: Hashable, Sendable, Codable {
    /// Arguments after the program's name; they name descriptors by number only.
    package var arguments: [String]
    /// What stands behind the numbers, in ascending order of number.
    package var descriptors: [Descriptor]

    package init(arguments: [String], descriptors: [Descriptor]) {
        self.arguments = arguments
        self.descriptors = descriptors
    }

    package typealias Descriptor = LaunchDescriptor<Kind>

    package enum Kind: Hashable, Sendable, Codable {
        /// Words in, events out.
        case control
        /// The network's end of a machine's wire.
        case port(PortName)
        /// A stream to the process that speaks to the outside for one port, as passt(1) has it, and that process's arguments.
        case uplink(PortName, arguments: [String])
        /// One of the files of a capture ring: made if it is not there, never read.
        case capture(path: String)
    }
}

/// One machine's place on one network: `web/lan`.
package struct PortName: Hashable, Comparable, Sendable, Codable {
    package var machine: String
    package var network: String

    package init(machine: String, network: String) {
        self.machine = machine
        self.network = network
    }

    /// `MACHINE/NETWORK`; nil for anything else.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
        self.init(machine: String(parts[0]), network: String(parts[1]))
    }

    package static func < (left: PortName, right: PortName) -> Bool {
        (left.machine, left.network) < (right.machine, right.network)
    }
}

extension PortName: CustomStringConvertible {
    package var description: String { "\(machine)/\(network)" }
}
