/// An Ethernet address, its six bytes in the low 48 bits, the first one highest.
struct MACAddress: Equatable {
    var bits: UInt64

    static let broadcast = MACAddress(bits: 0xFFFF_FFFF_FFFF)

    var isGroup: Bool { bits >> 40 & 1 != 0 }

    var text: Text {
        var text = Text()
        for index in (0..<6 as Range<UInt64>).reversed() {
            text.append(bits >> (index &* 8) & 0xFF, radix: 16, width: 2)
            if index > 0 { text.append(":") }
        }
        return text
    }
}

/// An IPv4 address, the first byte highest.
struct IPv4Address: Equatable {
    var bits: UInt32

    static let none = IPv4Address(bits: 0)
    static let broadcast = IPv4Address(bits: ~0)

    init(bits: UInt32) { self.bits = bits }

    /// `A.B.C.D`
    init?(_ word: ArraySlice<UInt8>) {
        var bits: UInt32 = 0
        var parts = 0
        for part in word.split(separator: 0x2E, omittingEmptySubsequences: false) {
            guard let value = Self.decimal(part), value < 256 else { return nil }
            bits = bits << 8 | value
            parts += 1
            guard parts <= 4 else { return nil }
        }
        guard parts == 4 else { return nil }
        self.bits = bits
    }

    /// A number of one to three digits.
    static func decimal(_ digits: ArraySlice<UInt8>) -> UInt32? {
        guard (1...3).contains(digits.count) else { return nil }
        var value: UInt32 = 0
        for digit in digits {
            guard (0x30...0x39).contains(digit) else { return nil }
            value = value &* 10 &+ UInt32(digit &- 0x30)
        }
        return value
    }

    var isGroup: Bool { bits >> 28 == 0xE }
}

/// An IPv4 address and how many of its bits name the network.
struct IPv4Subnet: Equatable {
    var address: IPv4Address
    var prefix: UInt32

    init(address: IPv4Address, prefix: UInt32) {
        self.address = address
        self.prefix = min(prefix, 32)
    }

    /// `A.B.C.D/N`
    init?(_ word: ArraySlice<UInt8>) {
        let parts = word.split(separator: 0x2F, omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPv4Address(parts[0]), let prefix = IPv4Address.decimal(parts[1]) else { return nil }
        guard prefix <= 32 else { return nil }
        self.init(address: address, prefix: prefix)
    }

    var mask: UInt32 { prefix == 0 ? 0 : ~0 << (32 &- prefix) }

    func holds(_ other: IPv4Address) -> Bool { (other.bits ^ address.bits) & mask == 0 }

    /// The address of all that are in it; a network of one or two has none.
    var broadcast: IPv4Address { prefix >= 31 ? .broadcast : IPv4Address(bits: address.bits | ~mask) }
}

extension Text.Interpolation {
    mutating func appendInterpolation(_ address: MACAddress) { text.bytes += address.text.bytes }

    mutating func appendInterpolation(_ address: IPv4Address) {
        for shift in [24, 16, 8, 0] as [UInt32] {
            text.append(UInt64(address.bits >> shift & 0xFF))
            if shift > 0 { text.append(".") }
        }
    }

    mutating func appendInterpolation(_ subnet: IPv4Subnet) {
        appendInterpolation(subnet.address)
        text.append("/")
        text.append(UInt64(subnet.prefix))
    }
}
