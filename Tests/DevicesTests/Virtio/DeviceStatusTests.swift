import Devices
import Testing

/// The status, the features and the queue registers: what a driver may do when, and what happens when it does something else.
@Suite struct DeviceStatusTests {
    private func makeRig() throws -> VirtioRig {
        try VirtioRig(VirtioConsole(sink: CollectingSink()))
    }

    @Test func `the usual steps are taken, also two at once`() throws {
        let rig = try makeRig()
        rig.status = 1
        #expect(rig.status == 1)
        rig.status = 3
        #expect(rig.status == 3)
        rig.accept(VirtioRig.version1)
        rig.status = 0xB
        #expect(rig.status == 0xB)
        rig.status = 0xF
        #expect(rig.status == 0xF)
        rig.status = 0
        #expect(rig.status == 0)
        // As SeaBIOS does it.
        rig.status = 3
        #expect(rig.status == 3)
    }

    @Test(
        arguments: [
            (0, 2), (0, 8), (0, 4), (1, 5), (1, 9), (3, 7), (3, 1), (3, 2), (0xB, 3), (0xB, 1), (0xB, 0xA), (0xF, 0xB), (0xF, 7), (1, 0x11),
            (3, 0x23), (0, 0x10), (3, 0xF),
        ] as [(UInt64, UInt64)])
    func `H15 a step out of order, backwards or unknown is none`(from: UInt64, to: UInt64) throws {
        let rig = try makeRig()
        rig.status = 1
        rig.status = 3
        rig.accept(VirtioRig.version1)
        if from & 8 != 0 { rig.status = 0xB }
        if from & 4 != 0 { rig.status = 0xF }
        if from < 3 {
            rig.status = 0
            rig.status = from == 0 ? 0 : 1
        }
        #expect(rig.status == from)
        rig.status = to
        #expect(rig.status == from)
    }

    @Test func `H15 a driver that failed gets nothing but a reset`() throws {
        let rig = try makeRig()
        let ring = rig.ring()
        rig.start([1: ring])
        rig.status = 0x8F
        #expect(rig.status == 0x8F)
        ring.offer([(0x8000, 4, false)])
        rig.run(1)
        #expect(ring.usedIndex == 0)
        for value in [0x0F, 0x8B, 0xFF, 1] as [UInt64] {
            rig.status = value
            #expect(rig.status == 0x8F)
        }
        rig.status = 0
        #expect(rig.status == 0)
        ring.availableIndex = 0
        rig.start([1: ring])
        ring.offer([(0x8000, 4, false)])
        rig.run(1)
        #expect(ring.usedIndex == 1)
    }

    @Test(
        arguments: [
            0, 1 << 29, 1 << 32 | 1, 1 << 32 | 1 << 35, 1 << 32 | 1 << 63, 1 << 32 | 1 << 24, .max,
        ] as [UInt64])
    func `H17 features that were not offered, or without VERSION_1, are not granted`(features: UInt64) throws {
        let rig = try makeRig()
        rig.negotiate(features)
        #expect(rig.status == 3)
        rig.status = 0xF
        #expect(rig.status == 3)
        // The same driver may still do better.
        rig.accept(VirtioRig.version1)
        rig.status = 0xB
        #expect(rig.status == 0xB)
    }

    @Test func `H17 features are frozen once granted, and the same ones are granted again after a reset`() throws {
        let rig = try makeRig()
        for _ in 0..<3 {
            rig.negotiate(rig.offered)
            #expect(rig.status == 0xB)
            rig.accept(0)
            rig.write(0x08, 1, 4)
            #expect(rig.read(0x0C, 4) == rig.offered >> 32)
            rig.write(0x08, 0, 4)
            #expect(rig.read(0x0C, 4) == rig.offered & 0xFFFF_FFFF)
        }
    }

    @Test func `features exist in two halves only`() throws {
        let rig = try makeRig()
        for select in [2, 3, 0x8000_0000, 0xFFFF_FFFF] as [UInt64] {
            rig.write(0x00, select, 4)
            #expect(rig.read(0x04, 4) == 0)
            rig.write(0x08, select, 4)
            rig.write(0x0C, 0xFFFF_FFFF, 4)
            #expect(rig.read(0x0C, 4) == 0)
        }
    }

    @Test func `H8 sizes that cannot be are ignored, and none changes once the queue runs`() throws {
        let rig = try makeRig()
        rig.negotiate()
        rig.write(0x16, 0, 2)
        #expect(rig.read(0x18, 2) == 128)
        for size in [0, 3, 129, 256, 32769, 65535] as [UInt64] {
            rig.write(0x18, size, 2)
            #expect(rig.read(0x18, 2) == 128)
        }
        rig.write(0x18, 16, 2)
        #expect(rig.read(0x18, 2) == 16)
        rig.setUp(0, rig.ring(16))
        for state in [0xB, 0xF] as [UInt64] {
            rig.status = state
            for size in [0, 1, 8, 128, 65535] as [UInt64] {
                rig.write(0x18, size, 2)
                #expect(rig.read(0x18, 2) == 16)
            }
        }
    }

