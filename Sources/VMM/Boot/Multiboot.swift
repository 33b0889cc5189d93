internal import Devices

/// The header that a kernel for the Multiboot Specification (version 0.6.96, section 3.1) carries in its first 8 KiB.
///
///     0  magic 0x1BADB002   4  flags   8  checksum: the three add up to zero
///     with flag 16:  12 header  16 load  20 end of load  24 end of zeros  28 entry, all physical addresses
struct MultibootHeader {
    /// Where it lies in the file.
    var offset: UInt64
    var flags: UInt32
    /// The five addresses, in order.
    var addresses: [UInt32]

    private static let magic: UInt32 = 0x1BAD_B002
    private static let searched = 8192

    static func find(in file: some BootFile) -> MultibootHeader? {
        let count = Int(min(UInt64(searched), file.byteCount))
        guard let bytes = file.read(at: 0, count: count) else { return nil }
        let reader = LittleEndianReader(bytes: bytes)
        for offset in stride(from: 0, to: count, by: 4) where reader.load(UInt32.self, at: offset) == magic {
            guard let flags = reader.load(UInt32.self, at: offset + 4), let checksum = reader.load(UInt32.self, at: offset + 8),
                magic &+ flags &+ checksum == 0
            else { continue }
            let addresses = (0..<5).compactMap { reader.load(UInt32.self, at: offset + 12 + $0 * 4) }
            return MultibootHeader(offset: UInt64(offset), flags: flags, addresses: addresses)
        }
        return nil
    }
}

/// What is loaded of a Multiboot kernel, of either version, and where it is entered.
struct MultibootImage {
    var loads: [BootPlan.Load]
    var entry: UInt64
    /// One past the last byte, zeros included.
    var end: UInt64

    /// From an ELF file of either class. The entry is mostly a virtual address: it is entered where the segment that holds it is loaded.
    init(elf kernel: some BootFile, entry given: UInt32? = nil, ram: RAMLayout) throws(BootError) {
        let file = try ELF(kernel)
        end = try file.end(in: ram)
        loads = file.loads
        if let given {
            entry = UInt64(given)
        } else if let segment = file.segments.first(where: {
            file.entry >= $0.virtualAddress && file.entry - $0.virtualAddress < $0.memoryCount
        }) {
            // Neither sum can wrap: the segment was found to lie in memory.
            entry = segment.address + (file.entry - segment.virtualAddress)
        } else {
            entry = file.entry
        }
        guard file.loads(entry) else { throw .kernel("its entry 0x\(hex(file.entry)) lies outside what is loaded") }
    }

    /// By addresses in the header, whatever the file is otherwise.
    ///
    /// - Parameters:
    ///   - header: where the header lies, in the file and in memory: the two tell where the rest of the file belongs.
    ///   - loadEnd: 0 for the file's end.
    ///   - zeroEnd: 0 for none.
    init(
        addressesOf kernel: some BootFile, header: (offset: UInt64, address: UInt32), load: UInt32, loadEnd: UInt32, zeroEnd: UInt32,
        entry: UInt32, ram: RAMLayout
    ) throws(BootError) {
        guard load <= header.address, UInt64(header.address - load) <= header.offset else {
            throw .kernel("its Multiboot header wants to be loaded at 0x\(hex(load)), from before the file's beginning")
        }
        let start = header.offset - UInt64(header.address - load)
        let available = kernel.byteCount - start
        let count = loadEnd == 0 ? available : UInt64(loadEnd) &- UInt64(load)
        guard loadEnd == 0 || loadEnd > load, count <= available, count > 0 else {
            throw .kernel("its Multiboot header loads up to 0x\(hex(loadEnd)), which the file does not have")
        }
        let filled = UInt64(load) + count
        end = max(filled, UInt64(zeroEnd))
        try ram.checkImage(at: UInt64(load), count: end - UInt64(load), called: "an image")
        guard UInt64(entry) >= UInt64(load), UInt64(entry) < filled else {
            throw .kernel("its entry 0x\(hex(entry)) lies outside what is loaded")
        }
        loads = [BootPlan.Load(source: .kernel, offset: start, count: count, address: UInt64(load))]
        self.entry = UInt64(entry)
    }
}

/// Strings that a Multiboot kernel is given, one after another, and where each of them lies.
struct MultibootStrings {
    /// What a loader calls itself.
    static let loader = Array("vmlab".utf8)
    /// Kernels expect the image's own name as the first word; a file that is only a descriptor has none.
    static func commandLine(_ text: [UInt8]) -> [UInt8] { Array("kernel".utf8) + (text.isEmpty ? [] : [0x20] + text) }

    private(set) var bytes: [UInt8] = []

    /// - Returns: its address.
    mutating func add(_ text: [UInt8]) throws(BootError) -> UInt64 {
        let place = BootLayout.multibootStrings + UInt64(bytes.count)
        bytes += text + [0]
        guard bytes.count <= BootLayout.multibootStringLimit else {
            throw .commandLine("and the modules' are longer than \(BootLayout.multibootStringLimit) bytes together")
        }
        return place
    }
}
