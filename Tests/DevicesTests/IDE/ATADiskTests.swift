import Devices
import Testing

/// A disk on the first channel, as drivers use it.
@Suite struct ATADiskTests {
    /// Sector `n` of a fresh `MemoryStorage` is `n + 1` over and over.
    static func sectors(_ range: Range<Int>) -> [UInt8] {
        range.flatMap { [UInt8](repeating: UInt8(truncatingIfNeeded: $0 + 1), count: 512) }
    }

    @Test func `after a reset a disk, a packet device and an absent drive tell themselves apart`() {
        let rig = IDERig()
        for port in [rig.first, rig.second] {
            port.control(0x04)
            #expect(port.alternateStatus == 0x80)
            port.control(0)
        }
        #expect((1...5).map { rig.first.get($0) } == [1, 1, 1, 0, 0])
        #expect(rig.first.get(7) == 0x50)
        #expect((1...5).map { rig.second.get($0) } == [1, 1, 1, 0x14, 0xEB])
        #expect(rig.second.get(7) == 0)
        // Drive 1 is not there; drive 0 answers for it, but not as a drive.
        rig.first.put(6, 0xB0)
        #expect(rig.first.get(7) == 0 && rig.first.alternateStatus == 0)
        rig.first.put(7, 0xEC)
        #expect(rig.first.get(7) == 0 && !rig.first.line.level)
    }

    @Test func `a channel without drives floats, with its top bit pulled down`() {
        let rig = IDERig(plugs: [[nil, nil], [nil, nil]])
        #expect((0...7).map { rig.first.get($0) } == [UInt8](repeating: 0x7F, count: 8))
        #expect(rig.first.alternateStatus == 0x7F)
        #expect(rig.ports.read(0x1F0, count: 2) == 0xFF7F)
        rig.first.command(0x20)
        rig.work()
        #expect(rig.first.get(7) == 0x7F && !rig.first.line.level)
    }

    @Test func `IDENTIFY DEVICE says how large the disk is and what it can do`() {
        let rig = IDERig(sectors: 5000)
        rig.first.command(0xEC)
        #expect(rig.first.line.level)
        let bytes = rig.first.read()
        let words = stride(from: 0, to: 512, by: 2).map { UInt16(bytes[$0]) | UInt16(bytes[$0 + 1]) << 8 }
        #expect(bytes.count == 512)
        #expect(bytes.reduce(0, &+) == 0 && bytes[510] == 0xA5)
        #expect(words[0] == 0x40 && words[3] == 16 && words[6] == 63)
        #expect(UInt32(words[60]) | UInt32(words[61]) << 16 == 5000)
        #expect(words[100] == 5000 && words[101...103] == [0, 0, 0])
        #expect(words[49] & 0x0300 == 0x0300 && words[83] & 0xC400 == 0x4400 && words[87] & 0xC000 == 0x4000)
        let serial = words[10..<20].flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
        #expect(String(decoding: serial, as: UTF8.self) == "first               ")
    }

    @Test func `sectors are read and written word by word, an interrupt each`() {
        let rig = IDERig()
        rig.first.command(0x20, block: 7, count: 3)
        let before = rig.first.line.edges
        #expect(rig.first.get(7) == 0x80, "busy until storage has answered")
        rig.work()
        for sector in 7..<10 {
            #expect(rig.first.line.level)
            #expect(rig.first.get(7) == 0x58)
            #expect(!rig.first.line.level, "reading the status takes the interrupt back")
            let words = (0..<256).map { _ in rig.ports.read(0x1F0, count: 2) }
            #expect(words == [UInt64](repeating: UInt64(sector + 1) * 0x101, count: 256))
        }
        #expect(rig.first.line.edges == before + 3)
        #expect(rig.first.get(7) == 0x50 && !rig.first.line.level)

        let data = (0..<1024).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        rig.first.command(0x30, block: 100, count: 2)
        #expect(rig.first.get(7) == 0x58 && !rig.first.line.level, "the first block is wanted at once")
        rig.first.write(data)
        #expect(rig.first.line.level && rig.first.get(7) == 0x50)
        #expect(Array(rig.disk.content[(100 * 512)..<(102 * 512)]) == data)
        #expect(rig.disk.state.withLock { $0.flushes } == 0)
        rig.first.command(0xE7)
        rig.work()
        #expect(rig.disk.state.withLock { $0.flushes } == 1 && rig.first.line.level)
    }

