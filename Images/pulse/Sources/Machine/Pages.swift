import CPU

/// Maps device memory above the 4 GiB that the entry's page tables cover: one to one, 1 GiB at a time, uncached.
enum Pages {
    private static let presentWritable: UInt64 = 0x03
    private static let uncachedLarge: UInt64 = 0x98
    private static let addressMask: UInt64 = 0x000F_FFFF_FFFF_F000
    /// 48-bit virtual addresses, the lower half.
    private static let end: UInt64 = 1 << 47

    static func map(_ address: UInt64, length: UInt64) throws(Fault) {
        let (last, overflow) = address.addingReportingOverflow(max(length, 1) &- 1)
        guard !overflow, last < end else { throw .outOfRange("device memory") }
        for gibibyte in address >> 30...last >> 30 where gibibyte >= 4 { try map(gibibyte: gibibyte) }
    }

    private static func map(gibibyte: UInt64) throws(Fault) {
        let pointers = try table(at: page_map_address() &+ (gibibyte >> 9) &* 8)
        let entry = pointers &+ (gibibyte & 511) &* 8
        guard load64(entry) & 1 == 0 else { return }
        let directory = try table(at: entry)
        for index in 0..<512 as Range<UInt64> {
            store64(directory &+ index &* 8, gibibyte << 30 | index << 21 | uncachedLarge | presentWritable)
        }
    }

    /// The table that an entry points at, made if there is none.
    private static func table(at entry: UInt64) throws(Fault) -> UInt64 {
        let value = load64(entry)
        if value & 1 != 0 { return value & addressMask }
        guard let page = unsafe heap.pages(1) else { throw .outOfMemory }
        store64(entry, page | presentWritable)
        return page
    }
}
