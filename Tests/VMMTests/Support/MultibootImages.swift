/// A kernel with a Multiboot header of either version, as ELF or by the addresses in the header.
struct MultibootKernel {
    enum Form: CaseIterable { case elf32, elf64, addresses }
    var form = Form.elf32
    var version = 1
    var code: [UInt8] = [0xF4]
    /// Where it is loaded; an ELF file is linked 3 GiB higher.
    var address: UInt64 = 0x10_0000
    var memoryCount: UInt64?
    var flags: UInt32 = 0b11
    var checksumError: UInt32 = 0
    /// Bytes before the header.
    var headerOffset = 4096
    /// Header, load, end of load, end of zeros, entry: instead of the right ones.
    var addresses: [UInt32]?
    var entry: UInt64?
    /// More tags of a Multiboot2 header, whole.
    var tags: [UInt8] = []
    static let linkedAt: UInt64 = 0xC000_0000

    private var header: [UInt8] {
        let load = UInt32(truncatingIfNeeded: address)
        let own = addresses ?? [load + UInt32(headerOffset), load, 0, 0, load + 8192]
        if version == 1 {
            let flags = form == .addresses ? flags | 1 << 16 : flags
            return littleEndian(UInt32(0x1BAD_B002)) + littleEndian(flags)
                + littleEndian((0 &- 0x1BAD_B002 &- flags) &+ checksumError)
                + (form == .addresses ? own.flatMap { littleEndian($0) } : [])
        }
        var tags = self.tags
        if form == .addresses {
            tags += littleEndian(UInt16(2)) + littleEndian(UInt16(0)) + littleEndian(UInt32(24)) + own[..<4].flatMap { littleEndian($0) }
            tags += littleEndian(UInt16(3)) + littleEndian(UInt16(0)) + littleEndian(UInt32(12)) + littleEndian(own[4]) + [0, 0, 0, 0]
        }
        tags += littleEndian(UInt16(0)) + littleEndian(UInt16(0)) + littleEndian(UInt32(8))
        let length = UInt32(16 + tags.count)
        let sum = (0 &- 0xE852_50D6 &- length) &+ checksumError
        return littleEndian(UInt32(0xE852_50D6)) + littleEndian(UInt32(0)) + littleEndian(length) + littleEndian(sum) + tags
    }

    /// The segment begins with the file; the code lies 8 KiB in.
    var bytes: [UInt8] {
        var file = [UInt8](repeating: 0, count: 8192)
        func put(_ bytes: [UInt8], _ offset: Int) { file.replaceSubrange(offset..<offset + bytes.count, with: bytes) }
        put(header, headerOffset)
        file += code
        let count = UInt64(file.count)
        let virtual = address + Self.linkedAt
        let start = entry ?? virtual + 8192
        switch form {
        case .addresses: break
        case .elf32:
            put([0x7F, 0x45, 0x4C, 0x46, 1, 1, 1], 0)
            put(littleEndian(UInt16(2)) + littleEndian(UInt16(3)) + littleEndian(UInt32(1)), 16)
            put(littleEndian(UInt32(truncatingIfNeeded: start)) + littleEndian(UInt32(52)), 24)
            put(littleEndian(UInt16(32)) + littleEndian(UInt16(1)), 42)
            let words = [1, 0, virtual, address, count, memoryCount ?? count, 7, 4096]
            put(words.flatMap { littleEndian(UInt32(truncatingIfNeeded: $0)) }, 52)
        case .elf64:
            put([0x7F, 0x45, 0x4C, 0x46, 2, 1, 1], 0)
            put(littleEndian(UInt16(2)) + littleEndian(UInt16(62)) + littleEndian(UInt32(1)), 16)
            put(littleEndian(start) + littleEndian(UInt64(64)), 24)
            put(littleEndian(UInt16(56)) + littleEndian(UInt16(1)), 54)
            put(littleEndian(UInt32(1)) + littleEndian(UInt32(7)), 64)
            put([0, virtual, address, count, memoryCount ?? count, 4096].flatMap { littleEndian(UInt64($0)) }, 72)
        }
        return file
    }
}
