/// The order of file names that hold versions, as Debian compares them: runs of digits by value, `~` before the end.
///
/// `vmlinuz-6.1.0-9` < `vmlinuz-6.1.0-10` < `vmlinuz-6.10.0-1`, and `6.12~rc1` < `6.12`. Works on bytes, so that names
/// need not be text.
package enum VersionOrder {
    package static func isAscending(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        var left = left[...]
        var right = right[...]
        while !left.isEmpty || !right.isEmpty {
            // Text up to the next digit, byte by byte.
            while (left.first.map { !isDigit($0) } ?? false) || (right.first.map { !isDigit($0) } ?? false) {
                let (one, other) = (weight(left.first), weight(right.first))
                if one != other { return one < other }
                left = left.dropFirst()
                right = right.dropFirst()
            }
            // A number: no leading zeros, then the longer one is larger, then the first different digit decides.
            let (one, other) = (takeNumber(&left), takeNumber(&right))
            if one.count != other.count { return one.count < other.count }
            for (a, b) in zip(one, other) where a != b { return a < b }
        }
        return false
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

    /// `~` sorts before the end of the name, the end (and a number) before letters, letters before the rest.
    private static func weight(_ byte: UInt8?) -> Int {
        guard let byte, !isDigit(byte) else { return 0 }
        switch byte {
        case UInt8(ascii: "~"): return -1
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): return Int(byte)
        default: return Int(byte) + 256
        }
    }

    private static func takeNumber(_ text: inout ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        text = text.drop { $0 == UInt8(ascii: "0") }
        let number = text.prefix { isDigit($0) }
        text = text.dropFirst(number.count)
        return number
    }
}
