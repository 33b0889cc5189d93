import Glibc
import Host

/// A port of some switch, as the generator uses it.
protocol FramePort {
    /// Sends the one frame so many times; false once nobody listens.
    mutating func send(_ count: Int) -> Bool
    /// How many frames have come; waits for the first, at most so long. 0: none came.
    mutating func receive(limitMilliseconds: Int32) -> Int
}

/// True when there is something to read.
func isReadable(_ descriptor: CInt, limitMilliseconds: Int32) -> Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, limitMilliseconds) > 0
}

/// A port of `vmlab-network`: records in a stream, as many in one write as there are to send.
struct FrameStream: FramePort {
    private let descriptor: CInt
    private let recordCount: Int
    private var output: [UInt8] = []
    private var input = [UInt8](repeating: 0, count: 256 << 10)
    /// What is missing of the record that is arriving, and its prefix as far as it is there.
    private var missing = 0
    private var prefix: [UInt8] = []

    init(_ descriptor: CInt, _ frame: TestFrame) {
        self.descriptor = descriptor
        let count = UInt32(frame.header.count + frame.bytes.count)
        let record = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: count >> $0) } + frame.header + frame.bytes
        recordCount = record.count
        for _ in 0..<max(1, (128 << 10) / record.count) { output += record }
    }

    mutating func send(_ count: Int) -> Bool {
        var left = count * recordCount
        while left > 0 {
            let done = output.withUnsafeBytes { write(descriptor, $0.baseAddress, min(left, $0.count)) }
            // A write that was cut goes on in the middle of a record: rotate by staying in step with its end.
            if done <= 0 { return false }
            left -= done
            let rest = done % recordCount
            if rest > 0 {
                var part = rest
                while part < recordCount {
                    let more = output.withUnsafeBytes { write(descriptor, $0.baseAddress! + part, recordCount - part) }
                    if more <= 0 { return false }
                    part += more
                }
                left -= recordCount - rest
            }
        }
        return true
    }

    mutating func receive(limitMilliseconds: Int32) -> Int {
        var frames = 0
        while frames == 0 {
            guard isReadable(descriptor, limitMilliseconds: limitMilliseconds) else { return 0 }
            let count = input.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count <= 0 { return 0 }
            var at = 0
            while at < count {
                if missing > 0 {
                    let part = min(missing, count - at)
                    missing -= part
                    at += part
                    if missing == 0 { frames += 1 }
                } else if prefix.isEmpty, at + 4 <= count {
                    missing = Int(input[at]) << 24 | Int(input[at + 1]) << 16 | Int(input[at + 2]) << 8 | Int(input[at + 3])
                    at += 4
                } else {
                    prefix.append(input[at])
                    at += 1
                    if prefix.count == 4 {
                        missing = prefix.reduce(0) { $0 << 8 | Int($1) }
                        prefix = []
                    }
                }
            }
        }
        return frames
    }
}

/// What is sent: one Ethernet frame, and the header before it where a port wants one.
struct TestFrame {
    let header: [UInt8]
    let bytes: [UInt8]

    static func address(_ number: Int) -> [UInt8] {
        [2, 0, 0, 0, UInt8(truncatingIfNeeded: number >> 8), UInt8(truncatingIfNeeded: number)]
    }
    /// TCP's payload in one packet of 1500 bytes.
    private static let segment = 1460

    /// - Parameters:
    ///   - count: bytes of the frame; beyond 1514 it is one large TCP segment that is still to be cut.
    ///   - destination: nil for everybody.
    init(count: Int, from source: Int, to destination: Int?) {
        let isLarge = count > 1514
        let length = count - 14
        let target = destination.map(Self.address) ?? [UInt8](repeating: 0xFF, count: 6)
        let ethernet = target + Self.address(source) + [0x08, 0x00]
        let ip: [UInt8] =
            [
                0x45, 0, UInt8(truncatingIfNeeded: length >> 8), UInt8(truncatingIfNeeded: length), 0, 1, 0, 0, 64, 6, 0, 0, 10, 9, 0, 1,
                10, 9, 0, 2,
            ]
        var headers = ethernet + ip
        // The packet's own sum: the kernel's bridge looks at it.
        var sum = stride(from: 14, to: 34, by: 2).reduce(0) { $0 + (Int(headers[$1]) << 8 | Int(headers[$1 + 1])) }
        while sum > 0xFFFF { sum = sum & 0xFFFF + sum >> 16 }
        headers[24] = UInt8(truncatingIfNeeded: ~sum >> 8)
        headers[25] = UInt8(truncatingIfNeeded: ~sum)
        headers += [0, 80, 0, 81, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 1, 0, 0, 0, 0, 0]
        bytes = headers.count < count ? headers + [UInt8](repeating: 0, count: count - headers.count) : Array(headers.prefix(count))
        let size = Self.segment
        header =
            isLarge
            ? [1, 1, 54, 0, UInt8(truncatingIfNeeded: size), UInt8(truncatingIfNeeded: size >> 8), 34, 0, 16, 0, 0, 0]
            : [UInt8](repeating: 0, count: 12)
    }
}
