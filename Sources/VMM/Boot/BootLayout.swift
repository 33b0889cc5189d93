internal import Devices

/// Where the monitor puts what a boot protocol hands over, all of it below 64 KiB:
///
///     0x0500  descriptor table            0x7000  Linux: the zero page
///     0x6000  PVH: start info             0x9000  page tables: one top level, one third level, four second level
///     0x6040  PVH: up to 16 modules       0xF000  command line
///     0x6240  PVH: memory map             0x10000 the first byte that a kernel's own image may use
///     0x6000  Multiboot: information      0x7000  Multiboot: strings
package enum BootLayout {
    package static let gdt: UInt64 = 0x500
    package static let startInfo: UInt64 = 0x6000
    package static let moduleList: UInt64 = 0x6040
    package static let memoryMap: UInt64 = 0x6240
    package static let pvhModuleLimit = 16
    /// Of either Multiboot: as long as there is room.
    package static let multiboot: UInt64 = 0x6000
    package static let multibootStrings: UInt64 = 0x7000
    package static let multibootStringLimit = 0x1000
    package static let zeroPage: UInt64 = 0x7000
    package static let stack: UInt64 = 0x8FF0
    package static let pageTables: UInt64 = 0x9000
    package static let commandLine: UInt64 = 0xF000
    package static let imageFloor: UInt64 = 0x1_0000
    /// With its final zero byte it fills the page at `commandLine`; Linux itself takes no more than 2047.
    package static let commandLineLimit = 4095
    /// Kernels in the form of bzImage are loaded here and move themselves.
    package static let kernel: UInt64 = 0x10_0000

    /// Null, null, code at 0x10, data at 0x18, task state at 0x20. The code segment is for the mode of the entry.
    package static func gdtEntries(_ mode: EntryState.Mode) -> [UInt64] {
        [0, 0, mode == .long ? 0x00AF_9B00_0000_FFFF : 0x00CF_9B00_0000_FFFF, 0x00CF_9300_0000_FFFF, 0x0000_8B00_0000_0067]
    }
    package static let gdtByteCount = 5 * 8

    /// The first 4 GiB one to one, in pages of 2 MiB.
    package static var identityMap: [UInt8] {
        var bytes = LittleEndianBytes(capacity: 6 * 4096)
        let present: UInt64 = 3  // and writable
        let third = pageTables + 0x1000
        bytes.append(third | present)
        bytes.pad(to: 0x1000)
        for index in UInt64(0)..<4 { bytes.append(third + 0x1000 + index * 0x1000 | present) }
        bytes.pad(to: 0x2000)
        for index in UInt64(0)..<2048 { bytes.append(index << 21 | 0x83) }
        return bytes.bytes
    }
}

/// Bytes being put together, numbers in little-endian order.
package struct LittleEndianBytes {
    package private(set) var bytes: [UInt8] = []

    package init(capacity: Int = 0) { bytes.reserveCapacity(capacity) }

    package var count: Int { bytes.count }

    package mutating func append<T: FixedWidthInteger>(_ value: T) {
        for shift in stride(from: 0, to: T.bitWidth, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> T(shift))) }
    }

    package mutating func append(_ more: [UInt8]) { bytes += more }

    /// Text, cut or filled with spaces to `count` bytes.
    package mutating func append(_ text: StaticString, count: Int) {
        let characters = Array(text.description.utf8.prefix(count))
        bytes += characters + [UInt8](repeating: 0x20, count: count - characters.count)
    }

    /// Zeros up to a length; longer already is left alone.
    package mutating func pad(to count: Int) {
        if count > bytes.count { bytes += [UInt8](repeating: 0, count: count - bytes.count) }
    }

    package mutating func store<T: FixedWidthInteger>(_ value: T, at offset: Int) {
        for index in 0..<T.bitWidth / 8 { bytes[offset + index] = UInt8(truncatingIfNeeded: value >> T(index * 8)) }
    }
}
