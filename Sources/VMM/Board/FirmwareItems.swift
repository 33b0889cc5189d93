internal import Devices

/// What firmware is told of its machine, as items of the firmware configuration device.
struct FirmwareItems {
    /// Files that firmware may boot without a disk.
    struct Payload: Sendable {
        var kernel: BlobFile
        var initrd: BlobFile?
        var commandLine: [UInt8]
    }

    var cpus: Int
    var ram: RAMLayout
    var payload: Payload?
    /// Open Firmware's names of the disks, in boot order.
    var disks: [String]
    var hasSerialConsole: Bool
    /// The board as firmware has set it up by now.
    var setting: @Sendable () -> ACPITables.Setting

    func device(memory: GuestMemory) -> FirmwareConfiguration {
        FirmwareConfiguration(numbered: numbered, files: files, memory: memory)
    }

    /// A virtio disk.
    static func name(ofDiskAt address: PCIAddress) -> String { "/pci@i0cf8/scsi@\(hex(address.device))/disk@0,0" }

    /// A drive of the IDE function.
    static func name(ofDrive number: Int, onChannel channel: Int) -> String {
        let address = AddressMap.ideFunction
        return "/pci@i0cf8/ide@\(hex(address.device)),\(hex(address.function))/drive@\(channel)/disk@\(number)"
    }

    private var numbered: [UInt16: FirmwareConfiguration.Item] {
        typealias Key = FirmwareConfiguration.Key
        func item<T: FixedWidthInteger>(_ value: T) -> FirmwareConfiguration.Item {
            var bytes = LittleEndianBytes()
            bytes.append(value)
            return .init(.bytes(bytes.bytes))
        }
        var items = [
            Key.machineID: FirmwareConfiguration.Item(.bytes([UInt8](repeating: 0, count: 16))),
            Key.memorySize: item(ram.byteCount),
            Key.hasNoGraphics: item(UInt16(1)),
            Key.processors: item(UInt16(clamping: cpus)),
            Key.mostProcessors: item(UInt16(clamping: cpus)),
            Key.bootMenu: item(UInt16(0)),
            Key.timerOverride: item(UInt8(1)),
        ]
        guard let payload else { return items }
        // Both parts together are the file: firmware puts them together again, or loads them where the real-mode protocol wants them.
        let count = UInt32(clamping: payload.kernel.byteCount)
        let setup = min(Self.setupCount(payload.kernel), count)
        items[Key.setupSize] = item(setup)
        items[Key.setup] = .init(.file(payload.kernel, offset: 0, count: setup))
        items[Key.kernelSize] = item(count - setup)
        items[Key.kernel] = .init(.file(payload.kernel, offset: UInt64(setup), count: count - setup))
        if let initrd = payload.initrd {
            let count = UInt32(clamping: initrd.byteCount)
            items[Key.initrdSize] = item(count)
            items[Key.initrd] = .init(.file(initrd, offset: 0, count: count))
        }
        items[Key.commandLineSize] = item(UInt32(payload.commandLine.count + 1))
        items[Key.commandLine] = .init(.bytes(payload.commandLine + [0]))
        return items
    }

    /// Bytes of a bzImage's real-mode part; 0 for other files.
    private static func setupCount(_ kernel: BlobFile) -> UInt32 {
        guard let head = kernel.read(at: 0x1F1, count: 0x15), Array(head[0x11...]) == Array("HdrS".utf8) else { return 0 }
        return (UInt32(head[0] == 0 ? 4 : head[0]) + 1) * 512
    }

    private var files: [(name: String, item: FirmwareConfiguration.Item)] {
        let cpus = cpus
        let setting = setting
        let loader = TableLoader(cpus: cpus, setting())
        let smbios = SMBIOS(ram: ram, cpus: cpus)
        var files: [(String, FirmwareConfiguration.Item.Content)] = [
            ("etc/e820", .bytes(memoryMap)),
            (TableLoader.scriptName, .bytes(loader.script)),
            (TableLoader.rootName, .bytes(loader.root)),
            (TableLoader.tablesName, .made(count: loader.tables.count) { TableLoader(cpus: cpus, setting()).tables }),
            ("etc/smbios/smbios-anchor", .bytes(smbios.anchor(structuresAt: 0))),
            ("etc/smbios/smbios-tables", .bytes(smbios.structures)),
        ]
        if hasSerialConsole {
            var port = LittleEndianBytes()
            port.append(UInt16(truncatingIfNeeded: AddressMap.com1))
            files.append(("etc/sercon-port", .bytes(port.bytes)))
        }
        if !disks.isEmpty {
            // One a line, with a zero after the last.
            files.append(("bootorder", .bytes(Array(disks.joined(separator: "\n").utf8) + [0])))
        }
        return files.map { ($0.0, .init($0.1)) }
    }

    /// RAM whole, from 0: firmware itself reserves what lies below 1 MiB.
    private var memoryMap: [UInt8] {
        var bytes = LittleEndianBytes()
        let pages = AddressMap.kvmPages
        for (address, count, type) in [
            (UInt64(0), ram.low, UInt32(1)), (AddressMap.highMemory, ram.high, 1),
            (pages.lowerBound, pages.upperBound - pages.lowerBound, 2),
        ] where count > 0 {
            bytes.append(address)
            bytes.append(count)
            bytes.append(type)
        }
        return bytes.bytes
    }
}
