import Devices
import Testing

/// Sizing and moving windows the ways real guests do it.
@Suite struct PCIWindowTests {
    /// A function with one window, driven through its configuration space alone.
    private struct Bench {
        let bus = Bus(name: "memory")
        let device = EchoDevice()
        var config: PCIConfigSpace
        var window: PCIWindow

        init(isWide: Bool = false) throws {
            config = PCIConfigSpace(vendor: 0x1AF4, device: 0x1042, revision: 1, classCode: 0x010000)
            window = PCIWindow(0, count: 0x8000, isWide ? .wideMemory : .memory, in: &config)
            try bus.reserve(0, count: 0x1000_0000)
            try bus.reserve(0xFEE0_0000, count: 0x10_0000)
            try bus.reserve(0x1_0000_0000, count: 0x1000_0000)
        }

        mutating func set(_ offset: Int, _ value: UInt32, _ width: AccessWidth = .four) {
            config.write(offset: offset, width: width, value: value)
            if window.isTouched(by: offset, width) { _ = window.follow(config, on: bus, for: device) }
        }

        var low: UInt32 { config.long(0x10) }
        var high: UInt32 { config.long(0x14) }
        func answers(_ address: UInt64) -> Bool { bus.read(address, count: 1) != 0xFF }
    }

    @Test(arguments: [0xFFFF_FFFF, 0xFFFF_FFF0, 0xFFFF_8000] as [UInt32])
    func `sizing with decoding on is no move, with all ones or with the address bits only`(pattern: UInt32) throws {
        var bench = try Bench()
        bench.set(0x10, 0xC000_0000)
        bench.set(0x04, 2, .two)
        #expect(bench.window.address == 0xC000_0000)
        bench.set(0x10, pattern)
        #expect(bench.low == 0xFFFF_8000)
        #expect(bench.window.address == 0xC000_0000)
        #expect(bench.answers(0xC000_0000))
        bench.set(0x10, 0xC000_0000)
        #expect(bench.answers(0xC000_7FFE))
    }

    @Test func `a window is closed while decoding is off and opens at its new place`() throws {
        var bench = try Bench()
        bench.set(0x10, 0xC000_0000)
        #expect(bench.window.address == nil)
        bench.set(0x04, 2, .two)
        bench.set(0x04, 0, .two)
        #expect(!bench.answers(0xC000_0000))
        bench.set(0x10, 0xFFFF_FFFF)
        bench.set(0x10, 0xD000_0000)
        bench.set(0x04, 2, .one)
        #expect(!bench.answers(0xC000_0000) && bench.answers(0xD000_0000))
    }

    @Test func `a move with decoding on is followed at once, also byte by byte`() throws {
        var bench = try Bench()
        bench.set(0x10, 0xC000_0000)
        bench.set(0x04, 2, .two)
        bench.set(0x10, 0xC123_8000)
        #expect(bench.answers(0xC123_8000) && !bench.answers(0xC000_0000))
        bench.set(0x12, 0x55, .one)
        #expect(bench.window.address == 0xC155_8000)
    }

    @Test(arguments: [0, 0x0100_0000, 0x0FFF_8000, 0xFEE0_0000, 0xFEEF_8000] as [UInt32])
    func `H18 a place over RAM, over the local APIC or at zero closes the window until a better one comes`(address: UInt32) throws {
        var bench = try Bench()
        bench.set(0x10, 0xC000_0000)
        bench.set(0x04, 2, .two)
        bench.set(0x10, address)
        #expect(bench.low == address)
        #expect(bench.window.address == nil)
        #expect(!bench.answers(UInt64(address)) && !bench.answers(0xC000_0000))
        bench.set(0x10, 0xC000_0000)
        #expect(bench.answers(0xC000_0000))
    }

    @Test func `H18 a place over another window closes only the one that moved`() throws {
        var bench = try Bench()
        let other = EchoDevice()
        try bench.bus.attach(other, at: 0xC800_0000, count: 0x8000)
        bench.set(0x10, 0xC800_0000)
        bench.set(0x04, 2, .two)
        #expect(bench.window.address == nil)
        _ = bench.bus.read(0xC800_0010, count: 1)
        #expect(other.accesses.count == 1)
        bench.set(0x10, 0xC900_0000)
        #expect(bench.answers(0xC900_0000))
    }

