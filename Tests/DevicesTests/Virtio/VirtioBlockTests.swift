import Devices
import Testing

/// One block device behind its PCI function, and requests to it.
struct BlockBench {
    let storage: MemoryStorage
    let rig: VirtioRig
    let ring: TestRing

    static let flush: UInt64 = 1 << 9
    static let all: UInt64 = VirtioRig.version1 | flush | 1 << 13 | 1 << 14
    static let header: UInt64 = 0x8000
    static let data: UInt64 = 0x2_0000
    static let status: UInt64 = 0xA000

    init(_ storage: MemoryStorage = MemoryStorage(sectors: 64), serial: String = "disk-0", features: UInt64 = all) throws {
        self.storage = storage
        rig = try VirtioRig(VirtioBlock(storage: storage, serial: serial))
        ring = rig.ring(256)
        rig.start([0: ring], features: features & rig.offered)
    }

    func setHeader(_ type: UInt32, _ sector: UInt64) {
        rig.memory.store(type, at: Self.header)
        rig.memory.store(UInt32(0), at: Self.header + 4)
        rig.memory.store(sector, at: Self.header + 8)
    }

    /// Offers header, data and status and returns the status byte and the used length.
    func request(_ type: UInt32, sector: UInt64, count: UInt32 = 0, isRead: Bool = false) -> (status: UInt8?, length: UInt32) {
        setHeader(type, sector)
        var buffers: [(address: UInt64, length: UInt32, isWritable: Bool)] = [(Self.header, 16, false)]
        if count > 0 { buffers.append((Self.data, count, isRead)) }
        buffers.append((Self.status, 1, true))
        return submit(buffers)
    }

    func submit(_ buffers: [(address: UInt64, length: UInt32, isWritable: Bool)]) -> (status: UInt8?, length: UInt32) {
        rig.memory.store(UInt8(0xEE), at: Self.status)
        let index = ring.usedIndex
        ring.offer(buffers)
        rig.run()
        guard ring.usedIndex == index &+ 1 else { return (nil, 0) }
        return (rig.memory.load(UInt8.self, at: Self.status), ring.usedEntry(index).length)
    }

    func segments(_ type: UInt32, _ list: [(sector: UInt64, count: UInt32, flags: UInt32)]) -> UInt8? {
        for (index, segment) in list.enumerated() {
            let place = Self.data + 16 * UInt64(index)
            rig.memory.store(segment.sector, at: place)
            rig.memory.store(segment.count, at: place + 8)
            rig.memory.store(segment.flags, at: place + 12)
        }
        return request(type, sector: 0, count: UInt32(16 * list.count)).status
    }
}

@Suite struct VirtioBlockTests {
    @Test func `what is written is read back and nothing else changes`() throws {
        let bench = try BlockBench()
        bench.rig.memory.write((0..<1024).map { UInt8(truncatingIfNeeded: $0 ^ 0x5A) }, at: BlockBench.data)
        #expect(bench.request(1, sector: 3, count: 1024) == (0, 1))
        bench.rig.memory.write(Array(repeating: 0, count: 1024), at: BlockBench.data)
        #expect(bench.request(0, sector: 3, count: 1024, isRead: true) == (0, 1025))
        #expect(bench.rig.memory.read(BlockBench.data, count: 1024) == (0..<1024).map { UInt8(truncatingIfNeeded: $0 ^ 0x5A) })
        #expect(bench.storage.content[3 * 512 - 1] == 3)
        #expect(bench.storage.content[5 * 512] == 6)
    }

    @Test func `H23 a header in sixteen pieces and data in odd ones is the same request`() throws {
        let bench = try BlockBench()
        bench.setHeader(0, 7)
        var buffers: [(address: UInt64, length: UInt32, isWritable: Bool)] = (0..<16).map { (BlockBench.header + $0, 1, false) }
        buffers += [(BlockBench.data, 1, true), (BlockBench.data + 1, 300, true), (BlockBench.data + 301, 211, true)]
        buffers.append((BlockBench.status, 1, true))
        #expect(bench.submit(buffers) == (0, 513))
        #expect(bench.rig.memory.read(BlockBench.data, count: 512) == Array(repeating: 8, count: 512))
        // Status as the last byte of the data buffer.
        #expect(bench.submit([(BlockBench.header, 16, false), (BlockBench.status - 512, 513, true)]) == (0, 513))
    }

