/// How a guest reaches a disk.
package enum DiskBus: String, Hashable, Sendable, Codable, CaseIterable {
    /// A device of its own on the PCI bus.
    case virtio
    /// A drive on an IDE channel, for systems without virtio.
    case ide

    /// Places on a machine's two IDE channels, for disks and CD drives together.
    package static let idePlaces = 4
}

extension Machine {
    /// An extra disk, all zeros at first.
    package struct Disk: Hashable, Sendable, Codable, CustomStringConvertible {
        package var size: ByteCount
        package var bus: DiskBus

        package init(size: ByteCount, bus: DiskBus = .virtio) {
            self.size = size
            self.bus = bus
        }

        package var description: String { bus == .virtio ? size.description : "\(size) on \(bus.rawValue)" }
    }

    /// What lies in a CD drive of a machine: a file of the host, never written to.
    package struct Medium: Hashable, Sendable, Codable {
        package var path: String
        /// Of what it holds (SHA-256, in hexadecimal), where that must be known to see a change.
        package var digest: String?

        package init(path: String, digest: String? = nil) {
            self.path = path
            self.digest = digest
        }
    }
}
