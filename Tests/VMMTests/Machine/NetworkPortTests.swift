import Foundation
import Testing

/// Network interfaces as a guest of a few instructions and the other end of the port see them.
@Suite("Network ports", .enabled(if: MachineProgram.obstacle == nil, "no usable /dev/kvm here"), .serialized)
struct NetworkPortTests {
    /// The first memory window; others follow 8 MiB apart.
    private static let window: UInt32 = 0xC000_0000
    private static let configuration: UInt32 = window + 0x2000
    private static let mark = "000102030405060708090a0b0c0d0e0f"
    private static let markBytes: [UInt8] = [0x80, 0, 0, 0x10] + (0..<16)

    private func config(_ device: UInt32) -> [UInt8] { Code.out32(0xCF8, 1 << 31 | device << 11) + Code.in32(0xCFC) }

    /// mov eax, [address]
    private func load(_ address: UInt32) -> [UInt8] { [0xA1] + littleEndian(address) }

    /// Goes round until the lowest bit of a 16-bit word is this.
    private func waitForWord(_ address: UInt32, bit: Bool) -> [UInt8] {
        // movzx eax, word [address]; test al, 1; jz or jnz back
        [0x0F, 0xB7, 0x05] + littleEndian(address) + [0xA8, 1, bit ? 0x74 : 0x75, 0xF5]
    }

    @Test func `cards stand after the disks and before the rest, and tell address, link and MTU`() throws {
        let code =
            config(2) + Code.printIfEAX(is: 0x1041_1AF4) + config(3) + Code.printIfEAX(is: 0x1041_1AF4)
            + config(4) + Code.printIfEAX(is: 0x1044_1AF4) + config(5) + Code.printIfEAX(is: 0xFFFF_FFFF)
            + load(Self.configuration) + Code.printIfEAX(is: 0x3322_1102) + load(Self.configuration + 4)
            + Code.printIfEAX(is: 0x0001_5544) + load(Self.configuration + 8) + Code.printIfEAX(is: 9000 << 16 | 1)
            + load(Self.configuration + 0x80_0000 + 8) + Code.printIfEAX(is: 1500 << 16 | 1)
        let machine = try WiredMachine(
            code + Code.powerOff,
            ["--net", "id=lan,fd=5,mac=02:11:22:33:44:55,mtu=9000", "--net", "id=wan,fd=6,mac=02:00:00:00:00:02,mark=\(Self.mark)"],
            lines: [.control, .serial, .port, .secondPort])
        #expect(try machine.end() == .exited(0))
        #expect(machine.text(of: .serial) == "11111111")
        // The one with a mark says it before anything else, the other nothing.
        #expect(try machine.bytes(20, on: .secondPort) == Self.markBytes)
        #expect(machine.text(of: .port).isEmpty)
    }

    @Test func `the cable is pulled and plugged by words, and unknown ports are refused`() throws {
        let status = Self.configuration + 6
        let machine = try WiredMachine(
            Code.put("a") + waitForWord(status, bit: false) + Code.put("b") + waitForWord(status, bit: true) + Code.put("c")
                + Code.powerOff,
            ["--net", "id=lan,fd=5,mac=02:00:00:00:00:01"])
        try machine.expect("a", on: .serial)
        for word in ["link wan down", "link lan", "link lan sideways", "port-restart lan 00", "port-restart wan \(Self.mark)"] {
            try machine.word(word)
            try machine.expect(#""word":"\#(word.prefix(64))""#, on: .control)
        }
        try machine.word("link lan down")
        try machine.expect("b", on: .serial)
        try machine.word("link lan up")
        #expect(try machine.end() == .exited(0))
        #expect(machine.text(of: .serial) == "abc")
    }

    @Test func `what is no record breaks the port, and a restart with a mark mends it`() throws {
        let status = Self.configuration + 6
        let machine = try WiredMachine(
            Code.put("a") + waitForWord(status, bit: false) + Code.put("b") + waitForWord(status, bit: true) + Code.put("c")
                + waitForWord(status, bit: false) + Code.powerOff,
            ["--net", "id=lan,fd=5,mac=02:00:00:00:00:01"])
        try machine.expect("a", on: .serial)
        // A record for a driver that is not there is lost without harm.
        try machine.send([0, 0, 0, 26] + [UInt8](repeating: 0, count: 26), on: .port)
        try machine.send([0, 0, 0, 5, 1, 2, 3, 4, 5], on: .port)
        try machine.expect("b", on: .serial)
        try machine.expect(#"{"event":"port-broken","port":"lan","detail":"what came over the stream is no record"}"#, on: .control)
        try machine.word("port-restart lan \(Self.mark)")
        try machine.expect("c", on: .serial)
        #expect(try machine.bytes(20, on: .port) == Self.markBytes)
        // The port's end is the cable's end, and nothing else's.
        machine.hangUp(.port)
        try machine.expect("the other end is closed", on: .control)
        #expect(try machine.end() == .exited(0))
    }

    @Test func `a port's other end that never reads or never stops writing holds nothing up`() throws {
        let machine = try WiredMachine(Code.put("a") + Code.halt, ["--net", "id=lan,fd=5,mac=02:00:00:00:00:01"])
        machine.unread = [.port]
        try machine.expect("a", on: .serial)
        let record: [UInt8] = [0, 0, 5, 0] + [UInt8](repeating: 0, count: 1280)
        try machine.send(Array(repeating: record, count: 4096).flatMap { $0 }, on: .port)
        try machine.word("stop")
        #expect(try machine.end() == .exited(0))
        #expect(!machine.text(of: .control).contains("port-broken"))
    }
}
