/// The 256 configuration bytes of one function: what they read, which bits a guest may change, and the list of capabilities.
///
///     0x00 vendor, device      0x10 - 0x27 BARs            0x34 first capability
///     0x04 command, status     0x2C subsystem ids          0x3C interrupt line, pin
///     0x08 revision, class     0x0E header type            0x40 - 0xFF capabilities or the function's own
package struct PCIConfigSpace: Sendable {
    package static let byteCount = 256

    private var bytes = [UInt8](repeating: 0, count: byteCount)
    /// A set bit is one that a guest may change.
    private var writable = [UInt8](repeating: 0, count: byteCount)
    private var initial: [UInt8] = []
    /// Where the next capability goes.
    private var nextCapability = 0x40
    /// Where the place of the next capability is to be written.
    private var capabilityLink = Register.capabilities

    package enum Register {
        package static let vendor = 0x00
        package static let device = 0x02
        package static let command = 0x04
        package static let status = 0x06
        package static let revision = 0x08
        package static let headerType = 0x0E
        package static let firstBAR = 0x10
        package static let subsystemVendor = 0x2C
        package static let subsystem = 0x2E
        package static let capabilities = 0x34
        package static let interruptLine = 0x3C
        package static let interruptPin = 0x3D
    }

    package enum Command {
        package static let portDecode: UInt16 = 1 << 0
        package static let memoryDecode: UInt16 = 1 << 1
        package static let busMaster: UInt16 = 1 << 2
        package static let interruptDisable: UInt16 = 1 << 10
        /// What a guest may change: the three above, parity and system error reporting (which never happen), and interrupt disable.
        static let writable: UInt16 = 0x0547
    }

    package enum Status {
        package static let interrupt: UInt16 = 1 << 3
        static let hasCapabilities: UInt16 = 1 << 4
    }

    /// - Parameter classCode: 0xCCSSPP: class, subclass, programming interface.
    package init(vendor: UInt16, device: UInt16, revision: UInt8, classCode: UInt32, isMultifunction: Bool = false) {
        set16(Register.vendor, vendor)
        set16(Register.device, device)
        set16(Register.command, 0, writable: Command.writable)
        set32(Register.revision, (classCode << 8) | UInt32(revision))
        set8(Register.headerType, isMultifunction ? 0x80 : 0)
        set8(Register.interruptLine, 0, writable: 0xFF)
    }

    // MARK: Built by the function

    package mutating func set8(_ offset: Int, _ value: UInt8, writable mask: UInt8 = 0) {
        bytes[offset] = value
        writable[offset] = mask
    }

    package mutating func set16(_ offset: Int, _ value: UInt16, writable mask: UInt16 = 0) {
        for index in 0..<2 {
            set8(offset + index, UInt8(truncatingIfNeeded: value >> (8 * index)), writable: UInt8(truncatingIfNeeded: mask >> (8 * index)))
        }
    }

    package mutating func set32(_ offset: Int, _ value: UInt32, writable mask: UInt32 = 0) {
        for index in 0..<4 {
            set8(offset + index, UInt8(truncatingIfNeeded: value >> (8 * index)), writable: UInt8(truncatingIfNeeded: mask >> (8 * index)))
        }
    }

    /// Lets a guest store whatever it likes in `range`: registers that exist but mean nothing here.
    package mutating func allowStores(in range: Range<Int>) {
        for offset in range { writable[offset] = 0xFF }
    }

    /// Adds a capability at the end of the list.
    /// - Parameters:
    ///   - body: what follows the id and the link.
    ///   - mask: which bits of the body a guest may change; missing bytes are none.
    /// - Returns: where the capability begins.
    package mutating func addCapability(_ id: UInt8, _ body: [UInt8], writable mask: [UInt8] = []) -> Int {
        let place = nextCapability
        precondition(place + 2 + body.count <= Self.byteCount, "too many PCI capabilities")
        bytes[capabilityLink] = UInt8(place)
        capabilityLink = place + 1
        bytes[place] = id
        for (index, byte) in body.enumerated() {
            set8(place + 2 + index, byte, writable: index < mask.count ? mask[index] : 0)
        }
        nextCapability = (place + 2 + body.count + 3) & ~3
        set16(Register.status, word(Register.status) | Status.hasCapabilities)
        return place
    }

    /// What has been built is what a reset goes back to.
    package mutating func seal() { initial = bytes }

    package mutating func reset() {
        precondition(!initial.isEmpty, "a configuration space was never sealed")
        bytes = initial
    }

    // MARK: Used by the function and the guest

    /// - Precondition: none: what lies outside reads as all ones.
    package func read(offset: Int, width: AccessWidth) -> UInt32 {
        guard width != .eight, offset >= 0, offset <= Self.byteCount - width.rawValue else { return .max }
        var value: UInt32 = 0
        for index in 0..<width.rawValue { value |= UInt32(bytes[offset + index]) << UInt32(8 * index) }
        return value
    }

    /// Stores the bits that may be changed.
    package mutating func write(offset: Int, width: AccessWidth, value: UInt32) {
        guard width != .eight, offset >= 0, offset <= Self.byteCount - width.rawValue else { return }
        for index in 0..<width.rawValue {
            let mask = writable[offset + index]
            let byte = UInt8(truncatingIfNeeded: value >> UInt32(8 * index))
            bytes[offset + index] = (bytes[offset + index] & ~mask) | (byte & mask)
        }
    }

    package func word(_ offset: Int) -> UInt16 { UInt16(truncatingIfNeeded: read(offset: offset, width: .two)) }
    package func long(_ offset: Int) -> UInt32 { read(offset: offset, width: .four) }
    package func byte(_ offset: Int) -> UInt8 { UInt8(truncatingIfNeeded: read(offset: offset, width: .one)) }
    package var command: UInt16 { word(Register.command) }

    /// Changes a register as the device itself, whatever a guest may do with it.
    package mutating func store(_ offset: Int, _ value: UInt32, width: AccessWidth) {
        guard width != .eight, offset >= 0, offset <= Self.byteCount - width.rawValue else { return }
        for index in 0..<width.rawValue { bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt32(8 * index)) }
    }
}
