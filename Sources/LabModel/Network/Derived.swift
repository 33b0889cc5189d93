/// A stable stream of numbers from names and a seed: everything that a lab file leaves open is drawn from one of these.
///
/// The values are part of what a lab is: a change here changes every lab's addresses. Names go through FNV-1a (64 bits), the
/// stream is SplitMix64.
package struct Derived: Sendable {
    private var state: UInt64

    /// - Parameter names: from the general to the special, such as lab, machine, network.
    package init(seed: UInt64, _ names: String...) {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        func add(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        for shift in stride(from: 0, to: 64, by: 8) { add(UInt8(truncatingIfNeeded: seed >> UInt64(shift))) }
        for name in names {
            name.utf8.forEach(add)
            // No name holds it, so that ("a", "bc") and ("ab", "c") differ.
            add(0)
        }
        state = hash
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}

extension Derived {
    /// A unicast address of those that nobody owns (the second bit of the first octet set).
    package static func mac(lab: String, seed: UInt64, machine: String, network: String) -> MACAddress {
        var stream = Derived(seed: seed, "mac", lab, machine, network)
        return MACAddress(stream.next() & ~0x0300_0000_0000 | 0x0200_0000_0000)
    }

    /// The bridge's own Ethernet address on a network.
    package static func gatewayMAC(lab: String, seed: UInt64, network: String) -> MACAddress {
        var stream = Derived(seed: seed, "gateway-mac", lab, network)
        return MACAddress(stream.next() & ~0x0300_0000_0000 | 0x0200_0000_0000)
    }

    /// The upper 64 bits of a network's own IPv6 prefix (RFC 4193: `fd`, 40 bits for the lab, 16 for the network).
    package static func ipv6Prefix(lab: String, seed: UInt64, network: String) -> UInt64 {
        var ofLab = Derived(seed: seed, "ipv6", lab)
        var ofNetwork = Derived(seed: seed, "ipv6", lab, network)
        return 0xFD << 56 | (ofLab.next() & 0xFF_FFFF_FFFF) << 16 | ofNetwork.next() & 0xFFFF
    }

    /// 32 lower-case hexadecimal digits, as machine-id(5) wants them (of version 4's form, RFC 9562).
    package static func machineID(lab: String, seed: UInt64, machine: String) -> String {
        var stream = Derived(seed: seed, "machine-id", lab, machine)
        let high = stream.next() & ~0xF000 | 0x4000
        let low = stream.next() & ~(3 << 62) | 2 << 62
        return [high, low].map { value in
            let digits = String(value, radix: 16)
            return String(repeating: "0", count: 16 - digits.utf8.count) + digits
        }.joined()
    }
}
