/// The layout of a delta: what a machine changed on its immutable base. The same in a file and on a block device.
///
///     0         header    0  "vmlabΔ" in UTF-8: 76 6D 6C 61 62 CE 94, then 01 (the version)
///                         8  bytes of a grain, 65536           16  bytes of the base (and of the disk)
///                         the rest of the first grain is zero
///     65536     bitmap    one bit a grain, lowest first: set where the delta has it; whole grains
///     then      data      grain i of the disk at grain i of the data; the last one may reach past the disk
///
/// A delta of zeros of the right length is an empty one, so making one is making a hole. The header is written before the first bit is.
/// Numbers are little-endian.
enum DeltaFormat {
    static let grain: UInt64 = 65536
    static let magic: [UInt8] = [0x76, 0x6D, 0x6C, 0x61, 0x62, 0xCE, 0x94, 0x01]
    static let headerCount = 24
    /// Its bitmap takes 16 MiB of memory.
    static let baseLimit: UInt64 = 8 << 40

    static func grains(_ base: UInt64) -> UInt64 { (base + grain - 1) / grain }
    static func bitmapCount(_ base: UInt64) -> UInt64 { (grains(base) + 7) / 8 }
    static func dataStart(_ base: UInt64) -> UInt64 { grain + (bitmapCount(base) + grain - 1) / grain * grain }

    static func header(_ base: UInt64) -> [UInt8] {
        magic + [grain, base].flatMap { number in (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }
    }
}
