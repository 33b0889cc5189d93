internal import Devices

/// The PVH protocol: an ELF file whose note names a 32-bit entry; EBX points at the start info.
///
///     start info  0  magic 0x336EC578   16 module list   40 memory map
///                 4  version 1          24 command line  48 its entries
///                 8  flags 0            32 RSDP          52 0
///                 12 modules
///
/// Source: xen/include/public/arch-x86/hvm/start_info.h and docs/misc/pvh.pandoc of Xen.
enum PVHBoot {
    private static let entryNote: UInt32 = 18
    private static let magic: UInt32 = 0x336E_C578

    static func plan(_ kernel: some BootFile, initrdCount: UInt64, commandLine: [UInt8], ram: RAMLayout) throws(BootError) -> BootPlan {
        let file = try ELF(kernel)
        guard commandLine.count <= BootLayout.commandLineLimit else {
            throw .commandLine("is \(commandLine.count) bytes long, the limit is \(BootLayout.commandLineLimit)")
        }
        let entry = try findEntry(file)
        let end = try checkSegments(file, ram: ram)
        guard file.segments.contains(where: { entry >= $0.address && entry - $0.address < $0.memoryCount }) else {
            throw .kernel("its entry 0x\(hex(entry)) lies outside what is loaded")
        }
        let initrd = initrdCount == 0 ? 0 : try BootPlan.placeInitrd(initrdCount, above: max(end, 1 << 20), below: ram.low)

        var plan = BootPlan(entry: EntryState(mode: .protected, instruction: entry, rbx: BootLayout.startInfo))
        plan.loads = file.segments.filter { $0.fileCount > 0 }.map {
            BootPlan.Load(source: .kernel, offset: $0.offset, count: $0.fileCount, address: $0.address)
        }
        if initrdCount > 0 { plan.loads.append(BootPlan.Load(source: .initrd, offset: 0, count: initrdCount, address: initrd)) }
        plan.pieces = [BootPlan.Piece(address: BootLayout.startInfo, bytes: startInfo(initrd: initrd, initrdCount: initrdCount, ram: ram))]
        return plan
    }

    /// The note's content is 4 or 8 bytes, whatever the class of the file.
    private static func findEntry(_ file: ELF) throws(BootError) -> UInt64 {
        for note in file.notes where note.type == entryNote && note.name == Array("Xen\0".utf8) {
            let content = LittleEndianReader(bytes: note.content)
            switch note.content.count {
            case 4: return UInt64(content.load(UInt32.self, at: 0) ?? 0)
            case 8:
                let entry = content.load(UInt64.self, at: 0) ?? 0
                guard entry <= UInt32.max else { throw .kernel("its PVH entry 0x\(hex(entry)) is not a 32-bit address") }
                return entry
            default: throw .kernel("its PVH entry note has \(note.content.count) bytes")
            }
        }
        throw .kernel("it is an ELF file without a PVH entry note (type 18, name Xen)")
    }

    /// Every segment must lie in RAM that is a kernel's to use, and none over another.
    /// - Returns: one past the last byte of any.
    private static func checkSegments(_ file: ELF, ram: RAMLayout) throws(BootError) -> UInt64 {
        guard !file.segments.isEmpty else { throw .kernel("there is nothing to load in it") }
        var end: UInt64 = 0
        for segment in file.segments.sorted(by: { $0.address < $1.address }) {
            let (last, wraps) = segment.address.addingReportingOverflow(segment.memoryCount)
            let isLow = segment.address >= BootLayout.imageFloor && last <= AddressMap.ebda
            let isHigh = segment.address >= BootLayout.kernel && last <= ram.low
            guard !wraps, isLow || isHigh else {
                throw .kernel(
                    "a segment of \(segment.memoryCount) bytes wants to lie at 0x\(hex(segment.address)), the machine has memory up to 0x\(hex(ram.low))"
                )
            }
            guard segment.address >= end else { throw .kernel("two of its segments overlap at 0x\(hex(segment.address))") }
            end = last
        }
        return end
    }

    private static func startInfo(initrd: UInt64, initrdCount: UInt64, ram: RAMLayout) -> [UInt8] {
        var bytes = LittleEndianBytes()
        let map = ram.map
        bytes.append(magic)
        bytes.append(UInt32(1))
        bytes.append(UInt32(0))
        bytes.append(UInt32(initrdCount > 0 ? 1 : 0))
        bytes.append(initrdCount > 0 ? BootLayout.moduleList : 0)
        bytes.append(BootLayout.commandLine)
        bytes.append(AddressMap.rsdp)
        bytes.append(BootLayout.memoryMap)
        bytes.append(UInt32(map.count))
        bytes.append(UInt32(0))
        bytes.pad(to: Int(BootLayout.moduleList - BootLayout.startInfo))
        for number in [initrd, initrdCount, 0, 0] { bytes.append(number) }
        bytes.pad(to: Int(BootLayout.memoryMap - BootLayout.startInfo))
        for entry in map {
            bytes.append(entry.address)
            bytes.append(entry.count)
            bytes.append(UInt64(entry.type))
        }
        return bytes.bytes
    }
}
