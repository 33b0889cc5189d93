import Devices
import Testing

@Suite struct `a guest sends frames` {
    @Test func `a frame goes out behind its length and a header`() throws {
        let rig = try NetworkRig()
        let frame = NetworkFrames.plain(60)
        rig.send(NetworkFrames.header() + frame)
        #expect(rig.sink.bytes == [0, 0, 0, 72] + [UInt8](repeating: 0, count: 12) + frame)
        #expect(rig.transmit.usedIndex == 1)
        #expect(rig.transmit.usedEntry(0).length == 0)
        #expect(rig.device.counters.sent == 1)
    }

    @Test func `any framing gives the same record`() throws {
        let rig = try NetworkRig()
        let bytes = NetworkFrames.header() + NetworkFrames.plain(20)
        rig.put(bytes, at: NetworkRig.buffers)
        rig.transmit.offer(bytes.indices.map { (NetworkRig.buffers + UInt64($0), 1, false) })
        rig.rig.run(1)
        #expect(rig.sink.bytes == NetworkFrames.record(NetworkFrames.header(), NetworkFrames.plain(20)))
    }

    @Test func `a frame that the sink has no room for waits whole, and goes out once`() throws {
        let frame = NetworkFrames.plain(64)
        let record = NetworkFrames.record(NetworkFrames.header(), frame)
        let rig = try NetworkRig(features: NetworkBit.sending, room: record.count + record.count - 1)
        rig.send(NetworkFrames.header() + frame)
        rig.send(NetworkFrames.header() + frame)
        #expect(rig.sink.bytes == record)
        #expect(rig.transmit.usedIndex == 1)
        rig.rig.run(1)
        rig.sink.makeRoom(1)
        rig.rig.run(1)
        #expect(rig.sink.bytes == record + record)
        #expect(rig.transmit.usedIndex == 2)
        #expect(rig.device.counters.sent == 2)
    }

    @Test(arguments: [1, 11, 12, 12 + 13, 12 + 1519, 12 + 65_558])
    func `a frame of an impossible length is dropped and counted, and the next one goes out`(count: Int) throws {
        let rig = try NetworkRig(features: NetworkBit.sending)
        rig.send(Array((NetworkFrames.header() + NetworkFrames.plain(70_000)).prefix(count)))
        #expect(rig.sink.bytes.isEmpty)
        #expect(rig.transmit.usedIndex == 1)
        #expect(rig.device.counters.sendDropped == 1)
        rig.send(NetworkFrames.header() + NetworkFrames.plain(1518))
        #expect(rig.device.counters.sent == 1)
        #expect(rig.sink.bytes.count == 4 + 12 + 1518)
    }

    /// Each is wrong in one way for a TCP segment of 20 + 14 + 20 + 3000 bytes, with every offload accepted.
    static let lies: [(String, [UInt8])] = [
        ("a checksum past the end", NetworkFrames.header(flags: 1, start: 3040, offset: 14)),
        ("a checksum far past the end", NetworkFrames.header(flags: 1, start: 0xFFFF, offset: 0xFFFF)),
        ("a checksum in the Ethernet header", NetworkFrames.header(flags: 1, start: 0, offset: 16)),
        ("segments of nothing", NetworkFrames.header(flags: 1, type: 1, headerCount: 54, size: 0, start: 34, offset: 16)),
        ("segments without a checksum", NetworkFrames.header(type: 1, headerCount: 54, size: 1000)),
        ("headers longer than the frame", NetworkFrames.header(flags: 1, type: 1, headerCount: 0xFFFF, size: 1000, start: 34, offset: 16)),
        ("UDP segments, which were never offered", NetworkFrames.header(flags: 1, type: 3, size: 1000, start: 34, offset: 6)),
        ("a kind that does not exist", NetworkFrames.header(flags: 1, type: 0x7F, size: 1000, start: 34, offset: 16)),
        ("no offload, and too long for the MTU", NetworkFrames.header()),
    ]

    @Test(arguments: lies)
    func `a header that is not true of its frame drops it`(lie: (what: String, header: [UInt8])) throws {
        let rig = try NetworkRig(features: NetworkBit.sending)
        rig.send(lie.header + NetworkFrames.tcp(payload: 3000, version: 4).frame)
        #expect(rig.sink.bytes.isEmpty, "\(lie.what)")
        #expect(rig.device.counters.sendDropped == 1)
        #expect(!rig.rig.function.isBroken)
    }

