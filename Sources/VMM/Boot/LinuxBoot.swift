internal import Devices

/// Linux's boot protocol: a bzImage, entered in 64-bit mode, or in 32-bit mode where that is all it has.
///
///     file    0x000  real-mode setup code, (setup_sects + 1) * 512 bytes, not used; holds the setup header at 0x1F1
///             then   protected-mode code, loaded at 1 MiB: 32-bit entry at its start, 64-bit entry 0x200 further on
///     memory  the kernel moves and unpacks itself to [pref_address, pref_address + init_size): nothing else may lie there
///
/// Source: Documentation/arch/x86/boot.rst of the kernel.
enum LinuxBoot {
    /// Offsets in the file and in the zero page alike.
    private enum Field {
        static let header = 0x1F1
        static let systemSize = 0x1F4
        static let jump = 0x201
        static let version = 0x206
        static let loader = 0x210
        static let flags = 0x211
        static let code32 = 0x214
        static let initrdAddress = 0x218
        static let initrdCount = 0x21C
        static let commandLine = 0x228
        static let initrdLimit = 0x22C
        static let relocatable = 0x234
        static let extendedFlags = 0x236
        static let commandLineLimit = 0x238
        static let preferredAddress = 0x258
        static let memoryNeeded = 0x260
    }

    /// The zero page's own fields.
    private enum ZeroPage {
        static let acpiRoot = 0x070
        static let mapCount = 0x1E8
        static let map = 0x2D0
        static let headerLimit = 0x290
    }

    /// The header that all of the fields lie in.
    private static let headerCount = 0x290

    static func plan(_ kernel: some BootFile, modules: [UInt64], commandLine: [UInt8], ram: RAMLayout) throws(BootError) -> BootPlan {
        guard let bytes = kernel.read(at: 0, count: headerCount) else { throw .kernel("its setup header is cut short") }
        let header = LittleEndianReader(bytes: bytes)
        // 2.10 (Linux 2.6.31) is the first that says where it unpacks itself, which is what decides where an initrd may lie.
        let version = header.load(UInt16.self, at: Field.version) ?? 0
        guard version >= 0x20A else { throw .kernel("its boot protocol is \(version >> 8).\(version & 0xFF), at least 2.10 is needed") }
        guard bytes[Field.flags] & 1 != 0 else { throw .kernel("it is a zImage, to be loaded below 1 MiB; a bzImage is needed") }

        let sectors = bytes[Field.header] == 0 ? 4 : UInt64(bytes[Field.header])
        let setup = (sectors + 1) * 512
        let needed = setup + UInt64(header.load(UInt32.self, at: Field.systemSize) ?? 0) * 16
        // The size is in units of 16 bytes, so the file may be up to 15 bytes shorter.
        guard kernel.byteCount > setup, kernel.byteCount + 15 >= needed else {
            throw .kernel("it is cut short: \(kernel.byteCount) bytes of \(max(needed, setup + 1))")
        }
        let imageCount = kernel.byteCount - setup
        let isRelocatable = bytes[Field.relocatable] != 0
        let preferred = header.load(UInt64.self, at: Field.preferredAddress) ?? 0
        let memoryNeeded = UInt64(header.load(UInt32.self, at: Field.memoryNeeded) ?? 0)
        // A relocatable kernel that is loaded lower moves up to its preferred address; another runs where it is.
        let base = isRelocatable ? max(BootLayout.kernel, preferred) : BootLayout.kernel
        let (runEnd, wraps) = base.addingReportingOverflow(memoryNeeded)
        guard !wraps, runEnd <= ram.low else {
            throw .kernel(
                "it unpacks itself up to address 0x\(wraps ? "1" : "")\(hex(runEnd)), the machine has memory up to 0x\(hex(ram.low))")
        }
        guard imageCount <= ram.low - BootLayout.kernel else { throw .kernel("its \(imageCount) bytes do not fit into memory") }
        let end = max(runEnd, BootLayout.kernel + imageCount)

        let limit = min(Int(clamping: header.load(UInt32.self, at: Field.commandLineLimit) ?? 255), BootLayout.commandLineLimit)
        guard commandLine.count <= limit else { throw .commandLine("is \(commandLine.count) bytes long, this kernel takes \(limit)") }

        let flags = header.load(UInt16.self, at: Field.extendedFlags) ?? 0
        let is64 = version >= 0x20C && flags & 1 != 0
        let code32 = header.load(UInt32.self, at: Field.code32) ?? 0
        guard is64 || code32 != 0 else {
            throw .kernel(
                "it has a 16-bit entry only, which needs a BIOS: put it on a disk or a CD that firmware (`boot: {firmware: ...}`) starts")
        }

        let highest = UInt64(header.load(UInt32.self, at: Field.initrdLimit) ?? 0x37FF_FFFF) + 1
        let (parts, initrdCount) = try joined(modules)
        let initrd = initrdCount == 0 ? 0 : try BootPlan.place(initrdCount, above: end, below: min(highest, ram.low))

        let zeroPage = makeZeroPage(bytes, initrd: initrd, initrdCount: initrdCount, ram: ram)
        var plan = BootPlan(
            entry: EntryState(
                mode: is64 ? .long : .protected, instruction: BootLayout.kernel + (is64 ? 0x200 : 0), stack: BootLayout.stack,
                rsi: BootLayout.zeroPage))
        plan.loads = [BootPlan.Load(source: .kernel, offset: setup, count: imageCount, address: BootLayout.kernel)]
        for (index, part) in parts.enumerated() where part.count > 0 {
            plan.loads.append(BootPlan.Load(source: .module(index), offset: 0, count: part.count, address: initrd + part.offset))
        }
        plan.pieces = [
            BootPlan.Piece(address: BootLayout.zeroPage, bytes: zeroPage),
            BootPlan.Piece(address: BootLayout.commandLine, bytes: commandLine + [0]),
        ]
        return plan
    }

