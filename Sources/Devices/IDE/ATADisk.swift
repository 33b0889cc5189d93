/// An ATA disk (ATA/ATAPI-6, sections 6 and 8) of sectors of 512 bytes: blocks by 28 and by 48 bits, and cylinders, heads and sectors for those who still ask.
///
/// A range that is not on the disk whole is refused whole (IDNF), and nothing of it is moved. A disk that is read-only aborts writes.
struct ATADisk: IDEDrive {
    let storage: any BlockStorage
    let signature: (mid: UInt8, high: UInt8) = (0, 0)
    let restingStatus = TaskFile.Status.rest
    let interruptsAfterReading = false

    private let serial: String
    private let sectorCount: UInt64
    /// Sectors in a block of READ and WRITE MULTIPLE; 0 until the host has said.
    private var multiple = 0
    private var geometry = DiskGeometry.standard
    private var link = LinkMode.standard
    /// Off: each write is on stable storage before it has ended.
    private var isCaching = true

    /// Sectors in a block of READ and WRITE MULTIPLE at most.
    static let multipleLimit = 16

    init(_ storage: any BlockStorage, serial: String) {
        self.storage = storage
        self.serial = serial
        // 48 bits is as far as a command can point.
        sectorCount = min(storage.byteCount / 512, 1 << 48)
    }

    mutating func reset() {
        multiple = 0
        geometry = .standard
        link = .standard
        isCaching = true
    }

    // MARK: Commands

    mutating func execute(_ code: UInt8, _ registers: inout TaskFile) -> DriveAction {
        guard let command = ATACommand(rawValue: code) else {
            // RECALIBRATE and SEEK are sixteen commands each: there is no arm to move.
            return code & 0xF0 == 0x10 || code & 0xF0 == 0x70 ? .finished : abort(&registers)
        }
        let blocks = DataMode.programmed(block: multiple * 512)
        let sectors = DataMode.programmed(block: 512)
        switch command {
        case .readSectors, .readSectorsOnce: return read(&registers, isExtended: false, sectors)
        case .readSectorsExtended: return read(&registers, isExtended: true, sectors)
        case .readDirect, .readDirectOnce: return read(&registers, isExtended: false, .direct)
        case .readDirectExtended: return read(&registers, isExtended: true, .direct)
        case .verify, .verifyOnce: return read(&registers, isExtended: false, .none)
        case .verifyExtended: return read(&registers, isExtended: true, .none)
        case .writeSectors, .writeSectorsOnce: return write(&registers, isExtended: false, sectors)
        case .writeSectorsExtended: return write(&registers, isExtended: true, sectors)
        case .writeDirect, .writeDirectOnce: return write(&registers, isExtended: false, .direct)
        case .writeDirectExtended: return write(&registers, isExtended: true, .direct)
        case .readMultiple where multiple > 0: return read(&registers, isExtended: false, blocks)
        case .readMultipleExtended where multiple > 0: return read(&registers, isExtended: true, blocks)
        case .writeMultiple where multiple > 0: return write(&registers, isExtended: false, blocks)
        case .writeMultipleExtended where multiple > 0: return write(&registers, isExtended: true, blocks)
        case .setMultiple:
            let count = Int(registers.count.current)
            guard count <= Self.multipleLimit, count & (count &- 1) == 0 else { return abort(&registers) }
            multiple = count
            return .finished
        case .flushCache, .flushCacheExtended: return .flush
        case .identifyDevice: return .answer(identity, sectors)
        case .setFeatures: return setFeatures(&registers)
        case .initializeParameters:
            let heads = UInt64(registers.device & 15) + 1
            guard registers.count.current > 0 else { return abort(&registers) }
            geometry = DiskGeometry(heads: heads, sectors: UInt64(registers.count.current))
            return .finished
        case .recalibrate, .seek, .standbyImmediate, .idleImmediate, .standby, .idle, .sleep: return .finished
        case .checkPowerMode:
            // Active, or idle.
            registers.count.set(0xFF)
            return .finished
        case .readMultiple, .readMultipleExtended, .writeMultiple, .writeMultipleExtended,
            .deviceReset, .packet, .identifyPacketDevice, .executeDeviceDiagnostic:
            return abort(&registers)
        }
    }

    mutating func execute(packet: [UInt8], _ registers: inout TaskFile) -> DriveAction { abort(&registers) }

    func announce(block count: Int, _ registers: inout TaskFile) {}

    mutating func finish(_ registers: inout TaskFile) { registers.end() }

    mutating func fail(_ attempt: DriveAttempt, at offset: UInt64, _ registers: inout TaskFile) {
        if attempt != .flush { registers.point(atBlock: offset / 512) }
        switch attempt {
        case .read: registers.end(failure: TaskFile.Failure.uncorrectable)
        case .write, .flush: registers.end(failure: TaskFile.Failure.aborted, isFault: true)
        }
    }

