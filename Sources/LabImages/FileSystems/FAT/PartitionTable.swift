internal import CZlib
internal import LabModel

/// A GUID partition table with one partition, an EFI system partition:
///
///     0            protective MBR: one partition of type 0xEE over the whole disk
///     1            header, with the digests (CRC-32) of itself and of the entries
///     2 - 33       128 entries of 128 bytes, all but the first empty
///     2048 - ...   the partition, whole MiBs of it
///     last 33      the entries and the header once more
///
/// Source: UEFI specification 2.10, chapter 5. Sectors have 512 bytes.
struct PartitionTable {
    static let sector: UInt64 = 512
    private static let alignment: UInt64 = 2048
    private static let tableSectors: UInt64 = 33
    /// C12A7328-F81F-11D2-BA4B-00A0C93EC93B, as it stands on disks.
    private static let systemPartition: [UInt8] = [
        0x28, 0x73, 0x2A, 0xC1, 0x1F, 0xF8, 0xD2, 0x11, 0xBA, 0x4B, 0x00, 0xA0, 0xC9, 0x3E, 0xC9, 0x3B,
    ]

    /// Sectors of the disk.
    let count: UInt64
    let salt: [UInt8]

    /// - Parameters:
    ///   - size: of the disk; at least 3 MiB.
    ///   - salt: what the GUIDs follow from.
    init(size: ByteCount, salt: [UInt8]) {
        count = size.bytes / PartitionTable.sector
        self.salt = salt
    }

    /// The partition's sectors.
    var partition: Range<UInt64> {
        PartitionTable.alignment..<(count - PartitionTable.tableSectors) / PartitionTable.alignment * PartitionTable.alignment
    }

    /// What to write, at which sector.
    var pieces: [(bytes: [UInt8], sector: UInt64)] {
        let entries = entries
        return [
            (protectiveMBR, 0), (header(at: 1, other: count - 1, entriesAt: 2, entries), 1), (entries, 2),
            (entries, count - PartitionTable.tableSectors),
            (header(at: count - 1, other: 1, entriesAt: count - PartitionTable.tableSectors, entries), count - 1),
        ]
    }

    private var protectiveMBR: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 512)
        // Where it is in cylinders: from 0/0/2 to beyond what can be said.
        bytes.replaceSubrange(446..<454, with: [0x00, 0x00, 0x02, 0x00, 0xEE, 0xFF, 0xFF, 0xFF])
        bytes.put(UInt32(1), at: 454)
        bytes.put(UInt32(clamping: count - 1), at: 458)
        bytes.put(UInt16(0xAA55), at: 510)
        return bytes
    }

    private var entries: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 128 * 128)
        bytes.replaceSubrange(0..<16, with: PartitionTable.systemPartition)
        bytes.replaceSubrange(16..<32, with: guid("partition"))
        bytes.put(partition.lowerBound, at: 32)
        bytes.put(partition.upperBound - 1, at: 40)
        for (index, unit) in "EFI system partition".utf16.enumerated() { bytes.put(unit, at: 56 + 2 * index) }
        return bytes
    }

    private func header(at own: UInt64, other: UInt64, entriesAt place: UInt64, _ entries: [UInt8]) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 512)
        bytes.put("EFI PART", at: 0)
        bytes.put(UInt32(0x0001_0000), at: 8)
        bytes.put(UInt32(92), at: 12)
        bytes.put(own, at: 24)
        bytes.put(other, at: 32)
        bytes.put(1 + PartitionTable.tableSectors, at: 40)
        bytes.put(count - PartitionTable.tableSectors - 1, at: 48)
        bytes.replaceSubrange(56..<72, with: guid("disk"))
        bytes.put(place, at: 72)
        bytes.put(UInt32(128), at: 80)
        bytes.put(UInt32(128), at: 84)
        bytes.put(PartitionTable.checksum(entries[...]), at: 88)
        bytes.put(PartitionTable.checksum(bytes[..<92]), at: 16)
        return bytes
    }

    /// A GUID of version 4 by its marks; the rest follows from the salt.
    private func guid(_ part: String) -> [UInt8] {
        var bytes = Array(SHA256.digest(of: salt + [0] + Array(part.utf8)).bytes.prefix(16))
        bytes[7] = bytes[7] & 0x0F | 0x40
        bytes[8] = bytes[8] & 0x3F | 0x80
        return bytes
    }

    /// CRC-32 as Ethernet has it.
    private static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        // Safe because the buffer is used inside the call; tables have some KiB.
        unsafe bytes.withUnsafeBufferPointer { UInt32(truncatingIfNeeded: unsafe crc32(0, $0.baseAddress, UInt32(clamping: $0.count))) }
    }
}