    @Test(arguments: [
        (NetworkFrames.header(flags: 1, start: 34, offset: 16), UInt64(0)),
        (NetworkFrames.header(flags: 1, type: 1, headerCount: 54, size: 500, start: 34, offset: 16), NetworkBit.checksum),
        (
            NetworkFrames.header(flags: 1, type: 4, headerCount: 74, size: 500, start: 54, offset: 16),
            NetworkBit.checksum | NetworkBit.hostTCP4
        ),
        (
            NetworkFrames.header(flags: 1, type: 0x81, headerCount: 54, size: 500, start: 34, offset: 16),
            NetworkBit.checksum | NetworkBit.hostTCP4
        ),
    ])
    func `an offload that was not accepted drops the frame`(header: [UInt8], features: UInt64) throws {
        let rig = try NetworkRig(features: features)
        rig.send(header + NetworkFrames.tcp(payload: 1000, version: 4).frame)
        #expect(rig.sink.bytes.isEmpty)
        #expect(rig.device.counters.sendDropped == 1)
    }

    @Test func `an accepted offload passes through as it is`() throws {
        let rig = try NetworkRig(features: NetworkBit.sending)
        let (frame, start) = NetworkFrames.tcp(payload: 60_000, version: 4)
        let header = NetworkFrames.header(flags: 1, type: 0x81, headerCount: 54, size: 1448, start: start, offset: 16)
        rig.send(header + frame)
        #expect(rig.sink.bytes == NetworkFrames.record(header, frame))
    }

    @Test func `flags that the device does not know are ignored and not passed on`() throws {
        let rig = try NetworkRig(features: NetworkBit.sending)
        rig.send(NetworkFrames.header(flags: 0xFE, buffers: 77) + NetworkFrames.plain(100))
        #expect(rig.sink.bytes == NetworkFrames.record(NetworkFrames.header(), NetworkFrames.plain(100)))
    }

    @Test func `nothing goes out while the link is down`() throws {
        let rig = try NetworkRig()
        rig.device.setLink(up: false)
        #expect(rig.rig.read(0x2006, 2) == 0)
        rig.send(NetworkFrames.header() + NetworkFrames.plain(60))
        #expect(rig.sink.bytes.isEmpty)
        rig.device.setLink(up: true)
        #expect(rig.rig.read(0x2006, 2) == 1)
        rig.send(NetworkFrames.header() + NetworkFrames.plain(60))
        #expect(rig.sink.bytes.count == 76)
    }

    @Test func `a reset while a frame waits loses that frame and nothing after the next start`() throws {
        let rig = try NetworkRig(room: 10)
        rig.send(NetworkFrames.header() + NetworkFrames.plain(60))
        #expect(rig.sink.bytes.isEmpty)
        rig.sink.makeRoom(1000)
        rig.transmit.availableIndex = 0
        rig.rig.memory.store(UInt16(0), at: rig.transmit.used + 2)
        rig.start(0)
        rig.send(NetworkFrames.header() + NetworkFrames.plain(61))
        #expect(rig.sink.bytes == NetworkFrames.record(NetworkFrames.header(), NetworkFrames.plain(61)))
    }

    @Test(arguments: [
        (NetworkBit.guestTCP4, false), (NetworkBit.guestTCP4 | NetworkBit.guestChecksum, true), (NetworkBit.hostTCP6, false),
        (NetworkBit.hostECN | NetworkBit.checksum, false), (NetworkBit.sending, true), (NetworkBit.controlReceive, false),
        (NetworkBit.guestOffloads, false), (NetworkBit.controlReceive | NetworkBit.control, true),
    ])
    func `features that need others are refused without them`(features: UInt64, isFine: Bool) throws {
        let rig = try NetworkRig()
        rig.rig.negotiate(VirtioRig.version1 | features)
        #expect((rig.rig.status & 8 != 0) == isFine)
    }

    @Test func `the configuration tells address, link and MTU`() throws {
        let rig = try NetworkRig(mtu: 9000)
        #expect((0..<6).map { UInt8(rig.rig.read(0x2000 + $0, 1)) } == NetworkFrames.own)
        #expect(rig.rig.read(0x2006, 2) == 1)
        #expect(rig.rig.read(0x2008, 2) == 1)
        #expect(rig.rig.read(0x200A, 2) == 9000)
    }
}
