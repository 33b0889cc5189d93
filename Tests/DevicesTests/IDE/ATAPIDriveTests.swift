import Devices
import Testing

/// A CD drive on the second channel, as drivers use it.
@Suite struct ATAPIDriveTests {
    /// A rig whose drive has told of its reset.
    func awake(blocks: Int = 64) -> IDERig {
        let rig = IDERig(blocks: blocks)
        _ = rig.second.packet([0x00])
        _ = rig.second.sense
        return rig
    }

    static func blocks(_ range: Range<Int>) -> [UInt8] { ATADiskTests.sectors((range.lowerBound * 4)..<(range.upperBound * 4)) }

    @Test func `IDENTIFY DEVICE is refused with the signature, IDENTIFY PACKET DEVICE is answered`() {
        let rig = IDERig()
        rig.second.command(0xEC)
        #expect(rig.second.get(7) == 0x51 && rig.second.get(1) == 4 && rig.second.get(4) == 0x14 && rig.second.get(5) == 0xEB)
        rig.second.command(0xA1)
        let bytes = rig.second.read()
        #expect(bytes.count == 512 && bytes[0] == 0xC0 && bytes[1] == 0x85 && bytes.reduce(0, &+) == 0)
    }

    @Test func `the first command is told of the reset, and INQUIRY is always answered`() {
        let rig = IDERig()
        let inquiry = rig.second.packet([0x12, 0, 0, 0, 36])
        #expect(inquiry.count == 36 && inquiry[0] == 5 && inquiry[1] == 0x80)
        #expect(String(decoding: inquiry[8..<32], as: UTF8.self) == "vmlab   CD-ROM          ")
        _ = rig.second.packet([0x00])
        #expect(rig.second.get(7) == 0x51 && rig.second.get(1) == 0x60 && rig.second.get(2) == 3)
        #expect(rig.second.sense == [6, 0x29])
        _ = rig.second.packet([0x00])
        #expect(rig.second.get(7) == 0x50)
        #expect(rig.second.sense == [0, 0])
    }

    @Test func `blocks come in pieces that the host can take, each announced`() {
        let rig = awake()
        #expect(rig.second.packet([0x28, 0, 0, 0, 0, 5, 0, 0, 3], limit: 2048) == Self.blocks(5..<8))
        #expect(rig.second.get(2) == 3 && rig.second.get(7) == 0x50)
        // 5000 bytes at a time are two blocks.
        rig.second.put(1, 0)
        rig.second.put(4, 0x88)
        rig.second.put(5, 0x13)
        rig.second.put(7, 0xA0)
        #expect(rig.second.get(2) == 1 && rig.second.get(7) == 0x58, "it waits for the packet, without an interrupt")
        #expect(!rig.second.line.level)
        rig.second.write([0xA8, 0, 0, 0, 0, 10, 0, 0, 0, 3, 0, 0])
        #expect(rig.second.line.level)
        #expect(rig.second.get(2) == 2 && rig.second.get(4) == 0 && rig.second.get(5) == 0x10)
        for _ in 0..<2048 { _ = rig.ports.read(0x170, count: 2) }
        #expect(rig.second.get(4) == 0 && rig.second.get(5) == 0x08, "the third block comes alone")
        #expect(rig.second.read() == Self.blocks(12..<13))
        #expect(rig.second.line.level, "the end is announced too")
        // Larger than what is read from storage at a time.
        #expect(rig.second.packet([0x28, 0, 0, 0, 0, 0, 0, 0, 64], limit: 0xFFFE) == Self.blocks(0..<64))
    }

    @Test func `blocks come by the bus master too`() {
        let rig = awake()
        rig.second.table([(0x4000, 4096, true)])
        rig.second.put(1, 1)
        rig.second.put(7, 0xA0)
        rig.second.write([0x28, 0, 0, 0, 0, 30, 0, 0, 2, 0, 0, 0])
        rig.second.start(toMemory: true)
        #expect(rig.second.line.level && rig.second.masterStatus & 7 == 4 && rig.second.get(7) == 0x50)
        #expect(rig.memory.read(0x4000, count: 4096) == Self.blocks(30..<32))
    }

