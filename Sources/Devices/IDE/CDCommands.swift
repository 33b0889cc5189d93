/// What a drive has to say about its last command (SFF-8020i, section 10.8.20): a key, and a code that says more.
struct Sense: Hashable, Sendable {
    var key: UInt8
    var code: UInt8
    var qualifier: UInt8 = 0
    var block: UInt64?

    static let illegalRequest: UInt8 = 5

    static let none = Sense(key: 0, code: 0)
    static let unknownCommand = Sense(key: illegalRequest, code: 0x20)
    static let outOfRange = Sense(key: illegalRequest, code: 0x21)
    static let badField = Sense(key: illegalRequest, code: 0x24)
    static let noSavedPages = Sense(key: illegalRequest, code: 0x39)
    static let locked = Sense(key: illegalRequest, code: 0x53, qualifier: 2)
    static let noMedium = Sense(key: 2, code: 0x3A)
    static let wasReset = Sense(key: 6, code: 0x29)

    static func unrecovered(block: UInt64) -> Sense { Sense(key: 3, code: 0x11, block: block) }
}

/// The twelve bytes of a packet. Numbers in it have their high byte first.
struct CDCommand: Sendable {
    private let bytes: [UInt8]

    init(_ bytes: [UInt8]) {
        precondition(bytes.count == 12)
        self.bytes = bytes
    }

    subscript(index: Int) -> UInt8 { bytes[index] }
    func short(_ index: Int) -> Int { Int(bytes[index]) << 8 | Int(bytes[index + 1]) }
    func long(_ index: Int) -> UInt64 { UInt64(short(index)) << 16 | UInt64(short(index + 2)) }
}

enum CDAnswer: Sendable {
    case done
    case failed(Sense)
    case data([UInt8])
    /// Blocks of the medium.
    case medium(StorageRange)
}

extension ATAPIDrive {
    private enum Operation: UInt8 {
        case testUnitReady = 0x00
        case requestSense = 0x03
        case inquiry = 0x12
        case startStop = 0x1B
        case preventRemoval = 0x1E
        case readCapacity = 0x25
        case read10 = 0x28
        case seek = 0x2B
        case readTOC = 0x43
        case getConfiguration = 0x46
        case eventStatus = 0x4A
        case readDiscInformation = 0x51
        case modeSense = 0x5A
        case read12 = 0xA8
        case setSpeed = 0xBB
        case mechanismStatus = 0xBD

        /// Told neither of a reset nor of a missing medium (SFF-8020i section 10.7, MMC-3 section 4.1.5).
        var isAlwaysAnswered: Bool {
            switch self {
            case .requestSense, .inquiry, .getConfiguration, .eventStatus: true
            default: false
            }
        }

        var needsMedium: Bool {
            switch self {
            case .testUnitReady, .readCapacity, .read10, .read12, .seek, .readTOC, .readDiscInformation: true
            default: false
            }
        }
    }

    mutating func answer(to command: CDCommand) -> CDAnswer {
        let operation = Operation(rawValue: command[0])
        // Sense tells of the command before; any other command forgets it.
        if operation != .requestSense { sense = .none }
        guard let operation else { return .failed(.unknownCommand) }
        if isReset, !operation.isAlwaysAnswered {
            isReset = false
            return .failed(.wasReset)
        }
        if operation.needsMedium, !hasMedium { return .failed(.noMedium) }
        switch operation {
        case .testUnitReady, .setSpeed: return .done
        case .requestSense: return answer(takeSense(), atMost: Int(command[4]))
        case .inquiry: return command[1] & 1 == 0 ? answer(Self.inquiry, atMost: Int(command[4])) : .failed(.badField)
        case .startStop: return startStop(command)
        case .preventRemoval:
            isLocked = command[4] & 1 != 0
            return .done
        case .readCapacity: return .data(Self.long(blockCount == 0 ? 0 : blockCount - 1) + Self.long(Self.blockByteCount))
        case .read10: return read(command.long(2), count: UInt64(command.short(7)))
        case .read12: return read(command.long(2), count: command.long(6))
        case .seek: return command.long(2) < blockCount ? .done : .failed(.outOfRange)
        case .readTOC: return contents(command)
        case .getConfiguration: return configuration(command)
        case .eventStatus: return eventStatus(command)
        case .readDiscInformation: return answer(Self.discInformation, atMost: command.short(7))
        case .modeSense: return modeSense(command)
        case .mechanismStatus: return answer([0, 0, 0, 0, 0, 1, 0, 0], atMost: command.short(8))
        }
    }

