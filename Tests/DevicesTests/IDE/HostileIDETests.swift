import Devices
import Testing

/// Guests that want the channel, the bus master or this process to break.
@Suite struct HostileIDETests {
    /// The drives still do what they are asked.
    func expectHealthy(_ rig: IDERig, _ location: SourceLocation = #_sourceLocation) {
        for channel in [0, 1] {
            rig.setConfig(0x40 + 2 * channel, 0x8000)
            rig.setConfig(0x20, 0xC000, width: .four)
            rig.setConfig(0x04, 5)
        }
        rig.work()
        for port in [rig.first, rig.second] {
            port.stop()
            port.control(4)
            port.control(0)
        }
        rig.first.command(0x20, block: 1000)
        #expect(rig.first.read().count == 512, sourceLocation: location)
        _ = rig.second.packet([0x00])
        _ = rig.second.packet([0x1E])
        _ = rig.second.packet([0x1B, 0, 0, 0, 3])
        #expect(rig.second.packet([0x28, 0, 0, 0, 0, 3, 0, 0, 1]) == ATAPIDriveTests.blocks(3..<4), sourceLocation: location)
    }

    @Test(
        arguments: [
            // Past the end, in a hole, over the end of RAM, a device's window, a table that is nowhere.
            (0x2000, 0x10_0000, 512), (0x2000, 0x0F_FF00, 512), (0x2000, 0xFEC0_0000, 512), (0x2000, 0xC000_0000, 65536),
            (0xFFFF_FFFC, 0x3000, 512), (0x10_0000, 0x3000, 512), (0x0F_FFFC, 0x3000, 512),
        ] as [(UInt64, UInt64, UInt64)])
    func `descriptors that lead out of RAM end the transfer with an error, and nothing is moved`(
        table: UInt64, address: UInt64, count: UInt64
    ) {
        let rig = IDERig()
        rig.first.table([(address, count, true)], at: table)
        rig.first.command(0xC8, block: 4)
        rig.first.start(toMemory: true)
        #expect(rig.first.masterStatus & 7 == 0x02 && !rig.first.line.level)
        #expect(rig.memory.read(0x3000, count: 512) == [UInt8](repeating: 0, count: 512))
        // A write takes nothing either.
        rig.first.stop()
        rig.first.control(4)
        rig.first.control(0)
        rig.ports.write(rig.first.master + 2, count: 1, value: 6)
        rig.first.command(0xCA, block: 4)
        rig.first.start(toMemory: false)
        #expect(rig.first.masterStatus & 2 != 0)
        #expect(rig.disk.state.withLock { $0.writes } == 0)
        expectHealthy(rig)
    }

    @Test func `a table without an end is walked for 64 KiB and not further`() {
        let rig = IDERig()
        // 8192 descriptors of two bytes each, none of them the last, up to the end of their 64 KiB.
        rig.first.table((0..<8192).map { _ in (0x3000, 2, false) }, at: 0x1_0000)
        rig.first.command(0xC8, count: 0)
        rig.first.start(toMemory: true)
        #expect(rig.first.masterStatus & 7 == 0x02)
        // One that begins in the last eight bytes.
        rig.first.stop()
        rig.first.table([(0x3000, 2, false)], at: 0x1_FFF8)
        rig.first.start(toMemory: true)
        #expect(rig.first.masterStatus & 3 == 0x02)
        expectHealthy(rig)
    }

    @Test func `a table that lies in what is read into does no more than confuse its owner`() {
        let rig = IDERig()
        for block in 0..<8 as Range<UInt64> {
            rig.first.table([(0x2000, 512, false), (0x2000, 65536, false), (0x2200, 0, true)], at: 0x2000)
            rig.first.command(0xC8, block: block * 100, count: 255)
            rig.first.start(toMemory: true)
            rig.first.stop()
            rig.first.control(4)
            rig.first.control(0)
        }
        expectHealthy(rig)
    }