    @Test func `each addressing finds the same sector, and a count of zero is the most there is`() {
        let rig = IDERig(sectors: 70_000)
        rig.first.extended(0x24, block: 66_000, count: 2)
        #expect(rig.first.read() == Self.sectors(66_000..<66_002))
        rig.first.command(0x20, block: 66_000, count: 2)
        #expect(rig.first.read() == Self.sectors(66_000..<66_002))
        // Cylinder 65, head 7, sector 40 of 16 heads and 63 sectors.
        rig.first.put(6, 0xA0 | 7)
        for (register, value) in [(2, 1), (3, 40), (4, 65), (5, 0)] as [(UInt64, UInt8)] { rig.first.put(register, value) }
        rig.first.put(7, 0x20)
        let block = (65 * 16 + 7) * 63 + 39
        #expect(rig.first.read() == Self.sectors(block..<(block + 1)))
        rig.first.command(0x20, count: 0)
        #expect(rig.first.read() == Self.sectors(0..<256))
        // READ VERIFY moves nothing to the host, and all of it from storage, a chunk at a time.
        let before = rig.disk.state.withLock { $0.reads }
        rig.first.extended(0x42, block: 70_000 - 65_536, count: 0)
        rig.work()
        #expect(rig.first.get(7) == 0x50 && rig.disk.state.withLock { $0.reads } == before + 512)
    }

    @Test func `READ and WRITE MULTIPLE take as many sectors at a time as was agreed`() {
        let rig = IDERig()
        rig.first.command(0xC4, count: 4)
        #expect(rig.first.get(7) == 0x51 && rig.first.get(1) == 4, "nothing was agreed yet")
        rig.first.command(0xC6, count: 3)
        #expect(rig.first.get(7) == 0x51, "no power of two")
        rig.first.command(0xC6, count: 8)
        #expect(rig.first.get(7) == 0x50)
        let before = rig.first.line.edges
        rig.first.command(0xC4, block: 10, count: 20)
        var bytes: [UInt8] = []
        rig.work()
        while rig.first.get(7) & 0x08 != 0 {
            for _ in 0..<256 {
                let word = rig.ports.read(0x1F0, count: 2)
                bytes += [UInt8(word & 0xFF), UInt8(word >> 8)]
            }
            rig.work()
        }
        #expect(bytes == Self.sectors(10..<30))
        #expect(rig.first.line.edges == before + 3, "8, 8 and 4 sectors")
        rig.first.extended(0x39, block: 300, count: 9)
        rig.first.write([UInt8](repeating: 0x5A, count: 9 * 512))
        #expect(rig.first.get(7) == 0x50)
        #expect(rig.disk.content[(300 * 512)..<(309 * 512)].allSatisfy { $0 == 0x5A } && rig.disk.content[309 * 512] != 0x5A)
    }

