import Foundation
import Glibc
import Host
import Testing

extension `pulse on our monitor` {
    /// A guest that misuses its card: the monitor lives and stays small, its neighbour does not notice, and the card, begun
    /// anew, works.
    @Suite struct networkHostility {
        @Test(arguments: [
            "netlengths 0 1", "netheaders 0 1 60", "netheaders 0 2 60", "netgso 0", "netmacs 0 1 60", "netcontrol 0 1 80",
            "netcontrol 0 2 80", "poke queues 7 96",
        ])
        func `whatever a guest does to its card, the monitor lives and the card works afterwards`(command: String) throws {
            let (neighbour, hostile) = try PulseCable.machines()
            try neighbour.expect("> ")
            try hostile.expect("> ")
            let before = hostile.anonymousMemory
            try hostile.type(command + "\r")
            try hostile.expect("survived", within: 180)
            try hostile.expect("> ")
            #expect(hostile.anonymousMemory - before < 16 * 1024)
            #expect(try hostile.reaches("10.1.0.1"))
            #expect(try neighbour.reaches("10.1.0.2"))
            #expect(hostile.errors.split(separator: "\n").count <= 10)
        }

        @Test func `receive buffers that are too few, too small, unwritable or late stop nobody but their owner`() throws {
            let (neighbour, hostile) = try PulseCable.machines()
            try neighbour.expect("> ")
            try hostile.expect("> ")
            #expect(try neighbour.reaches("10.1.0.2"))
            let before = hostile.anonymousMemory
            try neighbour.type("flood 10.1.0.2 100000 1400\r")
            try hostile.type("netbuffers 0 1 3500\r")
            try hostile.expect("survived", within: 180)
            #expect(hostile.anonymousMemory - before < 16 * 1024)
            try neighbour.send([0x03], on: .serial)
            try neighbour.expect("flood 10.1.0.2: ")
            try neighbour.expect("> ")
            try hostile.expect("> ")
            #expect(try hostile.reaches("10.1.0.1"))
            #expect(try neighbour.reaches("10.1.0.2"))
        }

        /// What stands in a card's stream, cut into records by somebody who does not trust it.
        private static func records(_ bytes: [UInt8]) throws -> [(header: ArraySlice<UInt8>, frame: ArraySlice<UInt8>)] {
            var records: [(header: ArraySlice<UInt8>, frame: ArraySlice<UInt8>)] = []
            var rest = bytes[...]
            while rest.count >= 4 {
                let count = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
                guard (26...65_569).contains(count) else { throw PulseMachine.Failure(description: "a record of \(count) bytes") }
                guard rest.count >= 4 + count else { break }
                let record = rest.dropFirst(4).prefix(count)
                records.append((record.prefix(12), record.dropFirst(12)))
                rest = rest.dropFirst(4 + count)
            }
            return records
        }

        @Test(arguments: ["netlengths 0 1", "netheaders 0 3 80", "netgso 0", "netmacs 0 2 80"])
        func `no lie leaves the machine`(command: String) throws {
            let cable = try PulseCable()
            let machine = try PulseMachine(
                "net=10.1.0.2/24 run=\(command);poweroff", cards: [.init(end: cable.second, address: "02:00:00:00:00:02")])
            var bytes: [UInt8] = []
            try cable.first.with { (end: borrowing Descriptor) in try end.setNonBlocking() }
            let deadline = ContinuousClock.now + .seconds(180)
            while machine.process.reap() == nil, ContinuousClock.now < deadline {
                let part = (try? cable.first.with { (end: borrowing Descriptor) in try end.read(upTo: 1 << 20) }) ?? []
                if part.isEmpty { usleep(2000) } else { bytes += part }
            }
            #expect(try machine.end() == .exited(0))
            #expect(machine.text(of: .serial).contains("survived"))
            let records = try Self.records(bytes)
            #expect(!records.isEmpty)
            for (header, frame) in records {
                func word(_ offset: Int) -> Int {
                    Int(header[header.startIndex + offset]) | Int(header[header.startIndex + offset + 1]) << 8
                }
                let flags = word(0) & 0xFF
                let kind = word(0) >> 8 & 0x7F
                #expect([0, 1, 4].contains(kind))
                #expect(flags & ~1 == 0)
                if flags & 1 != 0 { #expect(word(6) >= 14 && word(6) + word(8) + 2 <= frame.count) }
                if kind != 0 { #expect(flags & 1 != 0 && word(4) > 0 && word(2) <= frame.count) }
                if command.hasPrefix("netgso") { #expect(header.prefix(10).allSatisfy { $0 == 0 }) }
            }
        }
    }
}
