internal import Devices

/// The parts of an ELF executable that loading needs, of either class: segments and notes.
///
/// Everything is read once, bounded and checked; a file that lies is refused.
struct ELF {
    struct Segment {
        var offset: UInt64
        /// Where it wants to lie: the physical address.
        var address: UInt64
        /// Where its own code believes to lie once it has turned on paging.
        var virtualAddress: UInt64
        var fileCount: UInt64
        var memoryCount: UInt64
    }

    struct Note {
        var name: [UInt8]
        var type: UInt32
        var content: [UInt8]
    }

    private(set) var segments: [Segment] = []
    private(set) var notes: [Note] = []
    /// The header's own entry, as linked: often a virtual address.
    private(set) var entry: UInt64

    /// A kernel has fewer than ten program headers.
    private static let headerLimit = 64
    /// The notes of a kernel are a few hundred bytes.
    private static let noteLimit: UInt64 = 65536
    private static let noteCountLimit = 256

    init(_ file: some BootFile) throws(BootError) {
        guard let identification = file.read(at: 0, count: 64), identification[..<4] == [0x7F, 0x45, 0x4C, 0x46] else {
            throw .kernel("its ELF header is cut short")
        }
        let header = LittleEndianReader(bytes: identification)
        let is64 = identification[4] == 2
        guard is64 || identification[4] == 1, identification[5] == 1 else { throw .kernel("it is an ELF file of another kind of computer") }
        let machine = header.load(UInt16.self, at: 18) ?? 0
        guard machine == 62 || machine == 3 else { throw .kernel("it is an ELF file for machine \(machine), not for x86") }
        entry = is64 ? header.load(UInt64.self, at: 24) ?? 0 : UInt64(header.load(UInt32.self, at: 24) ?? 0)
        let table = is64 ? header.load(UInt64.self, at: 32) ?? 0 : UInt64(header.load(UInt32.self, at: 28) ?? 0)
        let size = Int(header.load(UInt16.self, at: is64 ? 54 : 42) ?? 0)
        let count = Int(header.load(UInt16.self, at: is64 ? 56 : 44) ?? 0)
        guard count > 0, count <= Self.headerLimit, size >= (is64 ? 56 : 32), size <= 256 else {
            throw .kernel("it has \(count) program headers of \(size) bytes")
        }
        guard let bytes = file.read(at: table, count: size * count) else { throw .kernel("its program headers lie outside the file") }
        for index in 0..<count {
            let entry = LittleEndianReader(bytes: Array(bytes[index * size..<(index + 1) * size]))
            try take(entry, is64: is64, from: file)
        }
    }

    private mutating func take(_ entry: LittleEndianReader, is64: Bool, from file: some BootFile) throws(BootError) {
        func word(_ at64: Int, _ at32: Int) -> UInt64 {
            is64 ? entry.load(UInt64.self, at: at64) ?? 0 : UInt64(entry.load(UInt32.self, at: at32) ?? 0)
        }
        let segment = Segment(
            offset: word(8, 4), address: word(24, 12), virtualAddress: word(16, 8), fileCount: word(32, 16), memoryCount: word(40, 20))
        let (end, wraps) = segment.offset.addingReportingOverflow(segment.fileCount)
        switch entry.load(UInt32.self, at: 0) {
        case 1 where segment.memoryCount > 0:  // PT_LOAD
            guard !wraps, end <= file.byteCount else { throw .kernel("a segment's bytes lie outside the file") }
            guard segment.fileCount <= segment.memoryCount else { throw .kernel("a segment is larger in the file than in memory") }
            segments.append(segment)
        case 4 where segment.fileCount > 0:  // PT_NOTE
            guard !wraps, end <= file.byteCount else { throw .kernel("its notes lie outside the file") }
            guard segment.fileCount <= Self.noteLimit, let bytes = file.read(at: segment.offset, count: Int(segment.fileCount)) else {
                throw .kernel("it has \(segment.fileCount) bytes of notes")
            }
            readNotes(bytes, alignment: word(48, 28) == 8 ? 8 : 4)
        default: break
        }
    }

    /// Name and content each begin aligned. A note that does not fit ends the list.
    private mutating func readNotes(_ bytes: [UInt8], alignment: Int) {
        let reader = LittleEndianReader(bytes: bytes)
        var place = 0
        // Each turn goes at least 12 bytes on.
        while notes.count < Self.noteCountLimit, let nameCount = reader.load(UInt32.self, at: place),
            let contentCount = reader.load(UInt32.self, at: place + 4), let type = reader.load(UInt32.self, at: place + 8)
        {
            let name = place + 12
            let content = Self.aligned(name + Int(nameCount), alignment)
            let end = content + Int(contentCount)
            guard name + Int(nameCount) <= bytes.count, end <= bytes.count else { return }
            notes.append(
                Note(name: Array(bytes[name..<name + Int(nameCount)]), type: type, content: Array(bytes[content..<end])))
            place = Self.aligned(end, alignment)
        }
    }

    private static func aligned(_ value: Int, _ alignment: Int) -> Int { (value + alignment - 1) / alignment * alignment }
}

extension ELF {
    /// Every segment must lie in RAM that is a kernel's to use, and none over another.
    /// - Returns: one past the last byte of any.
    func end(in ram: RAMLayout) throws(BootError) -> UInt64 {
        guard !segments.isEmpty else { throw .kernel("there is nothing to load in it") }
        var end: UInt64 = 0
        for segment in segments.sorted(by: { $0.address < $1.address }) {
            try ram.checkImage(at: segment.address, count: segment.memoryCount, called: "a segment")
            guard segment.address >= end else { throw .kernel("two of its segments overlap at 0x\(hex(segment.address))") }
            end = segment.address + segment.memoryCount
        }
        return end
    }

    var loads: [BootPlan.Load] {
        segments.filter { $0.fileCount > 0 }.map {
            BootPlan.Load(source: .kernel, offset: $0.offset, count: $0.fileCount, address: $0.address)
        }
    }

    func loads(_ address: UInt64) -> Bool { segments.contains { address >= $0.address && address - $0.address < $0.memoryCount } }
}

extension RAMLayout {
    /// Part of a kernel must lie in low memory above what the monitor puts there, or in memory from 1 MiB up.
    func checkImage(at address: UInt64, count: UInt64, called name: String) throws(BootError) {
        let (last, wraps) = address.addingReportingOverflow(count)
        let isLow = address >= BootLayout.imageFloor && last <= AddressMap.ebda
        let isHigh = address >= BootLayout.kernel && last <= low
        guard !wraps, isLow || isHigh else {
            throw .kernel("\(name) of \(count) bytes wants to lie at 0x\(hex(address)), the machine has memory up to 0x\(hex(low))")
        }
    }
}
