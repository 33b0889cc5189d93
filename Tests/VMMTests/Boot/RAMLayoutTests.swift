import Testing
import VMM

@Suite("RAM")
struct RAMLayoutTests {
    @Test func `small RAM is one range below the hole, large RAM goes on above 4 GiB`() throws {
        let small = try #require(RAMLayout(byteCount: 256 << 20))
        #expect(small.map.map(\.address) == [0, 0x9_FC00, 0x10_0000, 0xE000_0000, 0xFEFF_C000])
        #expect(small.map.map(\.type) == [1, 2, 1, 2, 2])
        #expect(small.top == 256 << 20)
        let large = try #require(RAMLayout(byteCount: 5 << 30))
        #expect(large.low == 3 << 30 && large.high == 2 << 30)
        #expect(large.map.last == RAMLayout.MapEntry(address: 4 << 30, count: 2 << 30, type: 1))
        #expect(large.top == 6 << 30)
        // Every byte has one place in the mapping.
        #expect(large.pieces.map(\.offset) == [0, 0xC_0000, 3 << 30])
        #expect(large.pieces.map(\.address) == [0, 0xC_0000, 4 << 30])
        #expect(large.pieces.map(\.count) == [0xA_0000, (3 << 30) - 0xC_0000, 2 << 30])
    }

    @Test(arguments: [0, 4096, (1 << 20), (2 << 20) + 1, .max, 5 << 40] as [UInt64])
    func `no layout for what is not whole pages between 2 MiB and 4 TiB`(count: UInt64) {
        #expect(RAMLayout(byteCount: count) == nil)
    }
}
