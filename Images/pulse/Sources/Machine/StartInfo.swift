import CPU

/// What the monitor hands over at the PVH entry.
///
///     struct hvm_start_info                    memory map entry (24 bytes)
///       0 magic 0x336ec578   24 cmdline          0 address
///       4 version            32 rsdp             8 size
///       8 flags, 12 modules  40 memory map      16 type (1 = RAM)
///      16 module list        48 map entries     20 reserved
struct StartInfo {
    let commandLine: [UInt8]
    let memoryMap: [Range]
    let rootPointer: UInt64

    struct Range {
        let address: UInt64
        let size: UInt64
        let type: UInt32
    }

    private static let magic: UInt32 = 0x336e_c578
    /// Longer than any command line that a monitor accepts.
    private static let longestCommandLine: UInt64 = 4096
    private static let mostRanges: UInt32 = 128

    init?(at address: UInt64) {
        guard load32(address) == Self.magic else { return nil }
        let version = load32(address &+ 4)
        commandLine = Self.string(at: load64(address &+ 24))
        rootPointer = load64(address &+ 32)
        var ranges: [Range] = []
        if version >= 1 {
            let map = load64(address &+ 40)
            for index in 0..<UInt64(min(load32(address &+ 48), Self.mostRanges)) {
                let entry = map &+ index &* 24
                ranges.append(Range(address: load64(entry), size: load64(entry &+ 8), type: load32(entry &+ 16)))
            }
        }
        memoryMap = ranges
    }

    /// All RAM, rounded up to MiB: the hole below 1 MiB is no reason to report less than the machine has.
    var mebibytes: UInt64 {
        let bytes = memoryMap.reduce(0 as UInt64) { $1.type == 1 ? $0 &+ $1.size : $0 }
        return (bytes &+ 0xF_FFFF) >> 20
    }

    /// Where the RAM range that holds `address` ends, as far as it is mapped.
    func endOfMemory(holding address: UInt64) -> UInt64? {
        for range in memoryMap where range.type == 1 && range.address <= address && address &- range.address < range.size {
            return min(range.address &+ range.size, 3 << 30)
        }
        return nil
    }

    private static func string(at address: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        guard address != 0 else { return bytes }
        for offset in 0..<longestCommandLine {
            let byte = load8(address &+ offset)
            if byte == 0 { break }
            bytes.append(byte)
        }
        return bytes
    }
}
