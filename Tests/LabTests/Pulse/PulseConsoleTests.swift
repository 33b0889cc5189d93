import Foundation
import Host
import TestSupport
import Testing

extension `pulse on our monitor` {
    @Suite struct consoles {
        /// Bytes that no line discipline, ours or anybody's, would leave alone.
        private static func noise(_ count: Int) -> [UInt8] {
            var state: UInt64 = 0x5EED
            return (0..<count).map { _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return UInt8(truncatingIfNeeded: state >> 33)
            }
        }

        @Test(arguments: [(PulseMachine.Stream.console, 102_400), (.serial, 2048)])
        func `every byte comes back as it went in`(stream: PulseMachine.Stream, count: Int) throws {
            let machine = try PulseMachine()
            try machine.expect("> ", on: stream)
            let sent = Self.noise(count)
            try machine.type("cat \(count)\r", on: stream)
            try machine.expect("cat \(count)\r\n", on: stream)
            var back: [UInt8] = []
            // In pieces, each waited for: a 16550 has no way to say "slower".
            let piece = stream == .serial ? 16 : 8192
            for start in Swift.stride(from: 0, to: count, by: piece) {
                let part = Array(sent[start..<min(start + piece, count)])
                try machine.send(part, on: stream)
                back += try machine.bytes(part.count, on: stream)
            }
            #expect(back == sent)
            try machine.expect("\r\n> ", on: stream)
        }

        @Test func `both consoles answer at once, each its own`() throws {
            let machine = try PulseMachine()
            try machine.expect("> ")
            try machine.expect("> ", on: .console)
            try machine.type("echo to serial\r")
            try machine.type("echo to hvc\r", on: .console)
            try machine.expect("\r\nto serial\r\n")
            try machine.expect("\r\nto hvc\r\n", on: .console)
            #expect(!machine.text(of: .serial).contains("hvc"))
        }

        @Test func `a reader that keeps reading loses nothing`() throws {
            let machine = try PulseMachine()
            try machine.expect("> ", on: .console)
            let count = 2_000_000
            try machine.type("flood \(count)\r", on: .console)
            try machine.expect("flood \(count)\r\n", on: .console)
            let isAlphabet = try machine.bytes(count, on: .console).allSatisfy { (0x61...0x7A).contains($0) }
            #expect(isAlphabet)
            try machine.expect("\r\n> ", on: .console)
        }

        @Test func `output that nobody reads is bounded in memory, does not hold the guest, and ends with the newest`() throws {
            let machine = try PulseMachine()
            try machine.expect("> ")
            try machine.expect("> ", on: .console)
            let before = machine.anonymousMemory
            try machine.type("flood 3000000\recho the newest\r", on: .console)
            try machine.expect("flood 3000000\r\n", on: .console)
            machine.unread = [.console]
            // The guest has one thread: this answer comes when the flood is over.
            #expect(try machine.command("echo done") == "done\n")
            #expect(machine.anonymousMemory - before < 4 * 1024)
            machine.unread = []
            try machine.expect("\r\nthe newest\r\n", on: .console)
            #expect(machine.text(of: .console).utf8.count < 1_500_000)
        }

        @Test func `input that the guest does not read is bounded in memory`() throws {
            let machine = try PulseMachine("run=loop")
            try machine.expect("looping")
            let before = machine.anonymousMemory
            let limit = 64 << 20
            #expect(try machine.flood(limit, on: .console) < limit)
            #expect(machine.anonymousMemory - before < 4 * 1024)
            try machine.type("stop\n", on: .control)
            #expect(try machine.process.wait(limitMilliseconds: 10_000) == .exited(0))
        }

        @Test func `a console whose far end is gone does not stop the guest`() throws {
            let machine = try PulseMachine()
            try machine.expect("> ")
            machine.hangUp(.console)
            #expect(try machine.command("echo alive") == "alive\n")
            try machine.type("poweroff\r")
            try machine.expect("powering off")
            #expect(try machine.end() == .exited(0))
        }
    }
}