    @Test func `a wide window is sized one half after the other`() throws {
        var bench = try Bench(isWide: true)
        bench.set(0x10, 0x4000_0000)
        bench.set(0x14, 0x2)
        bench.set(0x04, 2, .two)
        #expect(bench.low == 0x4000_0004)
        #expect(bench.window.address == 0x2_4000_0000)
        // Linux: low ones, read, restore, high ones, read, restore. OpenBSD: the address bits only.
        for pattern in [0xFFFF_FFFF, 0xFFFF_FFF0] as [UInt32] {
            bench.set(0x10, pattern)
            #expect(bench.low == 0xFFFF_8004 && bench.answers(0x2_4000_0000))
            bench.set(0x14, 0xFFFF_FFFF)
            #expect(bench.high == 0xFFFF_FFFF && bench.answers(0x2_4000_0000))
            bench.set(0x10, 0x4000_0000)
            #expect(bench.answers(0x2_4000_0000))
            bench.set(0x14, 2)
            #expect(bench.window.address == 0x2_4000_0000)
        }
    }

    @Test func `H18 a wide window half written is at the place that its registers say, or nowhere`() throws {
        var bench = try Bench(isWide: true)
        bench.set(0x14, 2)
        bench.set(0x10, 0x4000_0000)
        bench.set(0x04, 2, .two)
        // On its way to 0x3_0000_8000 it passes 0x3_4000_0000.
        bench.set(0x14, 3)
        #expect(bench.window.address == 0x3_4000_0000)
        bench.set(0x10, 0x8000)
        #expect(bench.window.address == 0x3_0000_8000)
        // On its way over guest memory it is closed, then open again.
        bench.set(0x14, 1)
        #expect(bench.window.address == nil)
        bench.set(0x10, 0x8000_0000)
        #expect(bench.window.address == 0x1_8000_0000)
        // All address bits set in the lower half is an address too once the upper half has moved.
        bench.set(0x10, 0xFFFF_8000)
        #expect(bench.window.address == 0x1_8000_0000)
        bench.set(0x14, 0xFFFF_FFFE)
        #expect(bench.window.address == 0xFFFF_FFFE_FFFF_8000)
        #expect(bench.answers(0xFFFF_FFFE_FFFF_FFF0))
    }

    @Test func `H18 random writes to the registers never leave two windows or a wrong one`() throws {
        var random = Seeded(seed: 0x5EED_0018)
        for isWide in [false, true] {
            var bench = try Bench(isWide: isWide)
            let values: [UInt32] = [0, 2, 0xC000_0000, 0xFFFF_FFFF, 0xFFFF_FFF0, 0xFEE0_0000, 0x0800_0000, 1, 0xD000_0000]
            for _ in 0..<5000 {
                let offset = [0x04, 0x10, 0x11, 0x12, 0x13, 0x14, 0x16].randomElement(using: &random) ?? 0x10
                let width: AccessWidth = offset & 3 == 0 ? .four : .one
                bench.set(offset, values.randomElement(using: &random) ?? 0, width)
                if let address = bench.window.address {
                    #expect(bench.answers(address))
                    #expect(bench.config.command & 2 != 0)
                }
            }
            if let address = bench.window.address { bench.bus.detach(bench.device, at: address) }
            // Nothing was left behind: all of the space is free again.
            try bench.bus.attach(EchoDevice(), at: 0x1000_0000, count: 0xEE00_0000)
        }
    }

    @Test func `room for windows is given out aligned, spread, and never twice`() {
        var space = PCISpace(0xC000_0000..<0xC200_0000)
        #expect(space.take(0x8000) == 0xC000_0000)
        #expect(space.take(0x8000) == 0xC080_0000)
        #expect(space.take(0x100_0000) == 0xC100_0000)
        #expect(space.take(0x1000) == nil)
    }
}
