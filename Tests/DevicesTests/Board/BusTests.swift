import Devices
import Synchronization
import Testing

/// Answers with its offset and remembers accesses.
final class EchoDevice: BusDevice {
    struct Access: Equatable {
        var offset: UInt64
        var width: Int
        var value: UInt64?
    }
    private let log = Mutex([Access]())
    var accesses: [Access] { log.withLock { $0 } }

    func read(offset: UInt64, width: AccessWidth) -> UInt64 {
        log.withLock { $0.append(Access(offset: offset, width: width.rawValue, value: nil)) }
        return 0xFFFF_FFFF_FFFF_FF00 | (offset & 0xFF)
    }

    func write(offset: UInt64, width: AccessWidth, value: UInt64) {
        log.withLock { $0.append(Access(offset: offset, width: width.rawValue, value: value)) }
    }
}

@Suite struct BusTests {
    @Test func `nobody answers with all ones in every width`() {
        let bus = Bus(name: "ports", limit: 0x1_0000)
        for count in 1...8 {
            let ones: UInt64 = count == 8 ? .max : (1 << UInt64(8 * count)) - 1
            #expect(bus.read(0x1234, count: count) == ones)
            #expect(bus.read(.max, count: count) == ones)
            bus.write(.max, count: count, value: 0)
        }
        #expect(bus.read(0, count: 0) == .max)
        #expect(bus.read(0, count: 9) == .max)
        #expect(bus.read(0, count: -1) == .max)
    }

    @Test func `an access inside one window reaches its device whole`() throws {
        let bus = Bus(name: "memory")
        let device = EchoDevice()
        try bus.attach(device, at: 0x1000, count: 16, offset: 0x40)
        #expect(bus.read(0x1004, count: 4) == 0xFFFF_FF44)
        bus.write(0x1008, count: 8, value: .max)
        bus.write(0x100F, count: 1, value: 0x1FF)
        #expect(
            device.accesses == [
                .init(offset: 0x44, width: 4, value: nil), .init(offset: 0x48, width: 8, value: .max),
                .init(offset: 0x4F, width: 1, value: 0xFF),
            ])
    }

    @Test func `an access over an edge or of an odd size is taken apart`() throws {
        let bus = Bus(name: "memory")
        let (left, right) = (EchoDevice(), EchoDevice())
        try bus.attach(left, at: 0x1000, count: 4)
        try bus.attach(right, at: 0x1004, count: 1, offset: 0x80)
        #expect(bus.read(0x1002, count: 4) == 0xFF80_0302)
        bus.write(0x1003, count: 3, value: 0x112233)
        #expect(left.accesses.last == .init(offset: 3, width: 1, value: 0x33))
        #expect(right.accesses.last == .init(offset: 0x80, width: 1, value: 0x22))
        #expect(bus.read(0x1000, count: 3) == 0x020100)
        #expect(bus.read(0xFFF, count: 2) == 0x00FF)
    }

    @Test func `windows that overlap, are empty or leave the bus are refused and change nothing`() throws {
        let bus = Bus(name: "ports", limit: 0x1_0000)
        let (first, second) = (EchoDevice(), EchoDevice())
        try bus.attach(first, at: 0x100, count: 0x10)
        for (address, count) in [(0x100, 1), (0xFF, 2), (0x10F, 1), (0x80, 0x100), (0x104, 4)] as [(UInt64, UInt64)] {
            #expect(throws: BusError.overlap(bus: "ports", address: address, count: count, with: 0x100)) {
                try bus.attach(second, at: address, count: count)
            }
        }
        for (address, count) in [(0x200, 0), (0xFFFF, 2), (0x1_0000, 1), (UInt64.max, 2)] as [(UInt64, UInt64)] {
            #expect(throws: BusError.outside(bus: "ports", address: address, count: count)) {
                try bus.attach(second, at: address, count: count)
            }
        }
        #expect(second.accesses.isEmpty)
        try bus.attach(second, at: 0x110, count: 1)
        try bus.attach(second, at: 0xFF, count: 1)
        #expect(bus.read(0x110, count: 1) == 0)
    }

    @Test func `only the one who is there can be detached`() throws {
        let bus = Bus(name: "memory")
        let (here, other) = (EchoDevice(), EchoDevice())
        try bus.attach(here, at: 0x1000, count: 8)
        bus.detach(other, at: 0x1000)
        bus.detach(here, at: 0x1001)
        #expect(bus.read(0x1001, count: 1) == 1)
        bus.detach(here, at: 0x1000)
        bus.detach(here, at: 0x1000)
        #expect(bus.read(0x1001, count: 1) == 0xFF)
    }

    @Test func `a reserved range answers to nobody and takes no device`() throws {
        let bus = Bus(name: "memory")
        try bus.reserve(0, count: 0x1000)
        #expect(throws: BusError.overlap(bus: "memory", address: 0x800, count: 8, with: 0)) {
            try bus.attach(EchoDevice(), at: 0x800, count: 8)
        }
        #expect(bus.read(0x10, count: 8) == .max)
    }

    @Test func `a cache finds the same devices, and notices at once when one moves`() throws {
        let bus = Bus(name: "memory")
        let (first, second) = (EchoDevice(), EchoDevice())
        try bus.attach(first, at: 0x1000, count: 0x10)
        try bus.attach(second, at: 0x1010, count: 0x10, offset: 0x80)
        try bus.reserve(0x2000, count: 0x10)
        var cache = BusCache()
        for _ in 0..<3 {
            #expect(bus.read(0x1004, count: 2, through: &cache) == 0xFF04)
            #expect(bus.read(0x1008, count: 1, through: &cache) == 0x08)
            #expect(bus.read(0x1010, count: 1, through: &cache) == 0x80)
            // Over an edge, in odd sizes, in a reserved range, where nobody is.
            #expect(bus.read(0x100E, count: 4, through: &cache) == 0x8180_0F0E)
            #expect(bus.read(0x1004, count: 3, through: &cache) == 0x060504)
            #expect(bus.read(0x2004, count: 4, through: &cache) == 0xFFFF_FFFF)
            #expect(bus.read(.max, count: 8, through: &cache) == .max)
        }
        bus.write(0x1001, count: 1, value: 0x1FF, through: &cache)
        #expect(first.accesses.last == .init(offset: 1, width: 1, value: 0xFF))
        bus.detach(first, at: 0x1000)
        #expect(bus.read(0x1004, count: 2, through: &cache) == 0xFFFF)
        bus.write(0x1001, count: 1, value: 7, through: &cache)
        #expect(first.accesses.last == .init(offset: 1, width: 1, value: 0xFF))
        try bus.attach(second, at: 0x1000, count: 4, offset: 0x40)
        #expect(bus.read(0x1003, count: 1, through: &cache) == 0x43)
    }
}
