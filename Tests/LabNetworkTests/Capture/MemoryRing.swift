import LabNetwork
import PortStream

/// A ring's two files in memory; writes can be made to stop short.
struct MemoryFiles: CaptureFiles, CaptureSource {
    var files: [[UInt8]] = [[], []]
    /// Bytes that the medium still takes; nil: no end.
    var room: Int?
    var canEmpty = true
    var canCut = true
    var largest = 0

    mutating func empty(_ file: Int) -> Bool {
        guard canEmpty else { return false }
        files[file] = []
        return true
    }

    mutating func write(_ bytes: [UInt8], to file: Int, at offset: UInt64) -> Int {
        let count = min(bytes.count, room ?? .max)
        room = room.map { $0 - count }
        let start = Int(offset)
        // A cut that failed leaves a torn tail, which is written over.
        let end = start + count
        if files[file].count < end { files[file] += [UInt8](repeating: 0, count: end - files[file].count) }
        files[file].replaceSubrange(start..<end, with: bytes.prefix(count))
        largest = max(largest, files[0].count + files[1].count)
        return count
    }

    mutating func cut(_ file: Int, to size: UInt64) {
        if canCut { files[file] = Array(files[file].prefix(Int(size))) }
    }

    func read(_ file: Int, at offset: UInt64, upTo limit: Int) -> [UInt8] {
        Array(files[file].dropFirst(Int(offset)).prefix(limit))
    }

    /// What a reader gets that comes now.
    var whole: [UInt8] {
        var tail = CaptureTail()
        var all: [UInt8] = []
        while let blocks = tail.next(from: self) { all += blocks }
        return all
    }
}

extension CaptureRing {
    static func test(bytes: UInt64 = 64 << 10, snap: Int = 2048, run: UInt64 = 1_000, firstFile: Int = 0) -> CaptureRing {
        CaptureRing(
            lab: "shop", network: "lan",
            interfaces: [
                CaptureInterface(name: "web/lan", mac: .init("02:00:00:00:00:01")),
                CaptureInterface(name: "db/lan", mac: .init("02:00:00:00:00:02")),
                CaptureInterface(name: "lan.gateway", mac: .init("02:00:00:00:00:fe")),
            ], byteLimit: bytes, snapLength: snap, run: run, firstFile: firstFile)
    }

    mutating func record(
        _ frame: [UInt8], header: [UInt8] = [], on interface: Int = 0, _ direction: FrameDirection = .incoming, drop: DropReason? = nil,
        at time: UInt64
    ) {
        record(header: header.span, frame: frame.span, interface: interface, direction: direction, drop: drop, time: time)
    }
}

/// Frames that are what they say, built by hand.
enum Frames {
    /// An echo request (or anything like it) whose checksums are right, with its number in it.
    static func echo(_ number: Int, payload: Int = 56) -> [UInt8] {
        var icmp: [UInt8] = [8, 0, 0, 0, 0x12, 0x34, UInt8(number >> 8 & 0xFF), UInt8(number & 0xFF)]
        icmp += (0..<payload).map { UInt8($0 & 0xFF) }
        InternetChecksum.store(~InternetChecksum.fold(InternetChecksum.sum(icmp)), in: &icmp, at: 2)
        return ip4(protocol: 1, icmp)
    }

    /// A UDP datagram as a guest with checksum offload leaves it, and the header that says so.
    static func openUDP(payload: [UInt8]) -> (frame: [UInt8], header: [UInt8]) {
        let count = 8 + payload.count
        var udp: [UInt8] = [0x30, 0x39, 0x00, 0x09, UInt8(count >> 8), UInt8(count & 0xFF), 0, 0] + payload
        let addresses: [UInt8] = [10, 20, 0, 10, 10, 20, 0, 11]
        let pseudo = InternetChecksum.fold(InternetChecksum.sum(addresses, 17 + UInt32(count)))
        InternetChecksum.store(pseudo, in: &udp, at: 6)
        var header = NetworkHeader()
        header.needsChecksum = true
        header.checksumStart = 34
        header.checksumOffset = 6
        return (ip4(protocol: 17, udp), header.bytes(buffers: 0))
    }

    private static func ip4(protocol number: UInt8, _ payload: [UInt8]) -> [UInt8] {
        let count = 20 + payload.count
        var ip: [UInt8] = [0x45, 0, UInt8(count >> 8), UInt8(count & 0xFF), 0, 1, 0, 0, 64, number, 0, 0, 10, 20, 0, 10, 10, 20, 0, 11]
        InternetChecksum.store(~InternetChecksum.fold(InternetChecksum.sum(ip)), in: &ip, at: 10)
        return [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0] + ip + payload
    }
}