    @Test func `counts and blocks beyond the end move nothing`() {
        let rig = IDERig(sectors: 1024)
        for (block, count) in [(1024, 1), (1023, 2), (0x0FFF_FFFF, 1), (900, 0), (1024, 0)] as [(UInt64, UInt8)] {
            for code in [0x20, 0x30, 0x40, 0xC8, 0xCA] as [UInt8] {
                rig.first.command(code, block: block, count: count)
                rig.work()
                #expect(rig.first.get(7) == 0x51 && rig.first.get(1) == 0x10)
            }
        }
        for (block, count) in [(0xFFFF_FFFF_FFFF, 1), (1 << 47, 0), (1000, 100), (0, 1025)] as [(UInt64, UInt16)] {
            for code in [0x24, 0x34, 0x42, 0x25, 0x35] as [UInt8] {
                rig.first.extended(code, block: block, count: count)
                rig.work()
                #expect(rig.first.get(7) == 0x51 && rig.first.get(1) == 0x10)
            }
        }
        // Cylinders, heads and sectors: a sector 0, and ones that are not there.
        rig.first.command(0x91, count: 17)
        for (device, sector, cylinder) in [(0xA0, 0, 0), (0xA0, 18, 0), (0xAF, 1, 0xFF), (0xA1, 1, 0)] as [(UInt8, UInt8, UInt8)] {
            rig.first.put(6, device)
            for (register, value) in [(2, 1), (3, sector), (4, 0xFF), (5, cylinder)] as [(UInt64, UInt8)] { rig.first.put(register, value) }
            rig.first.put(7, 0x20)
            #expect(rig.first.get(7) == 0x51 && rig.first.get(1) == 0x10)
        }
        #expect(rig.disk.state.withLock { $0.reads + $0.writes } == 0)
        expectHealthy(rig)
    }

    @Test func `a busy drive takes no commands and no other registers`() {
        let rig = IDERig()
        rig.first.command(0x20, block: 5)
        for code in UInt8.min...UInt8.max { rig.first.put(7, code) }
        for register in 1...6 as ClosedRange<UInt64> { rig.first.put(register, 0xFF) }
        #expect(rig.first.read() == ATADiskTests.sectors(5..<6))
        #expect(rig.disk.state.withLock { ($0.reads, $0.writes) } == (1, 0))
        // In the middle of its data as well.
        rig.first.command(0x30, block: 5)
        rig.ports.write(0x1F0, count: 2, value: 0x1111)
        rig.first.put(7, 0xEC)
        rig.first.put(6, 0xB0)
        rig.first.write([UInt8](repeating: 0x11, count: 510))
        #expect(rig.disk.content[5 * 512] == 0x11 && rig.first.get(7) == 0x50)
    }

    @Test func `a reset while storage is at work drops what it brings`() throws {
        let rig = IDERig()
        rig.first.table([(0x3000, 512, true)])
        rig.first.command(0xC8, block: 5)
        rig.ports.write(rig.first.master, count: 1, value: 9)
        rig.first.control(4)
        rig.first.control(0)
        rig.work()
        #expect(rig.first.alternateStatus == 0x50 && !rig.first.line.level)
        #expect(rig.memory.read(0x3000, count: 512) == [UInt8](repeating: 0, count: 512))
        // The bus master stopped, or not allowed: the same.
        for stop in [{ rig.first.stop() }, { rig.setConfig(0x04, 1) }] {
            rig.first.command(0xC8, block: 5)
            rig.ports.write(rig.first.master, count: 1, value: 9)
            stop()
            rig.work()
            #expect(rig.memory.read(0x3000, count: 512) == [UInt8](repeating: 0, count: 512))
            rig.first.control(4)
            rig.first.control(0)
        }
        expectHealthy(rig)
    }

    @Test func `a bus master that goes the wrong way moves nothing`() {
        let rig = IDERig()
        rig.first.table([(0x3000, 512, true)])
        rig.first.command(0xC8, block: 5)
        rig.first.start(toMemory: false)
        #expect(rig.first.masterStatus & 3 == 2)
        rig.first.stop()
        rig.first.control(4)
        rig.first.control(0)
        rig.first.command(0xCA, block: 5)
        rig.first.start(toMemory: true)
        #expect(rig.first.masterStatus & 3 == 2 && rig.disk.state.withLock { $0.writes } == 0)
        // Started without any command it waits for ever, and costs nothing.
        rig.first.control(4)
        rig.first.control(0)
        rig.first.stop()
        rig.first.start(toMemory: true)
        #expect(rig.first.masterStatus & 1 == 1)
        expectHealthy(rig)
    }

