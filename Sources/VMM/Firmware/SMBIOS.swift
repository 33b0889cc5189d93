internal import Devices

/// The System Management BIOS structures: what the machine is called, for `dmidecode` and for firmware's own screens.
///
///     entry point  0 "_SM_"  4 sum  5 length 31  6 version 2.8  8 largest structure u16  16 "_DMI_"  21 sum
///                  22 bytes of structures u16  24 their address u32  28 their number u16  30 version 0x28
///     structure    0 type  1 length  2 handle u16  4 ...  then its strings, each with a zero, and one zero more
///
/// Source: DSP0134, version 2.8. Nothing in it differs between two machines of one size: who needs an identity gets it from the lab.
package struct SMBIOS: Sendable {
    /// Where a scan of the BIOS area finds the entry point where no firmware puts it elsewhere; 16-aligned.
    package static let address: UInt64 = 0xF_0000
    private static let anchorCount = 31

    package private(set) var structures: [UInt8] = []
    private var number: UInt16 = 0
    private var largest = 0

    package init(ram: RAMLayout, cpus: Int) {
        // BIOS information: no ISA, PCI; a virtual machine (extension byte 2, bit 4).
        add(0, strings: ["vmlab", "1", "01/01/2026"]) { body in
            body.append([1, 2])
            body.append(UInt16(0xE800))
            body.append([3, 0])
            body.append(UInt64(1 << 7))
            body.append([0, 1 << 4, 0, 0, 0xFF, 0xFF])
        }
        // System: no identifier of its own.
        add(1, strings: ["vmlab", "board 1"]) { body in
            body.append([1, 2, 0, 0])
            body.append([UInt8](repeating: 0, count: 16))
            body.append([6, 0, 0])  // woken by the power switch
        }
        // Chassis: other; all states safe.
        add(3, strings: ["vmlab"]) { body in
            body.append([1, 1, 0, 0, 0, 3, 3, 3, 2])
            body.append(UInt32(0))
            body.append([0, 1, 0, 0, 0])
        }
        // One processor package: central processor, enabled.
        add(4, strings: ["CPU 0", "vmlab"]) { body in
            body.append([1, 3, 1, 2])
            body.append(UInt64(0))
            body.append([0, 0])
            for _ in 0..<3 { body.append(UInt16(0)) }
            body.append([0x41, 1])
            for _ in 0..<3 { body.append(UInt16(0xFFFF)) }
            body.append([0, 0, 0])
            let count = UInt8(clamping: cpus)
            body.append([count, count, count])
            body.append(UInt16(1 << 2))  // 64 bits
            body.append(UInt16(1))
        }
        // Memory: the array, one device, and where it lies.
        let kibibytes = ram.byteCount >> 10
        let array = number
        add(16) { body in
            body.append([1, 3, 6])  // other; system memory; multi-bit error correction
            body.append(kibibytes < 0x8000_0000 ? UInt32(kibibytes) : 0x8000_0000)
            body.append(UInt16(0xFFFE))
            body.append(UInt16(1))
            body.append(kibibytes < 0x8000_0000 ? 0 : ram.byteCount)
        }
        add(17, strings: ["DIMM 0"]) { body in
            body.append(array)
            body.append(UInt16(0xFFFE))
            body.append([0xFF, 0xFF, 0xFF, 0xFF])  // widths unknown
            let mebibytes = ram.byteCount >> 20
            body.append(mebibytes < 0x7FFF ? UInt16(mebibytes) : 0x7FFF)
            body.append([9, 0, 1, 0, 7])  // DIMM, RAM
            body.append(UInt16(2))
            body.append(UInt16(0))
            body.append([0, 0, 0, 0, 0])
            body.append(mebibytes < 0x7FFF ? 0 : UInt32(clamping: mebibytes))
            for _ in 0..<4 { body.append(UInt16(0)) }
        }
        for piece in [(UInt64(0), ram.low), (AddressMap.highMemory, ram.high)] where piece.1 > 0 {
            add(19) { body in
                let fits = (piece.0 + piece.1) >> 10 <= UInt64(UInt32.max)
                body.append(fits ? UInt32(piece.0 >> 10) : .max)
                body.append(fits ? UInt32((piece.0 + piece.1) >> 10) - 1 : .max)
                body.append(array)
                body.append(UInt8(1))
                body.append(fits ? 0 : piece.0)
                body.append(fits ? 0 : piece.0 + piece.1 - 1)
            }
        }
        add(32) { body in body.append([UInt8](repeating: 0, count: 7)) }  // no errors at boot
        add(127) { _ in }
    }

    private mutating func add(_ type: UInt8, strings: [String] = [], _ fill: (inout LittleEndianBytes) -> Void) {
        var body = LittleEndianBytes()
        fill(&body)
        var bytes = LittleEndianBytes()
        bytes.append([type, UInt8(4 + body.count)])
        bytes.append(number)
        bytes.append(body.bytes)
        for string in strings { bytes.append(Array(string.utf8) + [0]) }
        bytes.append(strings.isEmpty ? [0, 0] : [0])
        structures += bytes.bytes
        largest = max(largest, bytes.count)
        number += 1
    }

    /// The entry point, for structures at an address; firmware that moves them sums it anew.
    package func anchor(structuresAt address: UInt32) -> [UInt8] {
        var bytes = LittleEndianBytes()
        bytes.append("_SM_", count: 4)
        bytes.append([0, UInt8(Self.anchorCount), 2, 8])
        bytes.append(UInt16(largest))
        bytes.append([0, 0, 0, 0, 0, 0])
        bytes.append("_DMI_", count: 5)
        bytes.append(UInt8(0))
        bytes.append(UInt16(structures.count))
        bytes.append(address)
        bytes.append(number)
        bytes.append(UInt8(0x28))
        bytes.store(ACPITables.checksum(bytes.bytes[16...]), at: 21)
        bytes.store(ACPITables.checksum(bytes.bytes[...]), at: 4)
        return bytes.bytes
    }

    /// Both, in the BIOS area, for kernels that are booted without firmware.
    var pieces: [BootPlan.Piece] {
        let place = Self.address + 32
        return [
            BootPlan.Piece(address: Self.address, bytes: anchor(structuresAt: UInt32(place))),
            BootPlan.Piece(address: place, bytes: structures),
        ]
    }
}
