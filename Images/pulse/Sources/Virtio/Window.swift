import CPU

/// A piece of a BAR. Accesses beyond it read as zero and write nothing.
struct Window {
    let address: UInt64
    let length: UInt32

    init(address: UInt64, length: UInt32) {
        self.address = address
        self.length = length
    }

    /// From a virtio capability: 4 BAR index, 8 offset, 12 length. `nil` if that BAR holds no memory.
    init?(of function: Function, at register: UInt8) throws(Fault) {
        guard let bar = function.bar(UInt8(truncatingIfNeeded: function.read(register &+ 4))) else { return nil }
        address = bar &+ UInt64(function.read(register &+ 8))
        length = function.read(register &+ 12)
        try Pages.map(address, length: UInt64(length))
    }

    private func holds(_ offset: UInt32, _ width: UInt32) -> Bool { offset <= length && length &- offset >= width }

    func read8(_ offset: UInt32) -> UInt8 { holds(offset, 1) ? load8(address &+ UInt64(offset)) : 0 }
    func read16(_ offset: UInt32) -> UInt16 { holds(offset, 2) ? load16(address &+ UInt64(offset)) : 0 }
    func read32(_ offset: UInt32) -> UInt32 { holds(offset, 4) ? load32(address &+ UInt64(offset)) : 0 }
    /// Two halves: a device need not take 64-bit accesses.
    func read64(_ offset: UInt32) -> UInt64 { UInt64(read32(offset)) | UInt64(read32(offset &+ 4)) << 32 }

    func write8(_ offset: UInt32, _ value: UInt8) { if holds(offset, 1) { store8(address &+ UInt64(offset), value) } }
    func write16(_ offset: UInt32, _ value: UInt16) { if holds(offset, 2) { store16(address &+ UInt64(offset), value) } }
    func write32(_ offset: UInt32, _ value: UInt32) { if holds(offset, 4) { store32(address &+ UInt64(offset), value) } }
    func write64(_ offset: UInt32, _ value: UInt64) {
        write32(offset, UInt32(truncatingIfNeeded: value))
        write32(offset &+ 4, UInt32(truncatingIfNeeded: value >> 32))
    }
}
