import Devices
import Synchronization

/// Frames and headers for the network tests, and an independent judge of checksums.
enum NetworkFrames {
    static let own: [UInt8] = [0x52, 0x54, 0, 0, 0, 1]
    static let peer: [UInt8] = [0x52, 0x54, 0, 0, 0, 2]

    static func header(
        flags: UInt8 = 0, type: UInt8 = 0, headerCount: UInt16 = 0, size: UInt16 = 0, start: UInt16 = 0, offset: UInt16 = 0,
        buffers: UInt16 = 0
    ) -> [UInt8] {
        [flags, type] + [headerCount, size, start, offset, buffers].flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
    }

    /// A frame of `count` bytes to `destination`, its payload counting up.
    static func plain(_ count: Int, to destination: [UInt8] = own) -> [UInt8] {
        let head = destination + peer + [0x88, 0xB5]
        return Array((head + (0..<max(count - head.count, 0)).map { UInt8(truncatingIfNeeded: $0) }).prefix(count))
    }

    static func record(_ header: [UInt8], _ frame: [UInt8]) -> [UInt8] {
        let count = UInt32(header.count + frame.count)
        return (0..<4).map { UInt8(truncatingIfNeeded: count >> (24 - 8 * $0)) } + header + frame
    }

    /// A TCP segment with 20 bytes of TCP header, flags FIN PSH ACK CWR, and the pseudo header's sum in its checksum field.
    static func tcp(payload: Int, version: Int, isTagged: Bool = false) -> (frame: [UInt8], start: UInt16) {
        let ethernet = own + peer + (isTagged ? [0x81, 0x00, 0x00, 0x07] : []) + (version == 4 ? [0x08, 0x00] : [0x86, 0xDD])
        let tcpCount = 20 + payload
        var ip: [UInt8]
        var pseudo: [UInt8]
        if version == 4 {
            let total = UInt16(20 + tcpCount)
            ip = [0x45, 0, UInt8(total >> 8), UInt8(total & 0xFF), 0x12, 0x34, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 2, 10, 0, 0, 1]
            pseudo = Array(ip[12..<20])
        } else {
            ip = [0x60, 0, 0, 0, UInt8(tcpCount >> 8), UInt8(tcpCount & 0xFF), 6, 64]
            ip += (0..<32).map { UInt8($0 * 3) }
            pseudo = Array(ip[8..<40])
        }
        pseudo += [0, 6]
        let open = sum(pseudo, plus: tcpCount)
        let tcp: [UInt8] = [
            0x1F, 0x90, 0xC0, 0x01, 0xFF, 0xFF, 0xF0, 0x00, 0, 0, 0, 9, 0x50, 0x99, 0x10, 0x00, UInt8(open >> 8), UInt8(open & 0xFF), 0, 0,
        ]
        let body = (0..<payload).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        return (ethernet + ip + tcp + body, UInt16(ethernet.count + ip.count))
    }

    /// Ones' complement sum of big-endian words, folded: written from RFC 1071, not from the code under test.
    static func sum(_ bytes: [UInt8], plus extra: Int = 0) -> UInt16 {
        var total = extra
        for index in stride(from: 0, to: bytes.count, by: 2) {
            total += Int(bytes[index]) << 8 + (index + 1 < bytes.count ? Int(bytes[index + 1]) : 0)
        }
        while total >> 16 != 0 { total = total & 0xFFFF + total >> 16 }
        return UInt16(total)
    }

    /// Whether the checksums of IPv4 and TCP in a frame are right.
    static func isSound(_ frame: [UInt8], start: Int, version: Int) -> Bool {
        let ipStart = version == 4 ? start - 20 : start - 40
        let ip = Array(frame[ipStart..<start])
        let tcp = Array(frame[start...])
        let addresses = version == 4 ? Array(ip[12..<20]) : Array(ip[8..<40])
        let length = version == 4 ? Int(ip[2]) << 8 + Int(ip[3]) - 20 : Int(ip[4]) << 8 + Int(ip[5])
        let isHeaderRight = version == 6 || sum(ip) == 0xFFFF
        return isHeaderRight && length == tcp.count && sum(addresses + [0, 6] + tcp, plus: tcp.count) == 0xFFFF
    }
}