    @Test func `the bus master scatters what it reads and gathers what it writes`() throws {
        let rig = IDERig()
        rig.first.table([(0x3000, 1024, false), (0x8002, 512, false), (0x20_0000, 0, true)])
        rig.first.command(0xC8, block: 2, count: 131)
        rig.work()
        #expect(!rig.first.line.level && rig.first.alternateStatus & 0x08 != 0, "it waits for the bus master")
        rig.first.start(toMemory: true)
        #expect(rig.first.line.level && rig.first.masterStatus & 7 == 0x04, "done, and the descriptors are used up")
        #expect(rig.first.get(7) == 0x50)
        rig.first.stop()
        let expected = Self.sectors(2..<133)
        #expect(rig.memory.read(0x3000, count: 1024) == Array(expected[..<1024]))
        #expect(rig.memory.read(0x8002, count: 512) == Array(expected[1024..<1536]))
        #expect(rig.memory.read(0x20_0000, count: 65536) == Array(expected[1536..<(1536 + 65536)]))

        rig.ports.write(rig.first.master + 2, count: 1, value: 0x04)
        #expect(rig.first.masterStatus & 7 == 0)
        #expect(rig.memory.write([UInt8](repeating: 0xC3, count: 4096), at: 0x5000))
        rig.first.table([(0x5000, 4096, true)])
        rig.first.extended(0x35, block: 500, count: 8)
        rig.first.start(toMemory: false)
        #expect(rig.first.line.level && rig.first.masterStatus & 7 == 4 && rig.first.get(7) == 0x50)
        #expect(rig.disk.content[(500 * 512)..<(508 * 512)].allSatisfy { $0 == 0xC3 })
    }

    @Test func `a drive that wants more than the descriptors hold goes on with the next ones`() {
        let rig = IDERig()
        rig.first.table([(0x3000, 512, true)])
        rig.first.command(0xC8, block: 0, count: 2)
        rig.first.start(toMemory: true)
        #expect(rig.first.masterStatus & 7 == 0 && !rig.first.line.level, "no end, no error: too short")
        rig.first.stop()
        rig.first.table([(0x4000, 4096, true)])
        rig.first.start(toMemory: true)
        #expect(rig.first.masterStatus & 7 == 0x05, "done, and descriptors are left")
        #expect(rig.memory.read(0x3000, count: 512) == Self.sectors(0..<1) && rig.memory.read(0x4000, count: 512) == Self.sectors(1..<2))
        rig.first.stop()
        #expect(rig.first.masterStatus & 1 == 0)
    }

    @Test func `features are set as a driver sets them, and a reset takes them back`() {
        let rig = IDERig()
        rig.first.command(0xEF, count: 0x22, features: 0x03)
        #expect(rig.first.get(7) == 0x50)
        rig.first.command(0xEC)
        #expect(rig.first.read()[127] == 0x04, "multiword DMA 2 is chosen")
        rig.first.command(0xEF, count: 0x45, features: 0x03)
        rig.first.command(0xEC)
        let bytes = rig.first.read()
        #expect(bytes[127] == 0 && bytes[177] == 0x20, "Ultra DMA 5 is chosen")
        for value in [0x46, 0x23, 0x80, 0xFF] as [UInt8] {
            rig.first.command(0xEF, count: value, features: 0x03)
            #expect(rig.first.get(7) == 0x51 && rig.first.get(1) == 0x04)
        }
        // Without a write cache each write is on the medium before it has ended.
        rig.first.command(0xEF, features: 0x82)
        rig.first.command(0x30)
        rig.first.write([UInt8](repeating: 1, count: 512))
        #expect(rig.disk.state.withLock { $0.flushes } == 1)
        rig.first.control(4)
        rig.first.control(0)
        rig.first.command(0xEC)
        #expect(rig.first.read()[170] == 0x28)
    }

    @Test func `both drives take EXECUTE DEVICE DIAGNOSTIC, and drive 0 reports`() {
        let second = MemoryStorage(sectors: 8)
        let disk = MemoryStorage(sectors: 8)
        let rig = IDERig(plugs: [[.disk(disk, serial: "a"), .disk(second, serial: "b")], [nil, nil]])
        rig.first.put(6, 0xB0)
        rig.first.put(7, 0x90)
        #expect(rig.first.line.level)
        #expect((1...7).map { rig.first.get($0) } == [1, 1, 1, 0, 0, 0, 0x50])
        // Each drive does its own commands.
        rig.first.command(0x30, block: 3, drive: 1)
        rig.first.write([UInt8](repeating: 9, count: 512))
        #expect(second.content[3 * 512] == 9 && disk.content[3 * 512] == 4)
        // An interrupt of the other one does not show.
        #expect(rig.first.line.level)
        rig.first.put(6, 0xA0)
        #expect(!rig.first.line.level)
        rig.first.put(6, 0xB0)
        #expect(rig.first.line.level)
    }

