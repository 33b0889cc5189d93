import Devices
import Testing

@Suite struct GuestMemoryTests {
    private let memory = makeMemory()

    @Test func `numbers are little-endian at any alignment`() {
        memory.write([0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09], at: 0x100)
        #expect(memory.load(UInt16.self, at: 0x100) == 0x0201)
        #expect(memory.load(UInt32.self, at: 0x101) == 0x0504_0302)
        #expect(memory.load(UInt64.self, at: 0x101) == 0x0908_0706_0504_0302)
        memory.store(UInt32(0xAABB_CCDD), at: 0x103)
        #expect(memory.read(0x103, count: 4) == [0xDD, 0xCC, 0xBB, 0xAA])
    }

    @Test(
        arguments: [
            (0xF_FFFF, 2), (0x10_0000, 1), (0x1F_FFFF, 1), (0x1F_FFFF, 2), (0x2F_FFFF, 2), (0x30_0000, 1), (0xFEE0_0000, 4),
            (UInt64.max, 1), (UInt64.max, 2), (0, UInt64.max), (1, UInt64.max), (UInt64.max - 3, 8), (0x8000, 1 << 63), (0x8000, 0),
        ] as [(UInt64, UInt64)])
    func `a range that is not all RAM in one piece is nothing`(address: UInt64, count: UInt64) {
        #expect(!memory.contains(address, count: count))
        #expect(memory.window(address, count: count) == nil)
        #expect(unsafe memory.hostRange(address, count: count) == nil)
    }

    @Test func `the ends of a region belong to it`() {
        #expect(memory.contains(0, count: 1 << 20))
        #expect(memory.contains(0x2F_FFFF, count: 1))
        #expect(memory.load(UInt8.self, at: 0xF_FFFF) == 0)
        #expect(memory.load(UInt8.self, at: 0x10_0000) == nil)
    }

    @Test func `a refused copy changes nothing`() {
        #expect(!memory.write([1, 2, 3, 4], at: 0xF_FFFE))
        #expect(memory.read(0xF_FFFE, count: 2) == [0, 0])
        #expect(!memory.store(UInt64(1), at: 0x2F_FFFC))
        #expect(memory.read(0x2F_FFFC, count: 4) == [0, 0, 0, 0])
    }

    @Test func `regions that continue each other are one`() {
        let block = HostBlock(byteCount: 0x4000)
        let joined = unsafe GuestMemory(
            [
                GuestMemory.Region(address: 0x2000, host: block.start + 0x2000, byteCount: 0x2000),
                GuestMemory.Region(address: 0, host: block.start, byteCount: 0x2000),
            ], keeper: block)
        #expect(joined.ranges == [0..<0x4000])
        #expect(joined.contains(0x1FFF, count: 2))
        // The same guest addresses from two places of the host stay two regions.
        let split = unsafe GuestMemory(
            [
                GuestMemory.Region(address: 0, host: block.start + 0x2000, byteCount: 0x2000),
                GuestMemory.Region(address: 0x2000, host: block.start, byteCount: 0x2000),
            ], keeper: block)
        #expect(!split.contains(0x1FFF, count: 2))
    }

    @Test func `a window reads zero and writes nothing outside itself`() throws {
        memory.write(Array(repeating: 0xEE, count: 32), at: 0x2000)
        let window = try #require(memory.window(0x2008, count: 16))
        for offset in [-1, -8, 15, 16, 17, Int.max, Int.min, Int.max - 1] {
            #expect(window.load(UInt16.self, at: offset) == 0)
            #expect(window.loadAcquiring16(at: offset) == 0)
            window.store(UInt16(0), at: offset)
            window.storeReleasing16(0, at: offset)
        }
        #expect(window.load(UInt64.self, at: 9) == 0)
        #expect(window.load(UInt64.self, at: 8) == 0xEEEE_EEEE_EEEE_EEEE)
        // Odd ring indices do not exist.
        #expect(window.loadAcquiring16(at: 1) == 0)
        #expect(memory.read(0x2000, count: 32) == Array(repeating: 0xEE, count: 32))
    }
}
