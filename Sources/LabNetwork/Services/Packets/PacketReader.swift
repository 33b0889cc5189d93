package import LabModel

/// Takes numbers and ranges off the front of bytes that a stranger sent: nil where there are too few, big-endian throughout.
package struct PacketReader: Sendable {
    /// What has not been taken yet.
    package private(set) var rest: ArraySlice<UInt8>

    package init(_ bytes: ArraySlice<UInt8>) { rest = bytes }
    package init(_ bytes: [UInt8]) { rest = bytes[...] }

    package mutating func byte() -> UInt8? { rest.popFirst() }

    package mutating func word() -> UInt16? {
        guard let bytes = take(2) else { return nil }
        return bytes.reduce(0) { $0 << 8 | UInt16($1) }
    }

    package mutating func long() -> UInt32? {
        guard let bytes = take(4) else { return nil }
        return bytes.reduce(0) { $0 << 8 | UInt32($1) }
    }

    package mutating func mac() -> MACAddress? { take(6).flatMap { MACAddress($0) } }
    package mutating func ipv4() -> IPv4Address? { long().map { IPv4Address($0) } }

    package mutating func ipv6() -> IPv6Address? {
        guard let bytes = take(16) else { return nil }
        return IPv6Address(
            high: bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }, low: bytes.suffix(8).reduce(0) { $0 << 8 | UInt64($1) })
    }

    package mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
        guard count >= 0, count <= rest.count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }
}

extension [UInt8] {
    mutating func append(word: UInt16) {
        append(UInt8(truncatingIfNeeded: word >> 8))
        append(UInt8(truncatingIfNeeded: word))
    }

    mutating func append(long: UInt32) {
        append(word: UInt16(truncatingIfNeeded: long >> 16))
        append(word: UInt16(truncatingIfNeeded: long))
    }

    /// Zeros up to that length.
    mutating func pad(to length: Int) {
        if count < length { append(contentsOf: repeatElement(0, count: length - count)) }
    }
}
