import CPU

/// A function's MSI-X table: each entry is an address and a value to write there.
///
///     capability: 0 id, next, control (bit 15 enable, 14 mask all, 10-0 entries - 1)   4 table: BAR in bits 2-0, offset above
///     entry:      0 address (64 bits), 8 value, 12 control (bit 0 masked)
struct MessageTable {
    private let function: Function
    private let register: UInt8
    private let table: UInt64
    let entries: UInt16

    static let capability: UInt8 = 0x11
    /// A message for the local APIC of processor 0.
    private static let address: UInt64 = 0xFEE0_0000

    init?(of function: Function, at register: UInt8) throws(Fault) {
        let place = function.read(register &+ 4)
        guard let bar = function.bar(UInt8(truncatingIfNeeded: place & 7)) else { return nil }
        self.function = function
        self.register = register
        table = bar &+ UInt64(place & ~7)
        entries = UInt16(truncatingIfNeeded: function.read(register) >> 16) & 0x7FF &+ 1
        try Pages.map(table, length: UInt64(entries) &* 16)
    }

    /// Points an entry at a vector.
    func set(_ entry: UInt16, vector: UInt8) {
        let place = table &+ UInt64(entry) &* 16
        store32(place, UInt32(truncatingIfNeeded: Self.address))
        store32(place &+ 4, 0)
        store32(place &+ 8, UInt32(vector))
        store32(place &+ 12, 0)
    }

    func enable() {
        function.write(register, function.read(register) & ~(1 << 30) | 1 << 31)
    }
}
