/// The ports of an IDE channel on a board without a controller: a floating cable, whose bit 7 is pulled down.
///
/// Systems that look for drives on any PC wait there while bit 7, busy, is set: U-Boot for many seconds, were these ports nobody's and all ones.
package final class EmptyIDEPorts: ByteBusDevice {
    /// What a cable without a drive reads as.
    static let floating: UInt8 = 0x7F

    package init() {}

    package func readByte(offset: UInt64) -> UInt8 { Self.floating }

    package func writeByte(offset: UInt64, value: UInt8) {}
}
