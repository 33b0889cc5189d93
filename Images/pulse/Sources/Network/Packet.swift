import CPU

/// Bytes of a frame where a device put them or takes them from, numbers big-endian as networks have them.
///
/// What lies beyond the end reads as zero, and writing there does nothing: no length in a frame is to be trusted.
struct Packet {
    let address: UInt64
    let count: Int

    private func holds(_ offset: Int, _ width: Int) -> Bool { offset >= 0 && offset <= count && count - offset >= width }

    private func place(_ offset: Int) -> UInt64 { address &+ UInt64(truncatingIfNeeded: offset) }

    func byte(_ offset: Int) -> UInt8 { holds(offset, 1) ? load8(place(offset)) : 0 }
    func word(_ offset: Int) -> UInt16 { holds(offset, 2) ? load16(place(offset)).byteSwapped : 0 }
    func long(_ offset: Int) -> UInt32 { holds(offset, 4) ? load32(place(offset)).byteSwapped : 0 }

    func put(_ value: UInt8, at offset: Int) { if holds(offset, 1) { store8(place(offset), value) } }
    func put(_ value: UInt16, at offset: Int) { if holds(offset, 2) { store16(place(offset), value.byteSwapped) } }
    func put(_ value: UInt32, at offset: Int) { if holds(offset, 4) { store32(place(offset), value.byteSwapped) } }

    func hardwareAddress(_ offset: Int) -> MACAddress {
        MACAddress(bits: UInt64(word(offset)) << 32 | UInt64(long(offset + 2)))
    }

    func put(_ address: MACAddress, at offset: Int) {
        put(UInt16(truncatingIfNeeded: address.bits >> 32), at: offset)
        put(UInt32(truncatingIfNeeded: address.bits), at: offset + 2)
    }

    func address4(_ offset: Int) -> IPv4Address { IPv4Address(bits: long(offset)) }

    func put(_ address: IPv4Address, at offset: Int) { put(address.bits, at: offset) }

    /// Some bytes, as far as there are any.
    func bytes(_ offset: Int, _ length: Int) -> [UInt8] {
        guard holds(offset, 0), length > 0 else { return [] }
        return byteArray(at: place(offset), count: min(length, count - offset))
    }

    func put(_ bytes: [UInt8], at offset: Int) {
        if holds(offset, bytes.count) { store(bytes[...], at: place(offset)) }
    }

    /// Copies another packet's bytes, as far as they fit.
    func put(_ other: Packet, at offset: Int) {
        guard holds(offset, 0) else { return }
        copy_bytes(place(offset), other.address, UInt64(min(other.count, count - offset)))
    }

    /// Writes `length` zeros, as far as they fit.
    func clear(_ offset: Int, _ length: Int) {
        guard holds(offset, 0), length > 0 else { return }
        fill_bytes(place(offset), 0, UInt64(min(length, count - offset)))
    }

    /// Writes 0, 1, 2 ... 255, 0 ... over all of it, eight bytes at once.
    func number() {
        var next: UInt64 = 0x0706_0504_0302_0100
        for offset in stride(from: 0, to: count - 7, by: 8) {
            store64(place(offset), next)
            next = offset & 0xF8 == 0xF8 ? 0x0706_0504_0302_0100 : next &+ 0x0808_0808_0808_0808
        }
        for offset in count & ~7..<count { store8(place(offset), UInt8(truncatingIfNeeded: offset)) }
    }

    /// What follows `offset`, at most `length` bytes of it.
    func from(_ offset: Int, length: Int = .max) -> Packet {
        let start = min(max(offset, 0), count)
        return Packet(address: place(start), count: min(max(length, 0), count - start))
    }
}