    private func answer(_ bytes: [UInt8], atMost count: Int) -> CDAnswer { .data(Array(bytes.prefix(count))) }

    private static func short(_ value: Int) -> [UInt8] { [UInt8(truncatingIfNeeded: value >> 8), UInt8(truncatingIfNeeded: value)] }

    private static func long(_ value: UInt64) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt64(24 - 8 * $0)) } }

    // MARK: The drive

    private mutating func takeSense() -> [UInt8] {
        if sense == .none, isReset {
            sense = .wasReset
            isReset = false
        }
        let told = sense
        sense = .none
        let place = told.block.map { Self.long($0) } ?? [0, 0, 0, 0]
        // Bit 7: the place is valid. Ten bytes follow the eighth.
        return [told.block == nil ? 0x70 : 0xF0, 0, told.key] + place + [10, 0, 0, 0, 0, told.code, told.qualifier, 0, 0, 0, 0]
    }

    /// A CD-ROM drive, removable, no SCSI version, answers as ATAPI does.
    private static let inquiry =
        [0x05, 0x80, 0x00, 0x21, 31, 0, 0, 0] + Array("vmlab   ".utf8) + Array("CD-ROM          ".utf8) + Array("1.0 ".utf8)

    /// Bit 0 starts, bit 1 moves the medium in or out.
    private mutating func startStop(_ command: CDCommand) -> CDAnswer {
        guard command[4] & 0b10 != 0 else { return .done }
        let isLoading = command[4] & 1 != 0
        if !isLoading, isLocked, hasMedium { return .failed(.locked) }
        if isLoading != hasMedium { mediumEvent = isLoading ? .arrived : .left }
        hasMedium = isLoading
        return .done
    }

    /// GET EVENT STATUS NOTIFICATION (MMC-3, section 5.6): of all events there are those of the medium.
    private mutating func eventStatus(_ command: CDCommand) -> CDAnswer {
        let mediumClass: UInt8 = 4
        // Only asked now and then; there is no queue that an answer could wait in.
        guard command[1] & 1 != 0 else { return .failed(.badField) }
        guard command[4] & 1 << mediumClass != 0 else { return answer([0, 2, 0x80, 1 << mediumClass], atMost: command.short(7)) }
        let bytes = [0, 6, mediumClass, 1 << mediumClass, mediumEvent.rawValue, hasMedium ? 0x02 : 0x00, 0, 0]
        if command.short(7) > 4 { mediumEvent = .none }
        return answer(bytes, atMost: command.short(7))
    }

    /// GET CONFIGURATION (MMC-3, section 5.5): what the drive can do, feature by feature.
    private func configuration(_ command: CDCommand) -> CDAnswer {
        enum Profile {
            static let cd = 0x0008
            static let dvd = 0x0010
        }
        /// The most that fits a CD: 80 minutes of 60 seconds of 75 blocks.
        let profile = !hasMedium ? 0 : blockCount <= 80 * 60 * 75 ? Profile.cd : Profile.dvd
        func isCurrent(_ candidate: Int) -> UInt8 { candidate == profile ? 1 : 0 }
        // Number, flags (bit 0: now, bit 1: always), data.
        let features: [(number: Int, flags: UInt8, data: [UInt8])] = [
            (
                0x0000, 0b11,
                Self.short(Profile.dvd) + [isCurrent(Profile.dvd), 0] + Self.short(Profile.cd) + [isCurrent(Profile.cd), 0]
            ),
            // Core: ATAPI.
            (0x0001, 0b11, Self.long(2)),
            // Removable: a tray that locks and ejects.
            (0x0003, 0b11, [0x29, 0, 0, 0]),
            // Readable at random, in blocks of 2048.
            (0x0010, profile == 0 ? 0 : 1, Self.long(Self.blockByteCount) + [0, 1, 0, 0]),
            (0x001E, isCurrent(Profile.cd), [0, 0, 0, 0]),
            (0x001F, isCurrent(Profile.dvd), []),
        ]
        let first = command.short(2)
        let wanted = features.filter { feature in
            switch command[1] & 0b11 {
            case 0: feature.number >= first
            case 1: feature.number >= first && feature.flags & 1 != 0
            default: feature.number == first
            }
        }
        guard command[1] & 0b11 != 0b11 else { return .failed(.badField) }
        let body = wanted.flatMap { Self.short($0.number) + [$0.flags, UInt8($0.data.count)] + $0.data }
        return answer(Self.long(UInt64(4 + body.count)) + [0, 0] + Self.short(profile) + body, atMost: command.short(7))
    }

    /// MODE SENSE(10) (SFF-8020i, section 10.8.10): how errors are treated, and what the drive can do.
    private func modeSense(_ command: CDCommand) -> CDAnswer {
        let control = command[2] >> 6
        if control == 3 { return .failed(.noSavedPages) }
        let pages: [(number: UInt8, data: [UInt8])] = [
            (0x01, [0x00, 0x05, 0, 0, 0, 0]),
            // A tray that locks and ejects; reads recordable media; 16x, whatever that means here.
            (0x2A, [0x03, 0x00, 0x70, 0x00, 0x29, 0x00] + Self.short(2822) + [0, 0] + Self.short(512) + Self.short(2822) + [0, 0, 0, 0]),
        ]
        let wanted = command[2] & 0x3F
        let chosen = pages.filter { wanted == 0x3F || wanted == $0.number }
        guard !chosen.isEmpty else { return .failed(.badField) }
        // Asked for what could be changed: nothing can.
        let body = chosen.flatMap { page in
            [page.number, UInt8(page.data.count)] + (control == 1 ? page.data.map { _ in 0 } : page.data)
        }
        // A data CD, or a closed tray with nothing in it.
        let medium: UInt8 = hasMedium ? 0x01 : 0x70
        return answer(Self.short(6 + body.count) + [medium, 0, 0, 0, 0, 0] + body, atMost: command.short(7))
    }

    // MARK: The medium

    private func read(_ block: UInt64, count: UInt64) -> CDAnswer {
        guard block <= blockCount, count <= blockCount - block else { return .failed(.outOfRange) }
        if count == 0 { return .done }
        return .medium(StorageRange(offset: block * Self.blockByteCount, count: count * Self.blockByteCount))
    }

    /// READ TOC (SFF-8020i, section 10.8.19): one session, one track of data.
    private func contents(_ command: CDCommand) -> CDAnswer {
        let isMinutes = command[1] & 0b10 != 0
        /// Blocks as minutes, seconds and frames count from two seconds before the first.
        func place(_ block: UInt64) -> [UInt8] {
            guard isMinutes else { return Self.long(block) }
            let frames = block + 150
            return [0, UInt8(truncatingIfNeeded: frames / 75 / 60), UInt8(frames / 75 % 60), UInt8(frames % 75)]
        }
        let dataTrack: UInt8 = 0x14
        let leadOut: UInt8 = 0xAA
        // The format is in the low bits of byte 2, or where SFF-8020i has it.
        switch command[2] & 15 | command[9] >> 6 {
        case 0:
            guard command[6] <= 1 || command[6] == leadOut else { return .failed(.badField) }
            var tracks = [0, dataTrack, leadOut, 0] + place(blockCount)
            if command[6] <= 1 { tracks = [0, dataTrack, 1, 0] + place(0) + tracks }
            return answer(Self.short(2 + tracks.count) + [1, 1] + tracks, atMost: command.short(7))
        case 1:
            return answer(Self.short(10) + [1, 1, 0, dataTrack, 1, 0] + place(0), atMost: command.short(7))
        default: return .failed(.badField)
        }
    }

    /// READ DISC INFORMATION (MMC-3, section 5.22): finished, one session with one track, free to be used.
    private static let discInformation: [UInt8] =
        short(32) + [0x0E, 1, 1, 1, 1, 0x20, 0, 0, 0, 0, 0, 0, 0, 0] + Array(repeating: 0xFF, count: 8) + Array(repeating: 0, count: 10)
}