    @Test func `interrupts are held back where the host says so`() {
        let rig = IDERig()
        rig.first.control(0x02)
        rig.first.command(0xE7)
        rig.work()
        #expect(rig.first.alternateStatus == 0x50 && !rig.first.line.level && rig.first.masterStatus & 4 == 0)
        rig.first.control(0)
        #expect(rig.first.line.level)
        // What was written before the last write can be read.
        rig.first.put(2, 0x12)
        rig.first.put(2, 0x34)
        rig.first.control(0x80)
        #expect(rig.first.get(2) == 0x12)
        rig.first.control(0)
        #expect(rig.first.get(2) == 0x34)
    }

    @Test func `a command that ends at once is an edge of its own, also while the last interrupt was not taken`() {
        let rig = IDERig()
        // SET FEATURES and an unknown command end in the write; the third is a diagnostic of both drives.
        for (index, code) in ([0xEF, 0xFF, 0x90] as [UInt8]).enumerated() {
            rig.first.command(code, features: 0x02)
            #expect(rig.first.line.level && rig.first.line.edges == index + 1)
        }
    }

    @Test func `what storage cannot do is the command's failure, and the next one works`() {
        let rig = IDERig()
        rig.disk.fail(.failed(errno: 5))
        rig.first.command(0x20, block: 0x1F0)
        rig.work()
        #expect(rig.first.line.level && rig.first.get(7) == 0x51 && rig.first.get(1) == 0x40 && rig.first.get(3) == 0xF0)
        rig.first.command(0x30, block: 9)
        rig.first.write([UInt8](repeating: 1, count: 512))
        #expect(rig.first.get(7) == 0x71 && rig.first.get(1) == 0x04)
        rig.first.command(0xEA)
        rig.work()
        #expect(rig.first.get(7) == 0x71)
        rig.disk.fail(nil)
        rig.first.command(0x20, block: 9)
        #expect(rig.first.read() == Self.sectors(9..<10))
        rig.first.command(0x40, block: 0, count: 255)
        rig.work()
        #expect(rig.first.get(7) == 0x50)
    }

    @Test func `a read-only disk takes no writes`() {
        let rig = IDERig(isReadOnly: true)
        for code in [0x30, 0xCA, 0x34, 0x35] as [UInt8] {
            rig.first.command(code)
            rig.work()
            #expect(rig.first.get(7) == 0x51 && rig.first.get(1) == 0x04)
        }
    }

    @Test func `the function is a PIIX3's, and opens and closes its ports as it is told`() {
        let rig = IDERig()
        #expect(rig.config(0) == 0x7010_8086 && rig.config(8) == 0x0101_8000 && rig.config(0x3C) & 0xFF00 == 0)
        rig.setConfig(0x40, 0)
        #expect(rig.first.get(7) == 0xFF && rig.second.get(7) != 0xFF, "the primary channel is switched off")
        rig.setConfig(0x40, 0x8000)
        #expect(rig.first.get(7) == 0x50)
        rig.setConfig(0x04, 0)
        #expect(rig.first.get(7) == 0xFF && rig.second.get(7) == 0xFF)
        rig.setConfig(0x20, 0xFFFF_FFFF, width: .four)
        #expect(rig.config(0x20) == 0xFFFF_FFF1)
        rig.setConfig(0x20, 0xD000, width: .four)
        rig.setConfig(0x04, 5)
        #expect(rig.first.get(7) == 0x50 && rig.ports.read(0xD002, count: 1) == 0)
        rig.pci.reset()
        #expect(rig.first.get(7) == 0xFF && rig.ports.read(0xD002, count: 1) == 0xFF)
    }
}
