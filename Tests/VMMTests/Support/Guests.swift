import VMM

/// A file to boot from, made by a test.
struct ArrayFile: BootFile {
    var bytes: [UInt8]
    var byteCount: UInt64 { UInt64(bytes.count) }

    func read(at offset: UInt64, count: Int) -> [UInt8]? {
        guard let start = Int(exactly: offset), start <= bytes.count, count <= bytes.count - start else { return nil }
        return Array(bytes[start..<start + count])
    }
}

func littleEndian<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
    (0..<T.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> T(8 * $0)) }
}

/// An ELF executable with PVH's entry note: one segment of code, notes spread over several headers as FreeBSD has them.
struct PVHImage {
    var code: [UInt8] = [0xF4]
    var address: UInt64 = 0x10_0000
    var memoryCount: UInt64?
    var entry: UInt64?
    var is64 = true
    var noteCount = 4
    var hasNote = true
    var name = "Xen\0"
    /// More load segments: offset, address, bytes in the file, bytes in memory.
    var segments: [(UInt64, UInt64, UInt64, UInt64)] = []

    var bytes: [UInt8] {
        let headerCount = is64 ? 64 : 52
        let entryCount = is64 ? 56 : 32
        let other = littleEndian(UInt32(4)) + littleEndian(UInt32(3)) + littleEndian(UInt32(1)) + Array("GNU\0".utf8) + [1, 2, 3, 0]
        var note = littleEndian(UInt32(name.utf8.count)) + littleEndian(UInt32(noteCount)) + littleEndian(UInt32(18)) + Array(name.utf8)
        note += Array(littleEndian(entry ?? address).prefix(noteCount)) + [UInt8](repeating: 0, count: max(0, noteCount - 8))
        let notes = hasNote ? [other, note] : [other]
        let codeOffset = 8192
        let noteOffset = codeOffset + code.count + 16
        var headers: [(UInt32, UInt64, UInt64, UInt64, UInt64)] = [
            (1, UInt64(codeOffset), address, UInt64(code.count), memoryCount ?? UInt64(code.count))
        ]
        headers += segments.map { (1, $0.0, $0.1, $0.2, $0.3) }
        var place = UInt64(noteOffset)
        for note in notes {
            headers.append((4, place, 0, UInt64(note.count), UInt64(note.count)))
            place += UInt64(note.count)
        }
        var file = [UInt8](repeating: 0, count: headerCount)
        func put(_ bytes: [UInt8], _ offset: Int) { file.replaceSubrange(offset..<offset + bytes.count, with: bytes) }
        put([0x7F, 0x45, 0x4C, 0x46, is64 ? 2 : 1, 1, 1], 0)
        put(littleEndian(UInt16(2)) + littleEndian(UInt16(is64 ? 62 : 3)) + littleEndian(UInt32(1)), 16)
        if is64 {
            put(littleEndian(UInt64(headerCount)), 32)
            put(littleEndian(UInt16(entryCount)) + littleEndian(UInt16(headers.count)), 54)
        } else {
            put(littleEndian(UInt32(headerCount)), 28)
            put(littleEndian(UInt16(entryCount)) + littleEndian(UInt16(headers.count)), 42)
        }
        for (type, offset, address, fileCount, memoryCount) in headers {
            if is64 {
                file += littleEndian(type) + littleEndian(UInt32(7))
                for number in [offset, address, address, fileCount, memoryCount, 4] { file += littleEndian(number) }
            } else {
                file += littleEndian(type)
                for number in [offset, address, address, fileCount, memoryCount, 7, 4] {
                    file += littleEndian(UInt32(truncatingIfNeeded: number))
                }
            }
        }
        file += [UInt8](repeating: 0, count: codeOffset - file.count) + code + [UInt8](repeating: 0, count: 16)
        for note in notes { file += note }
        return file
    }
}