    @Test func `H9 a queue that is enabled keeps its place, before the driver is ready and after`() throws {
        let rig = try makeRig()
        let ring = rig.ring(16)
        rig.negotiate()
        rig.setUp(1, ring)
        for state in [0xB, 0xF] as [UInt64] {
            rig.status = state
            rig.write(0x20, 0x5000, 8)
            rig.write(0x28, 0x5000, 4)
            rig.write(0x34, 1, 4)
            rig.write(0x1C, 0, 2)
            #expect(rig.read(0x20, 8) == ring.descriptors)
            #expect(rig.read(0x28, 8) == ring.available)
            #expect(rig.read(0x30, 8) == ring.used)
            #expect(rig.read(0x1C, 2) == 1)
        }
        // A queue that was not enabled in time stays off.
        rig.setUp(0, rig.ring(16, base: 0x6000))
        #expect(rig.read(0x1C, 2) == 0)
        ring.offer([(0x8000, 4, false)])
        rig.run(1)
        #expect(ring.usedIndex == 1)
    }

    @Test func `queues cannot be set up before the features are granted`() throws {
        let rig = try makeRig()
        rig.status = 3
        rig.setUp(0, rig.ring(16))
        #expect(rig.read(0x18, 2) == 128)
        #expect(rig.read(0x20, 8) == 0)
        #expect(rig.read(0x1C, 2) == 0)
    }

    @Test func `H10 a queue that does not exist reads zero and takes nothing, its vector too`() throws {
        let rig = try makeRig()
        rig.enableMSIX(3)
        rig.negotiate()
        for select in [2, 3, 0x7FFF, 0xFFFF] as [UInt64] {
            rig.write(0x16, select, 2)
            for offset in 0x18..<0x38 as Range<UInt64> {
                for width in [1, 2, 4, 8] {
                    rig.write(offset, .max, width)
                    if offset + UInt64(width) <= 0x38 { #expect(rig.read(offset, width) == 0) }
                }
            }
            rig.write(0x1C, 1, 2)
            #expect(rig.read(0x16, 2) == select)
        }
        #expect(rig.status == 0xB)
        rig.write(0x16, 0, 2)
        #expect(rig.read(0x18, 2) == 128)
    }

    @Test(
        arguments: [
            (0x1001, 0x2000, 0x3000), (0x1000, 0x2001, 0x3000), (0x1000, 0x2000, 0x3002), (0x10_0000, 0x2000, 0x3000),
            (0x1000, 0xFEE0_0000, 0x3000),
            (0x1000, 0x1000, 0x3000), (0x1000, 0x2000, 0xFFFF_FFFF_FFFF_FFF0),
        ] as [(UInt64, UInt64, UInt64)])
    func `H7 a queue that cannot be is not enabled, and the driver is asked to reset`(
        descriptors: UInt64, available: UInt64, used: UInt64
    ) throws {
        let rig = try makeRig()
        rig.enableMSIX(3)
        rig.negotiate()
        rig.write(0x10, 0, 2)
        rig.write(0x16, 0, 2)
        rig.write(0x20, descriptors, 8)
        rig.write(0x28, available, 8)
        rig.write(0x30, used, 8)
        rig.write(0x1C, 1, 2)
        #expect(rig.read(0x1C, 2) == 0)
        #expect(rig.status == 0x4B)
        #expect(rig.sink.sent == [0])
        rig.status = 0
        #expect(rig.status == 0)
    }

    @Test func `every violation of a queue asks for a reset once, stops all queues, and a reset heals`() throws {
        let rig = try makeRig()
        rig.enableMSIX(3)
        let (input, output) = (rig.ring(16), rig.ring(16, base: 0x4000))
        rig.negotiate()
        rig.write(0x10, 0, 2)
        rig.setUp(0, input)
        rig.setUp(1, output)
        rig.status = 0xF
        output.offer(99)
        rig.run(1)
        rig.run(1)
        #expect(rig.status == 0x4F)
        #expect(rig.sink.sent == [0])
        #expect(rig.read(0x1000, 1) == 2)
        output.availableIndex = 0
        output.offer([(0x8000, 4, false)])
        rig.run(1)
        #expect(output.usedIndex == 0)
        rig.status = 0
        #expect(rig.status == 0)
        output.availableIndex = 0
        rig.start([0: input, 1: output])
        output.offer([(0x8000, 4, false)])
        rig.run(1)
        #expect(rig.status == 0xF)
        #expect(output.usedIndex == 1)
    }
}
