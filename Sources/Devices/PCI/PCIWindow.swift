/// A window of a function in memory or among the ports (a BAR): its register, and where on its bus it is open.
///
/// Guests size windows in several ways, some with decoding on: all ones, or only the address bits set (OpenBSD writes 0xFFFF_FFF0), one
/// half of a 64-bit window after the other. None of these is a move. The rule: with decoding off the window is closed; a register that
/// holds a sizing pattern leaves the window where it was; address 0 is nowhere; and an address that the bus refuses (RAM, an interrupt
/// controller, another window) closes it until a better one comes. The register itself always reads back what the hardware would show.
package struct PCIWindow: Sendable {
    private let register: Int
    private let kind: Kind
    /// What the window's first byte is to the device.
    private let offset: UInt64
    package let count: UInt64
    /// Where the window is open now.
    package private(set) var address: UInt64?

    package enum Kind: Sendable {
        case memory
        /// 64 bits, taking the register of `index + 1` as well.
        case wideMemory
        case ports
    }

    /// Lays the registers of window `index` out in `config`.
    /// - Parameters:
    ///   - count: bytes: a power of two from 16 to 2 GiB.
    ///   - offset: what the window's first byte is to the device.
    package init(_ index: Int, count: UInt64, _ kind: Kind = .memory, offset: UInt64 = 0, in config: inout PCIConfigSpace) {
        let isWide = kind == .wideMemory
        precondition(count >= 16 && count <= 1 << 31 && count & (count - 1) == 0 && index >= 0 && index < (isWide ? 5 : 6))
        register = PCIConfigSpace.Register.firstBAR + 4 * index
        self.kind = kind
        self.offset = offset
        self.count = count
        config.set32(register, kind == .ports ? 0b001 : isWide ? 0b100 : 0, writable: addressMask)
        if isWide { config.set32(register + 4, 0, writable: .max) }
    }

    private var isWide: Bool { kind == .wideMemory }

    private var addressMask: UInt32 { ~UInt32(truncatingIfNeeded: count &- 1) }

    /// Whether a write of `width` bytes at `offset` of the configuration space can move or close the window.
    package func isTouched(by offset: Int, _ width: AccessWidth) -> Bool {
        let end = offset &+ width.rawValue
        let command = PCIConfigSpace.Register.command
        return (offset < command + 2 && end > command) || (offset < register + (isWide ? 8 : 4) && end > register)
    }

    /// Points the register at `address`, as firmware does.
    package func point(at address: UInt64, in config: inout PCIConfigSpace) {
        config.write(offset: register, width: .four, value: UInt32(truncatingIfNeeded: address))
        if isWide { config.write(offset: register + 4, width: .four, value: UInt32(truncatingIfNeeded: address >> 32)) }
    }

    /// Opens, moves or closes the window so that it follows its registers.
    /// - Returns: where it was closed and where it was opened, if either.
    package mutating func follow(_ config: PCIConfigSpace, on bus: Bus, for device: any BusDevice) -> (closed: UInt64?, opened: UInt64?) {
        let wanted = wish(config)
        guard wanted != address else { return (nil, nil) }
        let old = address
        if let old { bus.detach(device, at: old) }
        address = nil
        if let wanted, (try? bus.attach(device, at: wanted, count: count, offset: offset)) != nil { address = wanted }
        return (old, address)
    }

    private func wish(_ config: PCIConfigSpace) -> UInt64? {
        let decode = kind == .ports ? PCIConfigSpace.Command.portDecode : PCIConfigSpace.Command.memoryDecode
        guard config.command & decode != 0 else { return nil }
        let low = config.long(register) & addressMask
        guard isWide else { return low == addressMask ? address : (low == 0 ? nil : UInt64(low)) }
        let high = config.long(register + 4)
        if high == .max { return address }
        // The lower half alone holds a sizing pattern as long as the upper half still says where the window is.
        if low == addressMask, address == nil || high == UInt32(truncatingIfNeeded: (address ?? 0) >> 32) { return address }
        let combined = UInt64(high) << 32 | UInt64(low)
        return combined == 0 ? nil : combined
    }
}