/// A bzImage: one setup sector, and protected-mode code whose 64-bit entry lies 0x200 in.
struct BzImage {
    var code: [UInt8] = [0xF4]
    var version: UInt16 = 0x20F
    var flags: UInt8 = 1
    var extendedFlags: UInt16 = 1
    var setupSectors: UInt8 = 1
    var code32: UInt32 = 0x10_0000
    var initrdLimit: UInt32 = 0x7FFF_FFFF
    var commandLineLimit: UInt32 = 2047
    var preferred: UInt64 = 0x100_0000
    var memoryNeeded: UInt32 = 0x10_0000
    var isRelocatable = true
    /// What the header claims beyond what is there, in units of 16 bytes.
    var missing: UInt32 = 0

    var bytes: [UInt8] {
        let image = [UInt8](repeating: 0x90, count: 0x200) + code
        let padded = image + [UInt8](repeating: 0, count: (16 - image.count % 16) % 16)
        var file = [UInt8](repeating: 0, count: 1024)
        func put(_ bytes: [UInt8], _ offset: Int) { file.replaceSubrange(offset..<offset + bytes.count, with: bytes) }
        put([setupSectors], 0x1F1)
        put(littleEndian(UInt32(padded.count / 16) + missing), 0x1F4)
        put([0x55, 0xAA, 0xEB, 0x66], 0x1FE)
        put(Array("HdrS".utf8) + littleEndian(version), 0x202)
        put([0, flags], 0x210)
        put(littleEndian(code32), 0x214)
        put(littleEndian(initrdLimit), 0x22C)
        put(littleEndian(UInt32(0x20_0000)), 0x230)
        put([isRelocatable ? 1 : 0, 21], 0x234)
        put(littleEndian(extendedFlags), 0x236)
        put(littleEndian(commandLineLimit), 0x238)
        put(littleEndian(preferred), 0x258)
        put(littleEndian(memoryNeeded), 0x260)
        return file + padded
    }
}

/// Instructions by hand. All but `*64` are for 32-bit protected mode; those without operands wider than 16 bits run in 64-bit mode too.
enum Code {
    /// Writes AL to COM1.
    static let putAL: [UInt8] = [0x66, 0xBA, 0xF8, 0x03, 0xEE]
    static func put(_ character: Character) -> [UInt8] { [0xB0, character.asciiValue!] + putAL }
    static func put(_ text: String) -> [UInt8] { text.flatMap { put($0) } }
    /// out (dx), al
    static func out8(_ port: UInt16, _ value: UInt8) -> [UInt8] { [0xB0, value, 0x66, 0xBA] + littleEndian(port) + [0xEE] }
    static func out16(_ port: UInt16, _ value: UInt16) -> [UInt8] {
        [0x66, 0xB8] + littleEndian(value) + [0x66, 0xBA] + littleEndian(port) + [0x66, 0xEF]
    }
    static func out32(_ port: UInt16, _ value: UInt32) -> [UInt8] {
        [0xB8] + littleEndian(value) + [0x66, 0xBA] + littleEndian(port) + [0xEF]
    }
    /// in eax, (dx)
    static func in32(_ port: UInt16) -> [UInt8] { [0x66, 0xBA] + littleEndian(port) + [0xED] }
    static let halt: [UInt8] = [0xFA, 0xF4, 0xEB, 0xFD]
    /// S5 by the ACPI fixed hardware, then asleep.
    static let powerOff = out16(0x604, 1 << 13) + halt
    /// The same by firmware, which opens the power management block first: bit 0 of register 0x80 of the function at 0:1.3.
    static let powerOffFromROM = out32(0xCF8, 0x8000_0B80) + out8(0xCFC, 1) + powerOff
    /// An interrupt descriptor table of no entries (six zero bytes at `address`), then an undefined instruction.
    static func tripleFault(tableAt address: UInt32) -> [UInt8] { [0x0F, 0x01, 0x1D] + littleEndian(address) + [0x0F, 0x0B] }
    /// Prints "1" if EAX is the value and "0" if not.
    static func printIfEAX(is value: UInt32) -> [UInt8] {
        // cmp eax, value; sete al; add al, '0'
        [0x3D] + littleEndian(value) + [0x0F, 0x94, 0xC0, 0x04, 0x30] + putAL
    }
}
