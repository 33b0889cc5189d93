internal import Devices

/// The Multiboot Specification, version 0.6.96: 32-bit protected mode, EAX the magic, EBX the information (section 3.3).
///
///     information   0 flags  4 KiB below 640 KiB  8 KiB from 1 MiB up  16 command line  20 modules  24 their list
///                   44 bytes of the memory map  48 the map  64 the loader's name
///     module        { start, end, string, 0 }
///     map entry     { 20, address: u64, count: u64, type }
enum MultibootBoot {
    static let enteredMagic: UInt64 = 0x2BAD_B002
    private static let informationCount = 120

    private enum HeaderFlag {
        /// What a loader must do or refuse: whole pages for modules, memory sizes.
        static let served: UInt32 = 0b11
        static let required: UInt32 = 0xFFFF
        static let addresses: UInt32 = 1 << 16
    }

    private enum Flag {
        static let memory: UInt32 = 1 << 0
        static let commandLine: UInt32 = 1 << 2
        static let modules: UInt32 = 1 << 3
        static let map: UInt32 = 1 << 6
        static let loader: UInt32 = 1 << 9
    }

    static func plan(_ kernel: some BootFile, modules: [BootModule], commandLine: [UInt8], ram: RAMLayout) throws(BootError) -> BootPlan {
        guard let header = MultibootHeader.find(in: kernel) else { throw .kernel("it has no Multiboot header in its first 8 KiB") }
        let unserved = header.flags & HeaderFlag.required & ~HeaderFlag.served
        guard unserved == 0 else {
            throw .kernel(
                unserved == 4
                    ? "it demands a video mode" : "its Multiboot header demands flags 0x\(hex(unserved)), which this loader does not know")
        }
        let image: MultibootImage
        if header.flags & HeaderFlag.addresses != 0 {
            guard header.addresses.count == 5 else { throw .kernel("its Multiboot header is cut short") }
            let at = header.addresses
            image = try MultibootImage(
                addressesOf: kernel, header: (header.offset, at[0]), load: at[1], loadEnd: at[2], zeroEnd: at[3], entry: at[4], ram: ram)
        } else {
            image = try MultibootImage(elf: kernel, ram: ram)
        }
        let places = try BootPlan.placeModules(modules.map(\.file.byteCount), above: max(image.end, 1 << 20), below: ram.low)
        var strings = MultibootStrings()
        let information = try information(places, modules, commandLine, ram, &strings)
        var plan = BootPlan(
            entry: EntryState(mode: .protected, instruction: image.entry, rax: enteredMagic, rbx: BootLayout.multiboot))
        plan.loads = image.loads + places.filter { $0.count > 0 }
        plan.pieces = [
            BootPlan.Piece(address: BootLayout.multiboot, bytes: information),
            BootPlan.Piece(address: BootLayout.multibootStrings, bytes: strings.bytes),
        ]
        return plan
    }

    private static func information(
        _ places: [BootPlan.Load], _ modules: [BootModule], _ commandLine: [UInt8], _ ram: RAMLayout, _ strings: inout MultibootStrings
    ) throws(BootError) -> [UInt8] {
        var tables = LittleEndianBytes()
        for (place, module) in zip(places, modules) {
            let text = try strings.add(module.text)
            for value in [place.address, place.address + place.count, text, 0] { tables.append(UInt32(truncatingIfNeeded: value)) }
        }
        let list = BootLayout.multiboot + UInt64(informationCount)
        let map = list + UInt64(tables.count)
        for entry in ram.map {
            tables.append(UInt32(20))
            tables.append(entry.address)
            tables.append(entry.count)
            tables.append(entry.type)
        }
        let line = try strings.add(MultibootStrings.commandLine(commandLine))
        let loader = try strings.add(MultibootStrings.loader)

        var bytes = LittleEndianBytes()
        bytes.pad(to: informationCount)
        func put(_ value: UInt64, _ offset: Int) { bytes.store(UInt32(truncatingIfNeeded: value), at: offset) }
        put(UInt64(Flag.memory | Flag.commandLine | Flag.modules | Flag.map | Flag.loader), 0)
        put(AddressMap.ebda / 1024, 4)
        put((ram.low - BootLayout.kernel) / 1024, 8)
        put(line, 16)
        put(UInt64(places.count), 20)
        put(list, 24)
        put(list + UInt64(tables.count) - map, 44)
        put(map, 48)
        put(loader, 64)
        return bytes.bytes + tables.bytes
    }
}
