import Devices
import Testing

@Suite struct QueueGeometryTests {
    private let memory = makeMemory()

    private func failure(
        size: UInt16 = 8, maximum: UInt16 = 256, _ descriptors: UInt64 = 0x1000, _ available: UInt64 = 0x2000, _ used: UInt64 = 0x3000,
        hasEventIndex: Bool = false
    ) -> QueueGeometry.GeometryError? {
        do throws(QueueGeometry.GeometryError) {
            _ = try QueueGeometry(
                size: size, maximumSize: maximum, descriptors: descriptors, available: available, used: used, hasEventIndex: hasEventIndex,
                memory: memory)
            return nil
        } catch { return error }
    }

    @Test(arguments: [0, 3, 255, 257, 512, 32769, 65535] as [UInt16])
    func `H8 a size that is zero, not a power of two or more than offered is refused`(size: UInt16) {
        #expect(failure(size: size) == .badSize)
    }

    @Test(arguments: [1, 2, 4, 256] as [UInt16])
    func `powers of two up to the device's own are accepted`(size: UInt16) {
        #expect(failure(size: size) == nil)
    }

    @Test func `H7 unaligned parts are refused`() {
        for offset in 1..<16 as Range<UInt64> { #expect(failure(0x1000 + offset) == .unaligned) }
        #expect(failure(0x1000, 0x2001) == .unaligned)
        for offset in 1..<4 as Range<UInt64> { #expect(failure(0x1000, 0x2000, 0x3000 + offset) == .unaligned) }
        #expect(failure(0x1010, 0x2002, 0x3004) == nil)
    }

    @Test(arguments: [0xF_FF90, 0x10_0000, 0x1F_FFF0, 0x2F_FFF0, 0x30_0000, 0xFEE0_0000, 0xFFFF_FFFF_FFFF_FFF0] as [UInt64])
    func `H7 a part whose end is not in RAM is refused`(address: UInt64) {
        #expect(failure(address, 0x2000, 0x3000) == .outsideMemory)
        #expect(failure(0x1000, address | 0xE, 0x3000) == (address == 0xF_FF90 ? nil : .outsideMemory))
        #expect(failure(0x1000, 0x2000, address | 0xC) == (address == 0xF_FF90 ? nil : .outsideMemory))
    }

    @Test func `parts may touch the last byte of RAM`() {
        #expect(failure(0x10_0000 - 128) == nil)
        #expect(failure(0x1000, 0x10_0000 - 20) == nil)
        #expect(failure(0x1000, 0x10_0000 - 20, hasEventIndex: true) == .outsideMemory)
        #expect(failure(0x1000, 0x2000, 0x10_0000 - 68) == nil)
        #expect(failure(0x1000, 0x2000, 0x10_0000 - 68, hasEventIndex: true) == .outsideMemory)
    }

    @Test func `H7 parts that share bytes are refused`() {
        #expect(failure(0x1000, 0x1000, 0x3000) == .overlapping)
        #expect(failure(0x1000, 0x107E, 0x3000) == .overlapping)
        #expect(failure(0x1000, 0x1080, 0x1094) == nil)
        #expect(failure(0x1000, 0x1080, 0x1090) == .overlapping)
        // With the event field the available ring is two bytes longer.
        #expect(failure(0x1000, 0x1080, 0x1094, hasEventIndex: true) == .overlapping)
    }
}
