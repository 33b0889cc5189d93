/// An IPv6 address, the first byte highest.
struct IPv6Address: Equatable {
    var high: UInt64
    var low: UInt64

    static let none = IPv6Address(high: 0, low: 0)
    static let allNodes = IPv6Address(high: 0xFF02 << 48, low: 1)
    static let allRouters = IPv6Address(high: 0xFF02 << 48, low: 2)
    static let linkLocalPrefix: UInt64 = 0xFE80 << 48

    /// A prefix of 64 bits and the card's own address, widened (RFC 4291, appendix A).
    static func formed(prefix: UInt64, _ hardware: MACAddress) -> IPv6Address {
        let upper = (hardware.bits >> 24) ^ 0x02_0000
        return IPv6Address(high: prefix, low: upper << 40 | 0xFF_FE00_0000 | hardware.bits & 0xFF_FFFF)
    }

    var isGroup: Bool { high >> 56 == 0xFF }

    /// Where those listen who might have this address (RFC 4291, 2.7.1).
    var solicited: IPv6Address { IPv6Address(high: 0xFF02 << 48, low: 0x1_FF00_0000 | low & 0xFF_FFFF) }

    /// A group's address on Ethernet (RFC 2464, 7).
    var groupHardware: MACAddress { MACAddress(bits: 0x3333_0000_0000 | low & 0xFFFF_FFFF) }

    private func word(_ index: Int) -> UInt64 {
        (index < 4 ? high : low) >> UInt64((3 - index & 3) * 16) & 0xFFFF
    }

    /// As RFC 5952 wants it: the longest run of two or more zero words is `::`.
    var text: Text {
        var longest = 0..<0
        var start = 0
        for index in 0..<9 {
            if index < 8, word(index) == 0 { continue }
            if index - start > max(longest.count, 1) { longest = start..<index }
            start = index + 1
        }
        var text = Text()
        var index = 0
        while index < 8 {
            if index == longest.lowerBound, !longest.isEmpty {
                text.append("::")
                index = longest.upperBound
                continue
            }
            if index > 0, index != longest.upperBound || longest.isEmpty { text.append(":") }
            text.append(word(index), radix: 16)
            index += 1
        }
        return text
    }
}

extension Text.Interpolation {
    mutating func appendInterpolation(_ address: IPv6Address) { text.bytes += address.text.bytes }
}

extension Packet {
    func address6(_ offset: Int) -> IPv6Address {
        IPv6Address(
            high: UInt64(long(offset)) << 32 | UInt64(long(offset + 4)), low: UInt64(long(offset + 8)) << 32 | UInt64(long(offset + 12)))
    }

    func put(_ address: IPv6Address, at offset: Int) {
        put(UInt32(truncatingIfNeeded: address.high >> 32), at: offset)
        put(UInt32(truncatingIfNeeded: address.high), at: offset + 4)
        put(UInt32(truncatingIfNeeded: address.low >> 32), at: offset + 8)
        put(UInt32(truncatingIfNeeded: address.low), at: offset + 12)
    }
}

extension InternetChecksum {
    mutating func add(_ address: IPv6Address) {
        add(UInt32(truncatingIfNeeded: address.high >> 32))
        add(UInt32(truncatingIfNeeded: address.high))
        add(UInt32(truncatingIfNeeded: address.low >> 32))
        add(UInt32(truncatingIfNeeded: address.low))
    }
}