    @Test func `the data port takes any width at any time`() {
        let rig = IDERig()
        for count in 1...8 {
            _ = rig.ports.read(0x1F0, count: count)
            rig.ports.write(0x1F0, count: count, value: .max)
        }
        rig.first.command(0x20, block: 8)
        rig.work()
        // A byte is the low half of a word that is gone then; a double word is two words.
        #expect(rig.ports.read(0x1F0, count: 1) == 9)
        #expect(rig.ports.read(0x1F0, count: 4) == 0x0909_0909)
        for _ in 0..<(256 - 3) {
            #expect(rig.first.alternateStatus == 0x58)
            _ = rig.ports.read(0x1F0, count: 1)
        }
        #expect(rig.first.alternateStatus == 0x50)
        #expect(rig.ports.read(0x1F0, count: 2) == 0xFFFF, "there is nothing more")
        // A double word over the end of a block.
        rig.first.command(0x30, block: 8)
        for _ in 0..<255 { rig.ports.write(0x1F0, count: 2, value: 0x2222) }
        rig.ports.write(0x1F0, count: 4, value: 0x3333_2222)
        rig.work()
        #expect(rig.first.get(7) == 0x50 && rig.disk.content[(8 * 512)..<(9 * 512)].allSatisfy { $0 == 0x22 })
        // Registers next to it, two at a time.
        rig.ports.write(0x1F2, count: 2, value: 0x4312)
        #expect(rig.ports.read(0x1F2, count: 2) == 0x4312)
    }

    @Test(arguments: [0x1DE_0001, 0x1DE_0002, 0x1DE_0003, 0x1DE_0004] as [UInt64])
    func `H44 a blind poker finds nothing to break in the controller`(seed: UInt64) {
        var random = Seeded(seed: seed)
        let rig = IDERig()
        let places: [UInt64] = (0..<8).flatMap { [0x1F0 + $0, 0x170 + $0] } + [0x3F6, 0x376] + (0..<16).map { 0xC000 + $0 }
        let commands: [UInt8] = [
            0x20, 0x24, 0x25, 0x29, 0x30, 0x34, 0x35, 0x39, 0x40, 0x90, 0x91, 0xA0, 0xA0, 0xA0, 0xA1, 0xC4, 0xC5, 0xC6, 0xC8, 0xCA, 0xE7,
            0xEC, 0xEF, 0x08,
        ]
        for _ in 0..<60_000 {
            switch Int.random(in: 0..<12, using: &random) {
            case 0...3:
                let place = places.randomElement(using: &random) ?? 0
                rig.ports.write(place, count: Int.random(in: 1...8, using: &random), value: RandomPokeTests.value(&random))
            case 4, 5:
                let place = places.randomElement(using: &random) ?? 0
                _ = rig.ports.read(place, count: Int.random(in: 1...8, using: &random))
            case 6:
                // A command that has a chance.
                let port = Bool.random(using: &random) ? rig.first : rig.second
                port.command(
                    commands.randomElement(using: &random) ?? 0, block: UInt64.random(in: 0..<1100, using: &random),
                    count: UInt8.random(in: 0...255, using: &random), features: UInt8.random(in: 0...3, using: &random))
            case 7:
                let base: UInt64 = Bool.random(using: &random) ? 0x1F0 : 0x170
                for _ in 0..<Int.random(in: 1..<600, using: &random) {
                    if Bool.random(using: &random) {
                        rig.ports.write(base, count: 2, value: random.next())
                    } else {
                        _ = rig.ports.read(base, count: 2)
                    }
                }
            case 8:
                let port = Bool.random(using: &random) ? rig.first : rig.second
                let entries = (0..<Int.random(in: 1..<5, using: &random)).map { _ in
                    (RandomPokeTests.value(&random) & 0xFFFF_FFFF, random.next() & 0xFFFF, Bool.random(using: &random))
                }
                port.table(entries, at: UInt64.random(in: 0..<0x8000, using: &random))
                port.start(toMemory: Bool.random(using: &random))
            case 9: rig.setConfig(Int.random(in: 0..<256, using: &random) & ~3, RandomPokeTests.value(&random), width: .four)
            case 10:
                let port = Bool.random(using: &random) ? rig.first : rig.second
                port.control(UInt8.random(in: 0...255, using: &random))
                if Bool.random(using: &random) { port.control(0) }
            default: rig.work()
            }
        }
        expectHealthy(rig)
    }
}