    private func abort(_ registers: inout TaskFile) -> DriveAction {
        registers.end(failure: TaskFile.Failure.aborted)
        return .ended
    }

    private mutating func setFeatures(_ registers: inout TaskFile) -> DriveAction {
        switch registers.features.current {
        case 0x02: isCaching = true
        case 0x82: isCaching = false
        case 0x03:
            guard link.set(registers.count.current) else { return abort(&registers) }
        // Look-ahead on and off, and whether a reset forgets: nothing follows from any of them.
        case 0x55, 0xAA, 0x66, 0xCC: break
        default: return abort(&registers)
        }
        return .finished
    }

    // MARK: Ranges

    private func read(_ registers: inout TaskFile, isExtended: Bool, _ mode: DataMode) -> DriveAction {
        guard let range = range(&registers, isExtended) else { return .ended }
        return .read(range, mode)
    }

    private func write(_ registers: inout TaskFile, isExtended: Bool, _ mode: DataMode) -> DriveAction {
        guard !storage.isReadOnly else { return abort(&registers) }
        guard let range = range(&registers, isExtended) else { return .ended }
        return .write(range, mode, flush: !isCaching)
    }

    /// The bytes that a command is about; nil if they are not all on the disk, and the registers say so.
    private func range(_ registers: inout TaskFile, _ isExtended: Bool) -> StorageRange? {
        let count = isExtended ? registers.longCount : registers.shortCount
        let block: UInt64? =
            if isExtended {
                registers.longAddress
            } else if registers.device & TaskFile.Device.isLBA != 0 {
                registers.shortAddress
            } else {
                geometry.block(registers.geometryAddress)
            }
        guard let block, block <= sectorCount, count <= sectorCount - block else {
            registers.end(failure: TaskFile.Failure.notFound)
            return nil
        }
        return StorageRange(offset: block * 512, count: count * 512)
    }

    // MARK: Identity

    /// The answer to IDENTIFY DEVICE (section 8.15, table 27).
    private var identity: [UInt8] {
        var words = IdentityWords()
        let cylinders = min(sectorCount / (DiskGeometry.standard.heads * DiskGeometry.standard.sectors), 16383)
        let currentCylinders = min(sectorCount / (geometry.heads * geometry.sectors), 65535)
        words[0] = 0x0040
        words[1] = UInt16(truncatingIfNeeded: cylinders)
        words[3] = UInt16(truncatingIfNeeded: DiskGeometry.standard.heads)
        words[6] = UInt16(truncatingIfNeeded: DiskGeometry.standard.sectors)
        words.name(serial: serial, model: "vmlab ATA disk")
        words[47] = 0x8000 | UInt16(Self.multipleLimit)
        // IORDY, block addresses, DMA; standby timers as the standard says.
        words[49] = 0x2F00
        words[50] = 0x4000
        words[53] = 0x0007
        words[54] = UInt16(truncatingIfNeeded: currentCylinders)
        words[55] = UInt16(truncatingIfNeeded: geometry.heads)
        words[56] = UInt16(truncatingIfNeeded: geometry.sectors)
        words.set(57, long: UInt32(truncatingIfNeeded: currentCylinders * geometry.heads * geometry.sectors))
        words[59] = multiple > 0 ? 0x0100 | UInt16(multiple) : 0
        words.set(60, long: UInt32(truncatingIfNeeded: min(sectorCount, 0x0FFF_FFFF)))
        words.describe(link)
        words[80] = 0x0070
        // Power management, write cache.
        words[82] = 0x0028
        // FLUSH CACHE, FLUSH CACHE EXT, 48-bit addresses.
        words[83] = 0x7400
        words[84] = 0x4000
        words[85] = isCaching ? 0x0028 : 0x0008
        words[86] = 0x3400
        words[87] = 0x4000
        for index in 0..<4 { words[100 + index] = UInt16(truncatingIfNeeded: sectorCount >> UInt64(16 * index)) }
        // Best in aligned blocks of 4 KiB (ATA/ATAPI-7, word 106).
        words[106] = 0x6003
        return words.bytes(isSigned: true)
    }
}

/// Cylinders, heads and sectors, as a host without block addresses counts (section 6.2).
struct DiskGeometry: Sendable {
    /// 1 to 16.
    var heads: UInt64
    /// 1 to 255.
    var sectors: UInt64

    static let standard = DiskGeometry(heads: 16, sectors: 63)

    /// Sectors count from 1.
    func block(_ address: (cylinder: UInt64, head: UInt64, sector: UInt64)) -> UInt64? {
        guard address.head < heads, address.sector >= 1, address.sector <= sectors else { return nil }
        return (address.cylinder * heads + address.head) * sectors + address.sector - 1
    }
}
