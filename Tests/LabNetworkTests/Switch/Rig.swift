import LabModel
import LabNetwork
import PortStream

/// A bridge between port streams that are arrays, with a clock that moves only when it is told.
final class Rig {
    var bridge: Bridge
    var now: UInt64 = 1_000_000_000
    /// Ports whose streams take nothing.
    var stuck: Set<Int> = []
    private var readers: [RecordReader]
    private var written: [[UInt8]]

    static let gateway = MACAddress(0x0200_0000_0001)

    /// - Parameter ports: names as `MACHINE/NETWORK`; all are up.
    init(_ ports: [String] = ["a/lan", "b/lan", "c/lan"], seed: UInt64 = 7, change: (inout BridgeSettings) -> Void = { _ in }) {
        var settings = BridgeSettings(lab: "rig", seed: seed)
        for text in ports {
            let name = PortName(text)!
            if !settings.networks.contains(where: { $0.name == name.network }) {
                // All have the same addresses: nothing may pass between them all the same.
                settings.networks.append(
                    NetworkSettings(
                        name: name.network, subnet: IPv4Subnet("10.20.0.0/24")!, mac: Self.gateway, mtu: 1500, domain: "rig.lab",
                        prefix6: 0xFD00_0001_0002_0003))
            }
            let network = settings.networks.firstIndex { $0.name == name.network }!
            let number = settings.ports.count
            settings.ports.append(
                PortSettings(
                    name: name, network: NetworkIndex(network), mac: Rig.mac(number), address: IPv4Address(0x0A14_000A + UInt32(number))))
        }
        change(&settings)
        bridge = Bridge(settings)
        readers = settings.ports.map { _ in RecordReader(counts: PortRecord.counts) }
        written = settings.ports.map { _ in [] }
        for number in settings.ports.indices { bridge.raise(PortIndex(number), mark: nil, now: now) }
    }

    static func mac(_ number: Int) -> MACAddress { MACAddress(0x0200_0000_1000 + UInt64(number)) }

    /// Bytes that come by a port, in pieces of a gulp at most.
    func feed(_ bytes: [UInt8], from port: Int) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = readers[port].fill { span, start in
                let part = min(span.count - start, rest.count)
                for index in 0..<part { span[start + index] = rest[rest.startIndex + index] }
                return part
            }
            rest = rest.dropFirst(count ?? 0)
            var cursor = readers[port].start()
            if let mark = readers[port].takeFoundMark() { bridge.say(mark, to: PortIndex(port)) }
            bridge.receive(readers[port].bytes, &cursor, from: PortIndex(port), moment)
            flush(readers[port].bytes)
            readers[port].finish(cursor)
            if readers[port].fault != nil { return }
        }
    }

    func send(_ frames: [UInt8]..., from port: Int) { for frame in frames { feed(PlainRecord.make(frame), from: port) } }

    /// Moves the clock, stopping wherever the bridge wants to be called.
    func wait(_ nanoseconds: UInt64) {
        let end = now + nanoseconds
        while let next = bridge.nextDeadline, next <= end {
            now = max(now, next)
            bridge.advance(moment)
            flush(Span())
        }
        now = end
    }

    /// The frames that a port was given since it was last asked.
    func heard(_ port: Int) -> [[UInt8]] { records(port).map { Array($0[16...]) } }

    /// All bytes of a port's stream since it was last asked.
    func bytes(_ port: Int) -> [UInt8] {
        defer { written[port] = [] }
        return written[port]
    }

    func records(_ port: Int) -> [[UInt8]] {
        var rest = written[port][...]
        var found: [[UInt8]] = []
        while rest.count >= 4 {
            let count = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
            guard rest.count >= 4 + count else { break }
            found.append(Array(rest.prefix(4 + count)))
            rest = rest.dropFirst(4 + count)
        }
        written[port] = Array(rest)
        return found
    }

    func raise(_ port: Int, mark: [UInt8]? = nil) {
        readers[port].begin(mark: mark)
        bridge.raise(PortIndex(port), mark: mark, now: now)
        flush(Span())
    }

    func lower(_ port: Int) { bridge.lower(PortIndex(port), now: now) }

    /// A port's reader reads again.
    func release(_ port: Int) {
        stuck.remove(port)
        bridge.resume(.port(PortIndex(port)))
        flush(Span())
    }

    func drops(_ port: Int, _ reason: DropReason) -> UInt64 { bridge.counters(of: PortIndex(port)).drops(reason) }

    private var moment: Moment { Moment(now: now, wall: now) }

    private func flush(_ gulp: Span<UInt8>) {
        bridge.flush(gulp) { stream, first, second in
            guard case .port(let port) = stream, !stuck.contains(port.number) else { return 0 }
            for index in 0..<first.count { written[port.number].append(first[index]) }
            for index in 0..<second.count { written[port.number].append(second[index]) }
            return first.count + second.count
        }
    }
}

/// An Ethernet frame; at least 60 bytes unless its payload says otherwise.
func frame(
    to destination: MACAddress, from source: MACAddress, type: UInt16 = 0x88B5, _ payload: [UInt8] = [UInt8](repeating: 0x55, count: 46)
)
    -> [UInt8]
{
    destination.octets + source.octets + [UInt8(type >> 8), UInt8(type & 0xFF)] + payload
}

/// With an 802.1Q tag.
func tagged(_ id: UInt16, _ frame: [UInt8], type: UInt16 = 0x8100) -> [UInt8] {
    Array(frame[..<12]) + [UInt8(type >> 8), UInt8(type & 0xFF), UInt8(id >> 8), UInt8(id & 0xFF)] + Array(frame[12...])
}

/// A record that holds a TCP segment over IPv4 which is still to be cut.
func largeSegment(
    to destination: MACAddress = Rig.mac(1), host: UInt8 = 11, payload: Int, segment: UInt16
) -> [UInt8] {
    var header = NetworkHeader()
    header.needsChecksum = true
    header.checksumStart = 34
    header.checksumOffset = 16
    header.segmentation = .tcp4
    header.segmentSize = segment
    header.headerCount = 54
    let length = UInt16(40 + payload)
    let ip: [UInt8] = [0x45, 0, UInt8(length >> 8), UInt8(length & 0xFF), 0, 1, 0, 0, 64, 6, 0, 0] + [10, 20, 0, 10, 10, 20, 0, host]
    let tcp: [UInt8] = [0, 80, 0, 81, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 1, 0, 0, 0, 0, 0]
    let whole = frame(to: destination, from: Rig.mac(0), type: 0x0800, ip + tcp + [UInt8](repeating: 0x77, count: payload))
    var record = PlainRecord.make(whole)
    record.replaceSubrange(4..<16, with: header.bytes(buffers: 0))
    return record
}

/// A reproducible stream of numbers for tests.
struct Numbers: RandomNumberGenerator {
    private var derived: Derived
    init(_ seed: UInt64) { derived = Derived(seed: seed, "tests") }
    mutating func next() -> UInt64 { derived.next() }
}
