import CarrierLink
import Testing

@Suite struct LinkTests {
    static let host: [HostMessage] = [
        .stream(number: 7, name: "serial"), .disk(number: 12, serial: "fd12", writable: true), .blob(number: 10, size: 1 << 40),
        .file(path: "/bin/x", mode: 0o755, size: 3), .link(path: "/bin", target: "usr/bin"), .data([1, 2, 3]), .data([]),
        .start(.init(path: "/p", arguments: ["a", "", "ü"], environment: ["A=b"], folder: "/w", hasInput: true)),
        .input([9]), .input([]), .signal(15), .powerOff,
    ]
    static let carrier: [InitMessage] = [
        .hello(version: 1, uptimeMilliseconds: 1700), .running, .output([1]), .errorOutput([2]), .exited(255), .signalled(9), .failed("no"),
    ]

    @Test func `messages come out as they went in, in pieces of any size`() throws {
        var bytes: [UInt8] = []
        for message in Self.host { message.frame.append(to: &bytes) }
        for size in [1, 2, 3, 5, 7, 64, bytes.count] {
            var reader = FrameReader()
            var got: [HostMessage] = []
            for start in stride(from: 0, to: bytes.count, by: size) {
                reader.append(bytes[start..<min(start + size, bytes.count)])
                while let frame = try reader.next() { got.append(try HostMessage(frame)) }
            }
            #expect(got == Self.host)
        }
        for message in Self.carrier { #expect(try InitMessage(message.frame) == message) }
    }

    @Test func `a message's bytes are these`() {
        var bytes: [UInt8] = []
        HostMessage.stream(number: 7, name: "abc").frame.append(to: &bytes)
        #expect(
            bytes == [
                0x53,  // S
                0, 0, 0, 11,  // length
                0, 0, 0, 7,  // number
                0, 0, 0, 3, 0x61, 0x62, 0x63,  // name
            ])
    }

    @Test func `a frame that is too long is refused before it is gathered`() {
        var reader = FrameReader()
        reader.append([0x64, 0x00, 0x10, 0x00, 0x01])
        #expect(throws: LinkError.self) { try reader.next() }
    }

    /// Cut anywhere, longer by a byte, and with each byte changed: an error or another message, never a trap.
    @Test func `no payload traps`() throws {
        for frame in Self.host.map(\.frame) + Self.carrier.map(\.frame) {
            for length in 0..<frame.payload.count {
                let cut = Frame(kind: frame.kind, payload: Array(frame.payload.prefix(length)))
                _ = try? HostMessage(cut)
                _ = try? InitMessage(cut)
            }
            for index in frame.payload.indices {
                for value in [0, 0x7f, 0x80, 0xff] as [UInt8] {
                    var changed = frame
                    changed.payload[index] = value
                    _ = try? HostMessage(changed)
                    _ = try? InitMessage(changed)
                }
            }
        }
        for kind in UInt8.min...UInt8.max { _ = try? HostMessage(Frame(kind: kind, payload: [1, 2, 3])) }
        let start = HostMessage.start(.init(path: "/p", arguments: [])).frame
        #expect(throws: LinkError.self) { try HostMessage(Frame(kind: start.kind, payload: start.payload + [0])) }
        #expect(throws: LinkError.self) { try HostMessage(Frame(kind: start.kind, payload: Array(start.payload.dropLast()))) }
        #expect(throws: LinkError.self) { try HostMessage(HostMessage.stream(number: 1, name: "a\0b").frame) }
    }
}
