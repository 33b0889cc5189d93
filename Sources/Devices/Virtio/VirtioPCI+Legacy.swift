/// What drivers from before virtio 1.0 know of a device (virtio 1.2 section 4.1.4.10): ports instead of memory, 32 features, and rings whose size the device
/// says and whose place is a page number.
///
///     0x00 features u32          0x08 queue page u32     0x0E queue select u16    0x12 status u8
///     0x04 driver features u32   0x0C queue size u16     0x10 notify u16          0x13 interrupt status u8
///     0x14 device configuration; with MSI-X on: 0x14 configuration vector u16, 0x16 queue vector u16, 0x18 device configuration
extension VirtioPCI {
    enum Legacy {
        /// Room for every device's configuration.
        static let byteCount: UInt64 = 128

        /// The ids that were given out before the rule `0x1040 + type`.
        static func deviceID(_ type: UInt16) -> UInt16 {
            switch type {
            case 1: 0x1000
            case 2: 0x1001
            case 3: 0x1003
            case 4: 0x1005
            default: 0x1000 + type
            }
        }
    }

    /// Where the device's configuration begins.
    private var legacyConfiguration: UInt64 { interrupts.msix.isEnabled ? 0x18 : 0x14 }

    func readLegacy(_ place: UInt64, _ width: AccessWidth) -> UInt64 {
        if place == 0x13, width == .one { return UInt64(interrupts.takeStatus()) }
        let configuration = legacyConfiguration
        if place >= configuration { return readConfiguration(place &- configuration, width) }
        return withRegisters { registers in
            switch (place, width) {
            case (0x00, .four): return UInt64(registers.legacyOffered)
            case (0x04, .four): return registers.accepted & 0xFFFF_FFFF
            case (0x08, .four): return UInt64(registers.legacyPage)
            case (0x0C, .two): return UInt64(registers.selected?.maximumSize ?? 0)
            case (0x0E, .two): return UInt64(registers.queueSelect)
            case (0x12, .one): return UInt64(registers.status)
            case (0x14, .two): return UInt64(interrupts.configVector)
            case (0x16, .two):
                guard registers.selected != nil else { return UInt64(VirtioRegisters.noVector) }
                return UInt64(interrupts.vector(ofQueue: Int(registers.queueSelect)))
            default: return 0
            }
        }
    }

    func writeLegacy(_ place: UInt64, _ width: AccessWidth, _ value: UInt64) {
        if place == 0x10, width == .two {
            if value < UInt64(queueCount) { doorbells.ring(queue: Int(truncatingIfNeeded: value)) }
            return
        }
        let configuration = legacyConfiguration
        if place >= configuration { return write(offset: Layout.device &+ (place &- configuration), width: width, value: value) }
        change { $0.writeLegacy(place, width, value) }
    }
}

extension VirtioRegisters {
    /// Any framing of a request is understood, so drivers need not keep to the old one.
    private static let anyLayout: UInt32 = 1 << 27
    private static let pageShift: UInt64 = 12

    var legacyOffered: UInt32 { UInt32(truncatingIfNeeded: offered) | Self.anyLayout }

    /// The page of the selected queue's rings; 0: there are none.
    var legacyPage: UInt32 {
        guard let queue = selected, queue.geometry != nil else { return 0 }
        return UInt32(truncatingIfNeeded: queue.descriptors >> Self.pageShift)
    }

    mutating func writeLegacy(_ place: UInt64, _ width: AccessWidth, _ value: UInt64) -> Effect {
        switch (place, width) {
        case (0x04, .four):
            // Bits that were not offered are not taken; there is nobody to tell.
            if status & Status.driverOK == 0 { take(features: value & UInt64(legacyOffered) & offered) }
        case (0x08, .four): return placeLegacy(page: UInt32(truncatingIfNeeded: value))
        case (0x0E, .two): select(queue: UInt16(truncatingIfNeeded: value))
        case (0x12, .one): return setLegacyStatus(UInt8(truncatingIfNeeded: value))
        case (0x14, .two): return .configVector(UInt16(truncatingIfNeeded: value))
        case (0x16, .two): if selected != nil { return .queueVector(Int(queueSelect), UInt16(truncatingIfNeeded: value)) }
        default: break
        }
        return .none
    }

    /// Descriptors at the page's beginning, the available ring behind them, the used ring on the next page.
    private mutating func placeLegacy(page: UInt32) -> Effect {
        guard page != 0, let queue = selected, queue.geometry == nil, status & Status.failed == 0 else { return .none }
        let descriptors = UInt64(page) << Self.pageShift
        let available = descriptors + 16 * UInt64(queue.maximumSize)
        let end = available + 6 + 2 * UInt64(queue.maximumSize)
        let used = (end + (1 << Self.pageShift) - 1) & ~((1 << Self.pageShift) - 1)
        guard enable(descriptors: descriptors, available: available, used: used) else { return .badQueue }
        // Some drivers set their queues up when they run already.
        return status & Status.driverOK != 0 ? .start : .none
    }

    private mutating func setLegacyStatus(_ value: UInt8) -> Effect {
        guard value != 0 else { return .reset }
        guard status & Status.failed == 0 else { return .none }
        let isStart = value & Status.driverOK != 0 && status & Status.driverOK == 0
        status |= value & (Status.acknowledge | Status.driver | Status.driverOK | Status.failed)
        if status & Status.failed != 0 { return .stop }
        return isStart ? .start : .none
    }
}