    @Test func `the medium is one track of data with its size`() {
        let rig = awake(blocks: 4500)
        #expect(rig.second.packet([0x25]) == [0, 0, 0x11, 0x93, 0, 0, 8, 0])
        #expect(
            rig.second.packet([0x43, 0, 0, 0, 0, 0, 0, 0, 100])
                == [0, 18, 1, 1, 0, 0x14, 1, 0, 0, 0, 0, 0, 0, 0x14, 0xAA, 0, 0, 0, 0x11, 0x94])
        // Minutes, seconds, frames: 4500 + 150 frames are 62 seconds.
        #expect(rig.second.packet([0x43, 2, 0, 0, 0, 0, 0xAA, 0, 100]) == [0, 10, 1, 1, 0, 0x14, 0xAA, 0, 0, 1, 2, 0])
        #expect(rig.second.packet([0x43, 0, 1, 0, 0, 0, 0, 0, 100]) == [0, 10, 1, 1, 0, 0x14, 1, 0, 0, 0, 0, 0])
        #expect(rig.second.packet([0x43, 0, 0, 0, 0, 0, 0, 0, 4]) == [0, 18, 1, 1])
        #expect(rig.second.packet([0x51, 0, 0, 0, 0, 0, 0, 0, 34]).prefix(3) == [0, 32, 0x0E])
        let configuration = rig.second.packet([0x46, 0, 0, 0, 0, 0, 0, 0xFF, 0])
        #expect(configuration.count == Int(configuration[3]) + 4 && configuration[6...7] == [0, 8], "a CD")
        #expect(rig.second.packet([0x46, 2, 0, 3, 0, 0, 0, 0xFF, 0]).count == 16)
        let pages = rig.second.packet([0x5A, 0, 0x3F, 0, 0, 0, 0, 1, 0])
        #expect(pages.count == Int(pages[1]) + 2 && pages[8] == 0x01 && pages[16] == 0x2A)
    }

    @Test func `a medium larger than any CD is a DVD`() {
        let storage = HugeStorage()
        let rig = IDERig(plugs: [[nil, nil], [.cd(storage, serial: "big"), nil]])
        _ = rig.second.packet([0x00])
        let configuration = rig.second.packet([0x46, 0, 0, 0, 0, 0, 0, 0, 8])
        #expect(configuration[6...7] == [0, 0x10])
        #expect(rig.second.packet([0x25]) == [0, 0x7F, 0xFF, 0xFF, 0, 0, 8, 0])
    }

    @Test func `the tray opens, unless it is locked, and the medium comes back`() {
        let rig = awake()
        _ = rig.second.packet([0x1E, 0, 0, 0, 1])
        _ = rig.second.packet([0x1B, 0, 0, 0, 2])
        #expect(rig.second.sense == [5, 0x53])
        _ = rig.second.packet([0x1E, 0, 0, 0, 0])
        _ = rig.second.packet([0x1B, 0, 0, 0, 2])
        #expect(rig.second.get(7) == 0x50)
        #expect(rig.second.packet([0x4A, 1, 0, 0, 0x10, 0, 0, 0, 8]) == [0, 6, 4, 0x10, 3, 0, 0, 0])
        #expect(rig.second.packet([0x4A, 1, 0, 0, 0x10, 0, 0, 0, 8])[4] == 0, "told once")
        for packet in [[0x00], [0x25], [0x28, 0, 0, 0, 0, 0, 0, 0, 1], [0x43, 0, 0, 0, 0, 0, 0, 0, 20]] as [[UInt8]] {
            #expect(rig.second.packet(packet).isEmpty)
            #expect(rig.second.sense == [2, 0x3A])
        }
        _ = rig.second.packet([0x1B, 0, 0, 0, 3])
        #expect(rig.second.packet([0x4A, 1, 0, 0, 0x10, 0, 0, 0, 8]) == [0, 6, 4, 0x10, 2, 2, 0, 0])
        #expect(rig.second.packet([0x28, 0, 0, 0, 0, 0, 0, 0, 1]) == Self.blocks(0..<1))
    }

    @Test func `what is wrong is told by key and code`() {
        let rig = awake()
        for (packet, sense) in [
            ([0xFF], [5, 0x20]), ([0x2A, 0, 0, 0, 0, 0, 0, 0, 1], [5, 0x20]), ([0x28, 0, 0, 0, 0, 64, 0, 0, 1], [5, 0x21]),
            ([0x28, 0, 0, 0, 0, 63, 0, 0, 2], [5, 0x21]), ([0xA8, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], [5, 0x21]),
            ([0x12, 1, 0x80, 0, 36], [5, 0x24]), ([0x43, 0, 2, 0, 0, 0, 0, 0, 20], [5, 0x24]),
            ([0x43, 0, 0, 0, 0, 0, 7, 0, 20], [5, 0x24]), ([0x4A, 0, 0, 0, 0x10, 0, 0, 0, 8], [5, 0x24]),
            ([0x5A, 0, 0xC1, 0, 0, 0, 0, 1, 0], [5, 0x39]), ([0x5A, 0, 0x05, 0, 0, 0, 0, 1, 0], [5, 0x24]),
        ] as [([UInt8], [UInt8])] {
            #expect(rig.second.packet(packet).isEmpty)
            #expect(rig.second.get(7) == 0x51, "\(packet)")
            #expect(rig.second.sense == sense, "\(packet)")
        }
        rig.cd.fail(.truncated)
        #expect(rig.second.packet([0x28, 0, 0, 0, 0, 9, 0, 0, 1]).isEmpty)
        let sense = rig.second.packet([0x03, 0, 0, 0, 18])
        #expect(sense[0] == 0xF0 && sense[2] == 3 && sense[3...6] == [0, 0, 0, 9] && sense[12] == 0x11)
        // Nothing asked for is nothing, and no failure.
        _ = rig.second.packet([0x28, 0, 0, 0, 0, 64, 0, 0, 0])
        #expect(rig.second.get(7) == 0x50)
        _ = rig.second.packet([0x12, 0, 0, 0, 0])
        #expect(rig.second.get(7) == 0x50)
    }

    @Test func `DEVICE RESET ends whatever is going on`() {
        let rig = awake()
        rig.second.put(7, 0xA0)
        rig.second.write([0x28, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0])
        #expect(rig.second.get(7) & 8 != 0)
        rig.second.put(7, 0x08)
        #expect((1...5).map { rig.second.get($0) } == [1, 1, 1, 0x14, 0xEB] && rig.second.get(7) == 0)
        #expect(rig.second.packet([0x28, 0, 0, 0, 0, 1, 0, 0, 1]) == Self.blocks(1..<2))
    }
}

/// 16 GiB of nothing.
final class HugeStorage: BlockStorage {
    let byteCount: UInt64 = 16 << 30
    let isReadOnly = true
    let canDiscard = false
    func read(at offset: UInt64, into ranges: [UnsafeMutableRawBufferPointer]) throws(StorageError) {}
    func write(at offset: UInt64, from ranges: [UnsafeMutableRawBufferPointer]) throws(StorageError) { throw .unsupported }
    func flush() throws(StorageError) {}
    func discard(at offset: UInt64, count: UInt64) throws(StorageError) { throw .unsupported }
    func writeZeroes(at offset: UInt64, count: UInt64, mayFree: Bool) throws(StorageError) { throw .unsupported }
}
