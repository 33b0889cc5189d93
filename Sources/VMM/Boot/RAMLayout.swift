internal import Devices

/// Where a machine's RAM lies, and how a guest is told.
package struct RAMLayout: Hashable, Sendable {
    /// Bytes from address 0, at most to 3 GiB.
    package let low: UInt64
    /// Bytes from 4 GiB up.
    package let high: UInt64

    /// Less does not hold the boot structures, the BIOS area and any kernel.
    package static let minimum: UInt64 = 2 << 20
    /// KVM's bound on one memory slot is 2^31 pages less one; more is refused before it.
    package static let maximum: UInt64 = 4 << 40
    package static let page: UInt64 = 4096

    /// `nil` unless the count is whole pages between `minimum` and `maximum`.
    package init?(byteCount: UInt64) {
        guard byteCount >= Self.minimum, byteCount <= Self.maximum, byteCount % Self.page == 0 else { return nil }
        low = min(byteCount, AddressMap.lowMemoryLimit)
        high = byteCount - low
    }

    package var byteCount: UInt64 { low + high }

    /// One past the last byte of RAM.
    package var top: UInt64 { high > 0 ? AddressMap.highMemory + high : low }

    /// One piece of RAM in guest-physical space, and where its first byte lies in the machine's one mapping.
    package struct Piece: Hashable, Sendable {
        package let address: UInt64
        package let count: UInt64
        package let offset: UInt64
    }

    /// All pieces: around the hole of the VGA window, and around the PCI windows below 4 GiB. Addresses below 4 GiB equal offsets.
    package var pieces: [Piece] {
        let hole = AddressMap.vgaHole
        var pieces = [
            Piece(address: 0, count: hole.lowerBound, offset: 0),
            Piece(address: hole.upperBound, count: low - hole.upperBound, offset: hole.upperBound),
        ]
        if high > 0 { pieces.append(Piece(address: AddressMap.highMemory, count: high, offset: low)) }
        return pieces
    }

    /// A line of the BIOS memory map (E820): 1 is RAM, 2 is reserved.
    package struct MapEntry: Hashable, Sendable {
        package let address: UInt64
        package let count: UInt64
        package let type: UInt32

        package init(address: UInt64, count: UInt64, type: UInt32) {
            self.address = address
            self.count = count
            self.type = type
        }
    }

    package var map: [MapEntry] {
        let bios: UInt64 = 1 << 20
        var map = [
            MapEntry(address: 0, count: AddressMap.ebda, type: 1),
            MapEntry(address: AddressMap.ebda, count: bios - AddressMap.ebda, type: 2),
            MapEntry(address: bios, count: low - bios, type: 1),
            // Linux uses configuration space in memory only where it is reserved here.
            MapEntry(address: AddressMap.ecam.lowerBound, count: AddressMap.ecam.upperBound - AddressMap.ecam.lowerBound, type: 2),
            MapEntry(
                address: AddressMap.kvmPages.lowerBound, count: AddressMap.kvmPages.upperBound - AddressMap.kvmPages.lowerBound, type: 2),
        ]
        if high > 0 { map.append(MapEntry(address: AddressMap.highMemory, count: high, type: 1)) }
        return map
    }
}