/// Keeps the records that it is given, up to `room` bytes.
final class RecordSink: FrameSink {
    private let state: Mutex<(bytes: [UInt8], room: Int)>

    init(room: Int = .max) { state = Mutex(([], room)) }

    var bytes: [UInt8] { state.withLock { $0.bytes } }
    func makeRoom(_ count: Int) { state.withLock { $0.room += count } }

    func send(head: [UInt8], frame: [UnsafeMutableRawBufferPointer], count: Int) -> Bool {
        state.withLock { state in
            guard head.count + count <= state.room else { return false }
            state.room -= head.count + count
            state.bytes += head
            for range in unsafe frame { unsafe state.bytes.append(contentsOf: range) }
            return true
        }
    }
}

/// One network device with its three rings.
struct NetworkRig {
    let sink: RecordSink
    let gate = CountingGate()
    let input: FrameInput
    let device: VirtioNetwork
    let rig: VirtioRig
    let receive: TestRing
    let transmit: TestRing
    let control: TestRing

    /// Where buffers are put.
    static let buffers: UInt64 = 0x2_0000

    init(features: UInt64 = 0, room: Int = .max, mtu: UInt16 = 1500, mark: [UInt8]? = nil) throws {
        sink = RecordSink(room: room)
        input = FrameInput(mark: mark, gate: gate)
        device = VirtioNetwork(address: NetworkFrames.own, mtu: mtu, input: input, output: sink)
        rig = try VirtioRig(device)
        receive = rig.ring(64, base: 0x1000)
        transmit = rig.ring(64, base: 0x4000)
        control = rig.ring(16, base: 0x8000)
        start(features)
    }

    func start(_ features: UInt64) {
        rig.start([0: receive, 1: transmit, 2: control], features: VirtioRig.version1 | features)
    }

    func put(_ bytes: [UInt8], at address: UInt64) {
        for (index, byte) in bytes.enumerated() { rig.memory.store(byte, at: address + UInt64(index)) }
    }

    func get(_ count: Int, at address: UInt64) -> [UInt8] {
        (0..<count).map { rig.memory.load(UInt8.self, at: address + UInt64($0)) ?? 0 }
    }

    /// Offers one chain with these bytes on the sending queue and runs it.
    func send(_ bytes: [UInt8], first: UInt16 = 0) {
        put(bytes, at: Self.buffers)
        transmit.offer([(Self.buffers, UInt32(bytes.count), false)], first: first)
        rig.run(1)
    }

    /// Gives receive buffers of one size, each a chain, 64 KiB apart at most.
    func give(_ count: UInt16, of size: UInt32, first: UInt16 = 0) {
        for index in 0..<count {
            receive.offer([(Self.buffers + UInt64(index) * UInt64(size), size, true)], first: first + index)
        }
    }

    /// Bytes come over the port's stream.
    @discardableResult
    func arrive(_ bytes: [UInt8]) -> Int {
        let count = unsafe input.offer(bytes.span.bytes)
        rig.run(0)
        return count
    }

    func command(_ bytes: [UInt8]) -> UInt8 {
        put(bytes, at: Self.buffers)
        rig.memory.store(UInt8(0xEE), at: 0x1_F000)
        control.offer([(Self.buffers, UInt32(bytes.count), false), (0x1_F000, 1, true)])
        rig.run(2)
        return rig.memory.load(UInt8.self, at: 0x1_F000) ?? 0xEE
    }
}

enum NetworkBit {
    static let checksum: UInt64 = 1 << 0
    static let guestChecksum: UInt64 = 1 << 1
    static let guestOffloads: UInt64 = 1 << 2
    static let guestTCP4: UInt64 = 1 << 7
    static let guestTCP6: UInt64 = 1 << 8
    static let guestECN: UInt64 = 1 << 9
    static let hostTCP4: UInt64 = 1 << 11
    static let hostTCP6: UInt64 = 1 << 12
    static let hostECN: UInt64 = 1 << 13
    static let mergeable: UInt64 = 1 << 15
    static let control: UInt64 = 1 << 17
    static let controlReceive: UInt64 = 1 << 18
    static let controlAddress: UInt64 = 1 << 23
    static let sending = checksum | hostTCP4 | hostTCP6 | hostECN
    static let receiving = guestChecksum | guestTCP4 | guestTCP6 | guestECN
}
