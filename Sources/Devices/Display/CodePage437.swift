/// The characters of a PC's text mode.
package enum CodePage437 {
    package static func scalar(_ byte: UInt8) -> Unicode.Scalar {
        switch byte {
        case 0x20..<0x7F: Unicode.Scalar(byte)
        case 0x7F: "⌂"
        case 0x80...: upper[Int(byte) - 0x80]
        default: lower[Int(byte)]
        }
    }

    private static let lower = Array(" ☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼".unicodeScalars)

    private static let upper = Array(
        ("ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐"
            + "└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■ ")
            .unicodeScalars)
}