    @Test(
        arguments: [
            (64, 512), (63, 1024), (0, 513), (0, 511), (0, 1), (65, 512), (UInt64.max, 512), (1 << 55, 512), (0x0080_0000_0000_0001, 512),
            (0x00FF_FFFF_FFFF_FFFF, 1024), (64, 1), (62, 2048),
        ] as [(UInt64, UInt32)])
    func `H23 past the capacity, overflowing or not whole sectors is an I/O error and reaches no storage`(
        sector: UInt64, count: UInt32
    ) throws {
        let bench = try BlockBench()
        let before = bench.storage.content
        #expect(bench.request(0, sector: sector, count: count, isRead: true).status == 1)
        #expect(bench.request(1, sector: sector, count: count).status == 1)
        #expect(bench.storage.content == before)
        #expect(bench.storage.state.withLock { $0.reads + $0.writes } == 0)
        #expect(!bench.rig.function.isBroken)
    }

    @Test func `H23 a failed request claims no bytes that it did not write`() throws {
        let bench = try BlockBench()
        #expect(bench.request(0, sector: 64, count: 512, isRead: true) == (1, 0))
        #expect(bench.request(99, sector: 0) == (2, 1))
    }

    @Test func `H23 a header shorter than sixteen bytes is an I/O error`() throws {
        let bench = try BlockBench()
        for length in [1, 8, 15] as [UInt32] {
            #expect(bench.submit([(BlockBench.header, length, false), (BlockBench.status, 1, true)]).status == 1)
        }
        #expect(bench.submit([(BlockBench.status, 1, true)]).status == 1)
    }

    @Test func `H24 a read-only disk refuses every change and keeps its bytes`() throws {
        let bench = try BlockBench(MemoryStorage(sectors: 64, isReadOnly: true), features: .max)
        let before = bench.storage.content
        #expect(bench.rig.offered & (1 << 5) != 0)
        #expect(bench.rig.offered & (1 << 13 | 1 << 14) == 0)
        #expect(bench.request(1, sector: 0, count: 512).status == 1)
        #expect(bench.request(1, sector: 0).status == 1)
        #expect(bench.segments(11, [(0, 8, 0)]) == 2)
        #expect(bench.segments(13, [(0, 8, 0)]) == 2)
        #expect(bench.storage.content == before)
        #expect(bench.request(0, sector: 0, count: 512, isRead: true).status == 0)
    }

    @Test(arguments: [2, 3, 5, 6, 7, 9, 10, 12, 14, 15, 0x8000_0000, 0xFFFF_FFFF] as [UInt32])
    func `H24 an unknown type is unsupported`(type: UInt32) throws {
        let bench = try BlockBench()
        #expect(bench.request(type, sector: 0, count: 512).status == 2)
    }

