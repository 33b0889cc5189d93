extension VirtioPCI {
    /// What lies where in the window.
    enum Layout {
        static let byteCount: UInt64 = 0x8000
        static let common: UInt64 = 0x0000
        static let interruptStatus: UInt64 = 0x1000
        static let device: UInt64 = 0x2000
        static let doorbells: Range<UInt64> = 0x3000..<0x4000
        static let table: UInt64 = 0x4000
        static let pending: UInt64 = 0x6000
        /// The legacy ports lie past the window's end, so that no memory access comes here.
        static let legacy: UInt64 = 0x1_0000
        /// Bytes from one queue's doorbell to the next.
        static let doorbellSpacing: UInt64 = 4
        /// Far fewer than the doorbell page or the MSI-X table (512 vectors) has room for.
        static let queueLimit = 64

        enum Part {
            case common(UInt64)
            case interruptStatus(UInt64)
            case device(UInt64)
            case doorbell(UInt64)
            case table(UInt64)
            case pending(UInt64)
            case legacy(UInt64)
            case nothing
        }

        static func part(of offset: UInt64) -> Part {
            switch offset {
            case 0x0000..<0x1000: .common(offset)
            case 0x1000..<0x2000: .interruptStatus(offset &- interruptStatus)
            case 0x2000..<0x3000: .device(offset &- device)
            case doorbells: .doorbell(offset &- doorbells.lowerBound)
            case 0x4000..<0x6000: .table(offset &- table)
            case 0x6000..<0x7000: .pending(offset &- pending)
            case legacy..<legacy + Legacy.byteCount: .legacy(offset &- legacy)
            default: .nothing
            }
        }
    }

    /// The function's capabilities: where each part of the window is told to be, MSI-X, and access to the window through configuration space.
    ///
    ///     { id 0x09, next, length, type: u8, bar: u8, id: u8, 0: u16, offset: u32, length: u32 [, doorbell spacing: u32 | data: 4 bytes] }
    struct Capabilities: Sendable {
        /// Where the MSI-X capability begins.
        let msix: Int
        /// Where the data of the configuration access capability lies.
        let accessData: Int

        /// The window that they speak of.
        private let bar: UInt8

        private static let vendor: UInt8 = 0x09
        private static let commonType: UInt8 = 1
        private static let doorbellType: UInt8 = 2
        private static let statusType: UInt8 = 3
        private static let deviceType: UInt8 = 4
        private static let accessType: UInt8 = 5

        init(in config: inout PCIConfigSpace, bar: UInt8, queues: Int, configurationCount: Int) {
            self.bar = bar
            func body(_ type: UInt8, _ offset: UInt64, _ count: UInt64, extra: UInt32? = nil) -> [UInt8] {
                var bytes: [UInt8] = [extra == nil ? 16 : 20, type, bar, 0, 0, 0]
                for value in [UInt32(offset), UInt32(count)] + (extra.map { [$0] } ?? []) {
                    bytes += (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
                }
                return bytes
            }
            // One vector a queue and one for the configuration; the field holds one less.
            var control: [UInt8] = [UInt8(truncatingIfNeeded: queues), UInt8(truncatingIfNeeded: queues >> 8)]
            for offset in [Layout.table, Layout.pending] {
                control += (0..<4).map { UInt8(truncatingIfNeeded: (offset | UInt64(bar)) >> (8 * $0)) }
            }
            msix = config.addCapability(MSIX.capability, control, writable: [0, 0xC0])
            _ = config.addCapability(Self.vendor, body(Self.commonType, Layout.common, VirtioRegisters.byteCount))
            _ = config.addCapability(Self.vendor, body(Self.statusType, Layout.interruptStatus, 1))
            if configurationCount > 0 {
                let count = UInt64((configurationCount + 3) & ~3)
                _ = config.addCapability(Self.vendor, body(Self.deviceType, Layout.device, count))
            }
            let spacing = Layout.doorbellSpacing
            _ = config.addCapability(
                Self.vendor, body(Self.doorbellType, Layout.doorbells.lowerBound, UInt64(queues) * spacing, extra: UInt32(spacing)))
            let all: UInt8 = 0xFF
            let mask: [UInt8] = [0, 0, all, 0, 0, 0] + Array(repeating: all, count: 12)
            accessData = config.addCapability(Self.vendor, body(Self.accessType, 0, 0, extra: 0), writable: mask) + 16
        }

        /// Whether an access touches MSI-X's control word.
        func isControl(_ offset: Int, _ width: AccessWidth) -> Bool {
            offset < msix + 4 && offset + width.rawValue > msix + 2
        }

        /// What an access to the data of the access capability means in the window: nothing unless it begins there and names the window, a width of 1, 2 or 4, and
        /// an aligned offset inside.
        func accessTarget(offset: Int, _ config: PCIConfigSpace) -> (offset: UInt64, width: AccessWidth)? {
            guard offset == accessData, config.byte(accessData - 12) == bar else { return nil }
            let place = UInt64(config.long(accessData - 8))
            guard let width = AccessWidth(rawValue: Int(config.long(accessData - 4))), width != .eight else { return nil }
            let count = UInt64(truncatingIfNeeded: width.rawValue)
            guard place % count == 0, place < Layout.byteCount, count <= Layout.byteCount - place else { return nil }
            return (place, width)
        }
    }
}
