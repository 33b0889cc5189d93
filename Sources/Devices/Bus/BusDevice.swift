/// How wide one access of a guest is.
package enum AccessWidth: Int, CaseIterable, Sendable {
    case one = 1
    case two = 2
    case four = 4
    case eight = 8

    /// All ones in this width: what nothing answers with.
    package var allOnes: UInt64 { self == .eight ? .max : (1 &<< UInt64(truncatingIfNeeded: rawValue &* 8)) &- 1 }

    /// Puts a value together from its bytes, lowest first.
    /// - Parameter byte: the byte at an index from 0 to one less than the width.
    package func gathered(_ byte: (UInt64) -> UInt8) -> UInt64 {
        var value: UInt64 = 0
        for index in 0..<UInt64(truncatingIfNeeded: rawValue) { value |= UInt64(byte(index)) &<< (index &* 8) }
        return value
    }

    /// Takes a value's bytes apart, lowest first.
    /// - Parameter body: is given the index and the byte.
    package func scatter(_ value: UInt64, _ body: (UInt64, UInt8) -> Void) {
        for index in 0..<UInt64(truncatingIfNeeded: rawValue) { body(index, UInt8(truncatingIfNeeded: value &>> (index &* 8))) }
    }
}

/// Something that answers accesses to a window of ports or of guest-physical memory.
///
/// Offsets count from where the window's first byte was said to lie in the device (`Bus.attach(_:at:offset:)`). A bus calls only with an
/// access that lies in one window whole, from any vCPU thread, several at once. Any width may come at any offset: a device answers what it
/// can, reads the rest as all ones or zero as its specification says, and never traps.
package protocol BusDevice: AnyObject, Sendable {
    /// - Returns: the value in the low `width` bytes; higher bytes are ignored.
    func read(offset: UInt64, width: AccessWidth) -> UInt64
    /// - Parameter value: the value in the low `width` bytes; higher bytes are zero.
    func write(offset: UInt64, width: AccessWidth, value: UInt64)
}

/// A device whose registers are bytes: a wider access is that many byte accesses, lowest offset first.
package protocol ByteBusDevice: BusDevice {
    func readByte(offset: UInt64) -> UInt8
    func writeByte(offset: UInt64, value: UInt8)
}

extension ByteBusDevice {
    package func read(offset: UInt64, width: AccessWidth) -> UInt64 {
        width.gathered { readByte(offset: offset &+ $0) }
    }

    package func write(offset: UInt64, width: AccessWidth, value: UInt64) {
        width.scatter(value) { writeByte(offset: offset &+ $0, value: $1) }
    }
}

/// A device that goes back to its state after power-on when the machine resets. Called while no vCPU runs.
package protocol ResettableDevice: AnyObject, Sendable {
    func reset()
}
