import Devices

/// Host memory that is freed when the last one lets go.
@safe final class HostBlock: @unchecked Sendable {
    // Sendable by hand: tests share it the way a guest and its devices do.
    let start: UnsafeMutableRawPointer
    let byteCount: Int

    init(byteCount: Int) {
        unsafe start = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 4096)
        self.byteCount = byteCount
        unsafe start.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
    }

    deinit { unsafe start.deallocate() }
}

/// Guest RAM with a hole: 0x0 ..< 0x10_0000 and 0x20_0000 ..< 0x30_0000.
func makeMemory() -> GuestMemory {
    let block = HostBlock(byteCount: 2 << 20)
    return unsafe GuestMemory(
        [
            GuestMemory.Region(address: 0, host: block.start, byteCount: 1 << 20),
            GuestMemory.Region(address: 0x20_0000, host: block.start + (1 << 20), byteCount: 1 << 20),
        ], keeper: block)
}

/// A small deterministic generator (xorshift64*), so that a failure can be repeated from its seed.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed | 1
    }

    mutating func next() -> UInt64 {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return state &* 0x2545_F491_4F6C_DD1D
    }
}
