internal import Devices

/// The header that a kernel for the Multiboot2 Specification (version 2.0, section 3.1) carries in its first 32 KiB: tags, each 8-aligned.
///
///     0  magic 0xE85250D6   4  architecture (0: 32-bit protected mode)   8  its length   12  checksum: the four add up to zero
///     tag  { type: u16, flags: u16 (1: may be ignored), size: u32, content }
struct Multiboot2Header {
    /// Header, start of load, end of load, end of zeros.
    private(set) var addresses: [UInt32]?
    private(set) var entry: UInt32?
    let offset: UInt64

    private static let magic: UInt32 = 0xE852_50D6
    private static let searched = 32768
    private static let tagLimit = 64

    private enum Tag {
        static let end: UInt16 = 0
        static let informationRequest: UInt16 = 1
        static let addresses: UInt16 = 2
        static let entry: UInt16 = 3
        static let console: UInt16 = 4
        static let framebuffer: UInt16 = 5
        static let moduleAlignment: UInt16 = 6
        static let relocatable: UInt16 = 10
    }

    private static func find(in file: some BootFile) -> (offset: Int, count: Int, reader: LittleEndianReader)? {
        let count = Int(min(UInt64(searched), file.byteCount))
        guard let bytes = file.read(at: 0, count: count) else { return nil }
        let reader = LittleEndianReader(bytes: bytes)
        for offset in stride(from: 0, to: count, by: 8) where reader.load(UInt32.self, at: offset) == magic {
            guard let architecture = reader.load(UInt32.self, at: offset + 4), let length = reader.load(UInt32.self, at: offset + 8),
                let checksum = reader.load(UInt32.self, at: offset + 12), architecture == 0,
                magic &+ architecture &+ length &+ checksum == 0, length >= 16, Int(length) <= count - offset
            else { continue }
            return (offset, Int(length), reader)
        }
        return nil
    }

    static func isThere(in file: some BootFile) -> Bool { find(in: file) != nil }

    init(_ file: some BootFile) throws(BootError) {
        guard let (start, length, reader) = Self.find(in: file) else { throw .kernel("it has no Multiboot2 header in its first 32 KiB") }
        offset = UInt64(start)
        var place = start + 16
        let end = start + length
        for _ in 0..<Self.tagLimit {
            guard place + 8 <= end, let type = reader.load(UInt16.self, at: place), type != Tag.end,
                let flags = reader.load(UInt16.self, at: place + 2), let size = reader.load(UInt32.self, at: place + 4)
            else { return }
            guard size >= 8, Int(size) <= end - place else { throw .kernel("a tag of its Multiboot2 header has \(size) bytes") }
            let content = (8..<Int(size)).count / 4
            let words = (0..<content).compactMap { reader.load(UInt32.self, at: place + 8 + $0 * 4) }
            try take(type, isOptional: flags & 1 != 0, words)
            place += (Int(size) + 7) & ~7
        }
        throw .kernel("its Multiboot2 header has more than \(Self.tagLimit) tags")
    }

    private mutating func take(_ type: UInt16, isOptional: Bool, _ words: [UInt32]) throws(BootError) {
        switch type {
        case Tag.informationRequest:
            if let missing = words.first(where: { !Multiboot2Boot.given.contains($0) }), !isOptional {
                throw .kernel("it demands information of type \(missing), which this loader does not have")
            }
        case Tag.addresses where words.count >= 4: addresses = Array(words[..<4])
        case Tag.entry where words.count >= 1: entry = words[0]
        // There is no text console but what the guest finds itself; modules are always aligned; what may be moved stays where it is.
        case Tag.console, Tag.moduleAlignment, Tag.relocatable: break
        default:
            if !isOptional { throw .kernel("its Multiboot2 header demands tag \(type), which this loader does not know") }
        }
    }
}

/// The Multiboot2 Specification, version 2.0: 32-bit protected mode, EAX the magic, EBX the tags (section 3.6).
///
///     information   { total: u32, 0: u32, tags, each 8-aligned }     tag { type: u32, size: u32, content }
enum Multiboot2Boot {
    static let enteredMagic: UInt64 = 0x36D7_6289

