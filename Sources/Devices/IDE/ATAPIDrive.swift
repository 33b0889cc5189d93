/// A CD drive: an ATA packet device (ATA/ATAPI-6, section 9.8) that takes the commands of a CD-ROM (SFF-8020i revision 2.6, MMC-3).
///
/// The medium is in it at power-on, and every time the host loads it after it was ejected. The first command after a reset that needs the drive to be
/// ready is told of the reset (unit attention), once.
struct ATAPIDrive: IDEDrive {
    let storage: any BlockStorage
    let signature: (mid: UInt8, high: UInt8) = (0x14, 0xEB)
    let restingStatus: UInt8 = 0
    let interruptsAfterReading = true

    private let serial: String
    /// Blocks of the medium.
    let blockCount: UInt64
    private var link = LinkMode.standard
    var sense = Sense.none
    var isReset = true
    var hasMedium = true
    var isLocked = false
    /// What has happened to the medium and was not told yet.
    var mediumEvent = MediumEvent.none
    /// How the data of the packet at hand is to travel.
    private var mode = DataMode.direct

    static let blockByteCount: UInt64 = 2048

    /// Interrupt reason, in the sector count register (section 9.8): bit 0 a packet is wanted or the command has ended, bit 1 to the host.
    private enum Reason {
        static let packet: UInt8 = 0b01
        static let toHost: UInt8 = 0b10
        static let ended: UInt8 = 0b11
    }

    enum MediumEvent: UInt8, Sendable {
        case none = 0
        case arrived = 2
        case left = 3
    }

    init(_ storage: any BlockStorage, serial: String) {
        self.storage = storage
        self.serial = serial
        // A block's number has 32 bits.
        blockCount = min(storage.byteCount / Self.blockByteCount, 1 << 32)
    }

    mutating func reset() {
        link = .standard
        sense = .none
        isReset = true
        isLocked = false
    }

    // MARK: Commands

    mutating func execute(_ code: UInt8, _ registers: inout TaskFile) -> DriveAction {
        switch ATACommand(rawValue: code) {
        case .packet:
            mode = registers.features.current & 1 != 0 ? .direct : .programmed(block: Self.blockLimit(registers))
            registers.count.set(Reason.packet)
            return .packet
        case .identifyPacketDevice: return .answer(identity, .programmed(block: 512))
        case .deviceReset:
            sense = .none
            return .wasReset
        case .identifyDevice, .readSectors, .readSectorsOnce:
            // So that a host sees what it has before it (sections 8.15.5 and 8.27).
            registers.sign(mid: signature.mid, high: signature.high)
            return abort(&registers)
        case .setFeatures:
            switch registers.features.current {
            case 0x03:
                guard link.set(registers.count.current) else { return abort(&registers) }
                return .finished
            case 0x66, 0xCC: return .finished
            default: return abort(&registers)
            }
        case .standbyImmediate, .idleImmediate, .standby, .idle, .sleep: return .finished
        case .checkPowerMode:
            registers.end()
            registers.count.set(0xFF)
            return .ended
        default: return abort(&registers)
        }
    }

    /// What the host takes in one go, even, and whole blocks of the medium if it takes one at all.
    private static func blockLimit(_ registers: TaskFile) -> Int {
        let limit = Int(registers.high.current) << 8 | Int(registers.mid.current)
        if limit < 2 { return 0xF800 }
        let block = Int(blockByteCount)
        return limit >= block ? limit / block * block : limit & ~1
    }

    private func abort(_ registers: inout TaskFile) -> DriveAction {
        registers.end(failure: TaskFile.Failure.aborted)
        return .ended
    }

    mutating func execute(packet: [UInt8], _ registers: inout TaskFile) -> DriveAction {
        let answer = answer(to: CDCommand(packet))
        switch answer {
        case .failed(let sense):
            self.sense = sense
            registers.end(failure: sense.key << 4 | (sense.key == Sense.illegalRequest ? TaskFile.Failure.aborted : 0))
            registers.count.set(Reason.ended)
            return .ended
        case .done: return .finished
        case .data(let bytes): return .answer(bytes, mode)
        case .medium(let range): return .read(range, mode)
        }
    }

    func announce(block count: Int, _ registers: inout TaskFile) {
        registers.count.set(Reason.toHost)
        registers.mid.set(UInt8(truncatingIfNeeded: count))
        registers.high.set(UInt8(truncatingIfNeeded: count >> 8))
    }

    mutating func finish(_ registers: inout TaskFile) {
        registers.end()
        registers.count.set(Reason.ended)
    }

    mutating func fail(_ attempt: DriveAttempt, at offset: UInt64, _ registers: inout TaskFile) {
        sense = .unrecovered(block: offset / Self.blockByteCount)
        registers.end(failure: sense.key << 4)
        registers.count.set(Reason.ended)
    }

    // MARK: Identity

    /// The answer to IDENTIFY PACKET DEVICE (section 8.16, table 28).
    private var identity: [UInt8] {
        var words = IdentityWords()
        // A CD-ROM with a removable medium, ready for packets of 12 bytes within 50 µs.
        words[0] = 0x85C0
        words.name(serial: serial, model: "vmlab CD-ROM")
        // IORDY, block addresses, DMA.
        words[49] = 0x0B00
        words[50] = 0x4000
        words[53] = 0x0006
        words.describe(link)
        words[80] = 0x0070
        // NOP, DEVICE RESET, PACKET, power management.
        words[82] = 0x4218
        words[83] = 0x4000
        words[84] = 0x4000
        words[85] = 0x4218
        words[87] = 0x4000
        return words.bytes(isSigned: true)
    }
}
