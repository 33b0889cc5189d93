/// The compressed kernel inside a bzImage, found by its setup header.
///
///     0x1f1  u8   setup sectors (0 means 4); the protected-mode part begins at (sectors + 1) * 512
///     0x1fe  u16  0xaa55
///     0x202  "HdrS"
///     0x206  u16  protocol version; the payload fields came with 2.08
///     0x248  u32  payload offset from the protected-mode part
///     0x24c  u32  payload length; the last 4 bytes of it are the unpacked size (except where the format has its own)
///
/// Source: Linux, Documentation/arch/x86/boot.rst. A bzImage is a file somebody else made: every number is checked.
package struct KernelPayload {
    /// The first bytes of an ELF file.
    static let elfMagic: [UInt8] = [0x7f, 0x45, 0x4c, 0x46]

    /// The compressed stream, as its own tools write it.
    package let packed: ArraySlice<UInt8>
    /// What it unpacks to, in bytes.
    package let unpackedSize: Int

    /// `nil`: not a bzImage with a payload inside the file.
    package init?(bzImage: [UInt8]) {
        guard bzImage.count >= 0x250, bzImage[0x1fe] == 0x55, bzImage[0x1ff] == 0xaa,
            bzImage[0x202..<0x206].elementsEqual("HdrS".utf8),
            UInt16(bzImage[0x206]) | UInt16(bzImage[0x207]) << 8 >= 0x0208
        else { return nil }
        func number(_ at: Int) -> Int {
            Int(bzImage[at]) | Int(bzImage[at + 1]) << 8 | Int(bzImage[at + 2]) << 16 | Int(bzImage[at + 3]) << 24
        }
        let sectors = bzImage[0x1f1] == 0 ? 4 : Int(bzImage[0x1f1])
        let start = (sectors + 1) * 512 + number(0x248)
        let length = number(0x24c)
        guard length > 4, start <= bzImage.count, length <= bzImage.count - start else { return nil }
        let payload = bzImage[start..<start + length]
        unpackedSize = number(payload.endIndex - 4)
        // In gzip those 4 bytes are the stream's own end; to all others the kernel's build appends them.
        packed = payload.starts(with: [0x1f, 0x8b]) ? payload : payload.dropLast(4)
    }
}