    @Test func `H24 the serial needs its twenty bytes`() throws {
        let bench = try BlockBench(serial: "twenty-bytes-and-then-some")
        for count in [0, 1, 19] as [UInt32] { #expect(bench.request(8, sector: 0, count: count, isRead: true).status == 1) }
        #expect(bench.request(8, sector: 0, count: 20, isRead: true) == (0, 21))
        #expect(bench.rig.memory.read(BlockBench.data, count: 20) == Array("twenty-bytes-and-the".utf8))
        let short = try BlockBench(serial: "id")
        #expect(short.request(8, sector: 0, count: 64, isRead: true) == (0, 20))
        #expect(short.rig.memory.read(BlockBench.data, count: 20) == Array("id".utf8) + Array(repeating: 0, count: 18))
    }

    @Test func `H24 no room for a status breaks the queue`() throws {
        let bench = try BlockBench()
        bench.setHeader(0, 0)
        #expect(bench.submit([(BlockBench.header, 16, false), (BlockBench.status, 1, false)]).status == nil)
        #expect(bench.rig.function.isBroken)
        #expect(bench.rig.memory.load(UInt8.self, at: BlockBench.status) == 0xEE)
    }

    @Test func `a driver without FLUSH gets write-through`() throws {
        let through = try BlockBench(features: VirtioRig.version1)
        #expect(through.request(1, sector: 0, count: 512).status == 0)
        #expect(through.storage.state.withLock { $0.flushes } == 1)
        let back = try BlockBench()
        #expect(back.request(1, sector: 0, count: 512).status == 0)
        #expect(back.storage.state.withLock { $0.flushes } == 0)
        #expect(back.request(4, sector: 0).status == 0)
        #expect(back.storage.state.withLock { $0.flushes } == 1)
    }

    @Test func `discard and write-zeroes do what they say when negotiated`() throws {
        let bench = try BlockBench()
        #expect(bench.segments(11, [(8, 16, 0), (40, 0, 0), (32, 8, 0)]) == 0)
        let expected: [Range<UInt64>] = [0x1000..<0x3000, 0x4000..<0x5000]
        #expect(bench.storage.state.withLock { $0.discards } == expected)
        #expect(bench.segments(13, [(1, 2, 0), (63, 1, 1)]) == 0)
        #expect(bench.storage.content[512..<1536].allSatisfy { $0 == 0 })
        #expect(bench.storage.content[63 * 512..<64 * 512].allSatisfy { $0 == 0 })
        #expect(bench.storage.content[1536] == 4)
        let plain = try BlockBench(features: VirtioRig.version1)
        #expect(plain.segments(11, [(0, 1, 0)]) == 2)
        #expect(plain.segments(13, [(0, 1, 0)]) == 2)
    }

    @Test func `H25 discard and write-zeroes are judged whole before anything is done`() throws {
        let bench = try BlockBench()
        let before = bench.storage.content
        for type in [11, 13] as [UInt32] {
            #expect(bench.segments(type, [(0, 8, 0), (60, 5, 0)]) == 1)
            #expect(bench.segments(type, [(0, 8, 0), (0, 0xFFFF_FFFF, 0)]) == 1)
            #expect(bench.segments(type, [(UInt64.max, 1, 0)]) == 1)
            #expect(bench.segments(type, [(1 << 55, 8, 0)]) == 1)
            #expect(bench.segments(type, [(0, 8, 2)]) == 2)
            #expect(bench.segments(type, [(0, 8, 0), (0, 8, 0x8000_0000)]) == 2)
            #expect(bench.segments(type, Array(repeating: (0, 1, 0), count: 33)) == 1)
            #expect(bench.segments(type, []) == 1)
            #expect(bench.request(type, sector: 0, count: 17).status == 1)
            // A million segments' worth of bytes.
            #expect(bench.request(type, sector: 0, count: 0x8_0000).status == 1)
        }
        // Unmap means nothing to a discard.
        #expect(bench.segments(11, [(0, 8, 1)]) == 2)
        #expect(bench.storage.content == before)
        #expect(bench.storage.state.withLock { $0.discards.isEmpty })
        #expect(!bench.rig.function.isBroken)
    }

    @Test func `H26 headers of image formats are bytes like any other`() throws {
        let bench = try BlockBench()
        for magic in [[0x51, 0x46, 0x49, 0xFB], Array("KDMV".utf8), Array("EFI PART".utf8), Array("vhdxfile".utf8)] as [[UInt8]] {
            bench.rig.memory.write(magic + Array(repeating: 0xCC, count: 512 - magic.count), at: BlockBench.data)
            #expect(bench.request(1, sector: 0, count: 512).status == 0)
            bench.rig.memory.write(Array(repeating: 0, count: 512), at: BlockBench.data)
            #expect(bench.request(0, sector: 0, count: 512, isRead: true).status == 0)
            #expect(bench.rig.memory.read(BlockBench.data, count: magic.count) == magic)
        }
        #expect(bench.rig.read(0x2000, 8) == 64)
    }

    @Test(arguments: [StorageError.failed(errno: 5), .failed(errno: 28), .truncated])
    func `H27 a storage error is an I/O error to the guest, also of a flush, and the device lives`(error: StorageError) throws {
        let bench = try BlockBench()
        bench.storage.fail(error)
        #expect(bench.request(0, sector: 0, count: 512, isRead: true) == (1, 0))
        #expect(bench.request(1, sector: 0, count: 512).status == 1)
        #expect(bench.request(4, sector: 0).status == 1)
        #expect(bench.segments(11, [(0, 8, 0)]) == 1)
        bench.storage.fail(.unsupported)
        #expect(bench.segments(13, [(0, 8, 0)]) == 2)
        bench.storage.fail(nil)
        #expect(bench.request(0, sector: 0, count: 512, isRead: true).status == 0)
    }

    @Test func `many requests cost few interrupts`() throws {
        let bench = try BlockBench()
        bench.setHeader(0, 0)
        for index in 0..<60 as Range<UInt16> {
            bench.ring.offer(
                [(BlockBench.header, 16, false), (BlockBench.data, 512, true), (BlockBench.status, 1, true)], first: index * 3)
        }
        bench.rig.enableMSIX(2)
        bench.rig.write(0x16, 0, 2)
        bench.rig.write(0x1A, 1, 2)
        bench.rig.run()
        #expect(bench.ring.usedIndex == 60)
        #expect(bench.rig.sink.sent.count <= 4)
    }
}