    private enum Tag {
        static let end: UInt32 = 0
        static let commandLine: UInt32 = 1
        static let loader: UInt32 = 2
        static let module: UInt32 = 3
        static let memory: UInt32 = 4
        static let map: UInt32 = 6
    }
    /// What a kernel may demand.
    static let given: Set<UInt32> = [Tag.commandLine, Tag.loader, Tag.module, Tag.memory, Tag.map]

    static func plan(_ kernel: some BootFile, modules: [BootModule], commandLine: [UInt8], ram: RAMLayout) throws(BootError) -> BootPlan {
        let header = try Multiboot2Header(kernel)
        let image: MultibootImage
        if let at = header.addresses {
            guard let entry = header.entry else { throw .kernel("its Multiboot2 header has addresses, but no entry") }
            // All ones: from the beginning of the file.
            let load = at[1] == .max ? at[0] &- UInt32(truncatingIfNeeded: header.offset) : at[1]
            image = try MultibootImage(
                addressesOf: kernel, header: (header.offset, at[0]), load: load, loadEnd: at[2], zeroEnd: at[3], entry: entry, ram: ram)
        } else {
            image = try MultibootImage(elf: kernel, entry: header.entry, ram: ram)
        }
        let places = try BootPlan.placeModules(modules.map(\.file.byteCount), above: max(image.end, 1 << 20), below: ram.low)
        let information = information(places, modules, commandLine, ram)
        let room = BootLayout.multibootStrings + UInt64(BootLayout.multibootStringLimit) - BootLayout.multiboot
        guard information.count <= room else {
            throw .commandLine("and the modules' are longer than \(room) bytes together")
        }
        var plan = BootPlan(
            entry: EntryState(mode: .protected, instruction: image.entry, rax: enteredMagic, rbx: BootLayout.multiboot))
        plan.loads = image.loads + places.filter { $0.count > 0 }
        plan.pieces = [BootPlan.Piece(address: BootLayout.multiboot, bytes: information)]
        return plan
    }

    private static func information(
        _ places: [BootPlan.Load], _ modules: [BootModule], _ commandLine: [UInt8], _ ram: RAMLayout
    ) -> [UInt8] {
        var bytes = LittleEndianBytes()
        bytes.pad(to: 8)
        func tag(_ type: UInt32, _ content: LittleEndianBytes) {
            bytes.append(type)
            bytes.append(UInt32(truncatingIfNeeded: content.count + 8))
            bytes.append(content.bytes)
            bytes.pad(to: (bytes.count + 7) & ~7)
        }
        func text(_ value: [UInt8]) -> LittleEndianBytes {
            var content = LittleEndianBytes()
            content.append(value + [0])
            return content
        }
        tag(Tag.commandLine, text(MultibootStrings.commandLine(commandLine)))
        tag(Tag.loader, text(MultibootStrings.loader))
        for (place, module) in zip(places, modules) {
            var content = LittleEndianBytes()
            content.append(UInt32(truncatingIfNeeded: place.address))
            content.append(UInt32(truncatingIfNeeded: place.address + place.count))
            content.append(module.text + [0])
            tag(Tag.module, content)
        }
        var memory = LittleEndianBytes()
        memory.append(UInt32(truncatingIfNeeded: AddressMap.ebda / 1024))
        memory.append(UInt32(truncatingIfNeeded: (ram.low - BootLayout.kernel) / 1024))
        tag(Tag.memory, memory)
        var map = LittleEndianBytes()
        map.append(UInt32(24))
        map.append(UInt32(0))
        for entry in ram.map {
            map.append(entry.address)
            map.append(entry.count)
            map.append(entry.type)
            map.append(UInt32(0))
        }
        tag(Tag.map, map)
        tag(Tag.end, LittleEndianBytes())
        bytes.store(UInt32(truncatingIfNeeded: bytes.count), at: 0)
        return bytes.bytes
    }
}
