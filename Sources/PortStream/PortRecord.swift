/// How frames stand in a port's byte stream, in both directions: records without anything between them.
///
///     record   { count: u32, big-endian; header: 12 bytes (`NetworkHeader`); frame: count - 12 bytes }
///     mark     { 0x8000_0010: u32, big-endian; 16 bytes }
///
/// A mark says where records begin again after either end has been replaced: whoever takes up a port is given 16 bytes that
/// nobody can guess, sends them as a mark before anything else, and throws away all that comes before the same mark from
/// the other side, the broken half of a record included. The two sides are told at different times, and the first one's mark
/// may be read and lost before the second is told; so whoever finds the mark says it once more, and passes over it when it comes
/// again between records. Every other count is an error of the sender: where its next record begins is unknown until the port is
/// taken up anew.
package enum PortRecord {
    /// Bytes of the count.
    package static let prefixCount = 4
    /// The largest IP packet (65,535 bytes) with an Ethernet header and two VLAN tags.
    package static let frameLimit = 65_557
    /// What `count` may be.
    package static let counts = (NetworkHeader.byteCount + NetworkHeader.ethernetCount)...(NetworkHeader.byteCount + frameLimit)
    /// Bytes of a mark after its prefix.
    package static let markCount = 16
    package static let markPrefix: [UInt8] = [0x80, 0x00, 0x00, 0x10]

    /// A mark as it stands on command lines and in control words: 32 hexadecimal digits.
    package static func mark(hexadecimal text: String) -> [UInt8]? {
        text.utf8.count == 2 * markCount ? bytes(hexadecimal: text) : nil
    }

    /// Reads bytes, two digits each; nil where it is anything else.
    package static func bytes(hexadecimal text: String) -> [UInt8]? {
        let digits = text.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
        guard digits.count == text.utf8.count, digits.count.isMultiple(of: 2) else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}
