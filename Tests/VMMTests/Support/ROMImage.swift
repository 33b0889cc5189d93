/// A ROM of 64 KiB: from the reset vector into flat 32-bit mode, then the code at its first byte.
///
///     0x0000 code, 32 bits        0xFF40 the way out of 16 bits
///     0xFF00 descriptors          0xFF60 the first 32-bit instructions
///     0xFF20 their place          0xFFF0 where a processor begins
struct ROMImage {
    static let base: UInt32 = 0xFFFF_0000
    var code: [UInt8]

    var bytes: [UInt8] {
        var rom = [UInt8](repeating: 0xFF, count: 0x1_0000)
        func put(_ bytes: [UInt8], _ offset: Int) { rom.replaceSubrange(offset..<offset + bytes.count, with: bytes) }
        put(code, 0)
        put(littleEndian(UInt64(0)) + littleEndian(UInt64(0x00CF_9B00_0000_FFFF)) + littleEndian(UInt64(0x00CF_9300_0000_FFFF)), 0xFF00)
        put(littleEndian(UInt16(23)) + littleEndian(UInt32(0xFFFF_FF00)), 0xFF20)
        // cli; o32 lgdt cs:[0xFF20]; mov eax, cr0; or al, 1; mov cr0, eax; jmp 8:0xFFFFFF60
        put(
            [0xFA, 0x66, 0x2E, 0x0F, 0x01, 0x16, 0x20, 0xFF, 0x0F, 0x20, 0xC0, 0x0C, 0x01, 0x0F, 0x22, 0xC0, 0x66, 0xEA]
                + littleEndian(UInt32(0xFFFF_FF60)) + [8, 0], 0xFF40)
        // mov eax, 16; mov ds, ax; mov es, ax; mov ss, ax; jmp to the first byte
        put([0xB8, 16, 0, 0, 0, 0x8E, 0xD8, 0x8E, 0xC0, 0x8E, 0xD0, 0xE9] + littleEndian(UInt32(0xFFFF_0090)), 0xFF60)
        put([0xE9, 0x4D, 0xFF], 0xFFF0)
        return rom
    }
}

extension Code {
    /// mov byte [address], value
    static func store8(_ address: UInt32, _ value: UInt8) -> [UInt8] { [0xC6, 0x05] + littleEndian(address) + [value] }
    /// movzx eax, byte [address]
    static func load8(_ address: UInt32) -> [UInt8] { [0x0F, 0xB6, 0x05] + littleEndian(address) }
    /// mov dword [address], value
    static func store32(_ address: UInt32, _ value: UInt32) -> [UInt8] { [0xC7, 0x05] + littleEndian(address) + littleEndian(value) }
    /// mov eax, [address]
    static func load32(_ address: UInt32) -> [UInt8] { [0xA1] + littleEndian(address) }
}