    /// Several archives one after another are one initial RAM disk; each begins at a multiple of four.
    private static func joined(_ modules: [UInt64]) throws(BootError) -> (parts: [(offset: UInt64, count: UInt64)], total: UInt64) {
        var parts: [(offset: UInt64, count: UInt64)] = []
        var total: UInt64 = 0
        for count in modules {
            let offset = (total + 3) & ~3
            let (end, wraps) = offset.addingReportingOverflow(count)
            guard !wraps, end <= UInt32.max else { throw .initrd("together they have more than 4 GiB") }
            parts.append((offset, count))
            total = end
        }
        return (parts, total)
    }

    private static func makeZeroPage(_ header: [UInt8], initrd: UInt64, initrdCount: UInt64, ram: RAMLayout) -> [UInt8] {
        var page = LittleEndianBytes(capacity: 4096)
        page.pad(to: 4096)
        // The header's length is in its first instruction: a jump over it.
        let end = min(0x202 + Int(header[Field.jump]), ZeroPage.headerLimit, header.count)
        for offset in Field.header..<max(end, Field.header) { page.store(header[offset], at: offset) }
        page.store(UInt8(0xFF), at: Field.loader)  // a loader without a number of its own
        page.store(UInt32(truncatingIfNeeded: BootLayout.kernel), at: Field.code32)
        page.store(UInt32(truncatingIfNeeded: initrd), at: Field.initrdAddress)
        page.store(UInt32(truncatingIfNeeded: initrdCount), at: Field.initrdCount)
        page.store(UInt32(truncatingIfNeeded: BootLayout.commandLine), at: Field.commandLine)
        page.store(AddressMap.rsdp, at: ZeroPage.acpiRoot)
        let map = ram.map
        page.store(UInt8(map.count), at: ZeroPage.mapCount)
        for (index, entry) in map.enumerated() {
            let place = ZeroPage.map + index * 20
            page.store(entry.address, at: place)
            page.store(entry.count, at: place + 8)
            page.store(entry.type, at: place + 16)
        }
        return page.bytes
    }
}
