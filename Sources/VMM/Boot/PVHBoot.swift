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

    static func plan(_ kernel: some BootFile, modules: [UInt64], commandLine: [UInt8], ram: RAMLayout) throws(BootError) -> BootPlan {
        let file = try ELF(kernel)
        guard commandLine.count <= BootLayout.commandLineLimit else {
            throw .commandLine("is \(commandLine.count) bytes long, the limit is \(BootLayout.commandLineLimit)")
        }
        let entry = try findEntry(file)
        let end = try file.end(in: ram)
        guard file.loads(entry) else { throw .kernel("its entry 0x\(hex(entry)) lies outside what is loaded") }
        guard modules.count <= BootLayout.pvhModuleLimit else {
            throw .initrd("PVH hands over \(BootLayout.pvhModuleLimit) modules, not \(modules.count)")
        }
        let places = try BootPlan.placeModules(modules, above: max(end, 1 << 20), below: ram.low)

        var plan = BootPlan(entry: EntryState(mode: .protected, instruction: entry, rbx: BootLayout.startInfo))
        plan.loads = file.loads + places
        plan.pieces = [
            BootPlan.Piece(address: BootLayout.startInfo, bytes: startInfo(places, ram: ram)),
            BootPlan.Piece(address: BootLayout.commandLine, bytes: commandLine + [0]),
        ]
        return plan
    }

    /// The note's content is 4 or 8 bytes, whatever the class of the file.
    private static func findEntry(_ file: ELF) throws(BootError) -> UInt64 {
        for note in file.notes where isEntry(note) {
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
        throw .kernel("it is an ELF file without a PVH entry note (type 18, name Xen) and without a Multiboot header")
    }

    private static func isEntry(_ note: ELF.Note) -> Bool { note.type == entryNote && note.name == Array("Xen\0".utf8) }

    /// Whether the file can be entered so at all.
    static func canEnter(_ file: ELF) -> Bool { file.notes.contains(where: isEntry) }

    private static func startInfo(_ modules: [BootPlan.Load], ram: RAMLayout) -> [UInt8] {
        var bytes = LittleEndianBytes()
        let map = ram.map
        bytes.append(magic)
        bytes.append(UInt32(1))
        bytes.append(UInt32(0))
        bytes.append(UInt32(modules.count))
        bytes.append(modules.isEmpty ? 0 : BootLayout.moduleList)
        bytes.append(BootLayout.commandLine)
        bytes.append(AddressMap.rsdp)
        bytes.append(BootLayout.memoryMap)
        bytes.append(UInt32(map.count))
        bytes.append(UInt32(0))
        bytes.pad(to: Int(BootLayout.moduleList - BootLayout.startInfo))
        for module in modules {
            for number in [module.address, module.count, 0, 0] { bytes.append(number) }
        }
        bytes.pad(to: Int(BootLayout.memoryMap - BootLayout.startInfo))
        for entry in map {
            bytes.append(entry.address)
            bytes.append(entry.count)
            bytes.append(UInt64(entry.type))
        }
        return bytes.bytes
    }
}
