import Foundation
import Glibc
import Host
import LabModel
import LabNetwork
import PortStream
import Testing

@Suite struct `the program of a lab's networks` {
    private let a = Rig.mac(0)
    private let b = Rig.mac(1)
    private let c = Rig.mac(2)

    @Test func `switches frames between its ports`() throws {
        let program = try Program()
        let question = frame(to: b, from: a)
        try program.send(question, from: 0)
        #expect(try program.hear(1) == question && program.hear(2) == question)
        let answer = frame(to: a, from: b)
        try program.send(answer, from: 1)
        #expect(try program.hear(0) == answer)
        try program.send(question, from: 0)
        #expect(try program.hear(1) == question)
        try program.barrier()
        #expect(try program.isSilent(2))
        #expect(program.last.contains(#""a/lan":{"in":{"frames":2,"bytes":120},"out":{"frames":1,"bytes":60},"drops":{}}"#))
        program.say("stop")
        #expect(try program.child.wait(limitMilliseconds: 60_000) == .exited(0))
    }

    @Test func `is shut in a sandbox before it says that it has started`() throws {
        let program = try Program(["a"])
        func facts(_ file: String) throws -> String {
            String(decoding: try readSmallFile("/proc/\(program.child.pid)/\(file)"), as: UTF8.self)
        }
        let status = try facts("status")
        #expect(status.contains("\nNoNewPrivs:\t1\n"))
        // A kernel that cannot filter does not speak of it either.
        #expect(!status.contains("\nSeccomp:") || status.contains("\nSeccomp:\t2\n"))
        let limits = try facts("limits")
        for (name, unit) in [("open files", "files"), ("file size", "bytes"), ("processes", "processes")] {
            #expect(
                limits.split(separator: "\n").contains { line in
                    line.hasPrefix("Max \(name) ") && line.split(separator: " ").suffix(3).elementsEqual(["0", "0", Substring(unit)])
                }, "\(name): \(limits)")
        }
    }

    @Test func `ends when its keeper does`() throws {
        let program = try Program()
        program.closeControl()
        #expect(try program.child.wait(limitMilliseconds: 60_000) == .exited(0))
    }

    @Test func `goes on where two ports flood a third that does not read`() throws {
        let program = try Program(["a", "b", "c", "d"])
        for (port, mac) in [a, b, c, Rig.mac(3)].enumerated() {
            try program.send(frame(to: .broadcast, from: mac), from: port)
            for other in 0..<4 where other != port { #expect(try program.hear(other) != nil) }
        }
        // Far more than socket and queue hold, from both at once.
        let flood = PlainRecord.make(frame(to: c, from: a, [UInt8](repeating: 1, count: 1400)))
        let other = PlainRecord.make(frame(to: c, from: b, [UInt8](repeating: 2, count: 1400)))
        for _ in 0..<3000 {
            try program.write(flood, to: 0)
            try program.write(other, to: 1)
        }
        try program.send(frame(to: Rig.mac(3), from: a), from: 0)
        #expect(try program.hear(3) == frame(to: Rig.mac(3), from: a), "the fourth hears all the while")
        try program.barrier()
        #expect(program.last.contains(#""queue-full""#))
        // What waited comes whole, and then what is sent now.
        try program.send(frame(to: c, from: Rig.mac(3)), from: 3)
        var heard = 0
        while let next = try program.hear(2) {
            heard += 1
            if next.count == 1414 { continue }
            #expect(next == frame(to: c, from: Rig.mac(3)) || next.prefix(6).elementsEqual(MACAddress.broadcast.octets))
            if next == frame(to: c, from: Rig.mac(3)) { break }
            if heard > 6000 { break }
            if try program.isSilent(2) { try program.send(frame(to: c, from: Rig.mac(3)), from: 3) }
        }
        #expect(heard > 100 && heard < 6000)
    }

    @Test func `takes a port up at its mark after either end was cut in mid-frame`() throws {
        let program = try Program()
        let record = PlainRecord.make(frame(to: .broadcast, from: a))
        try program.write(record + record.prefix(30), to: 0)
        #expect(try program.hear(1) != nil)
        program.say("port-down a/lan")
        #expect(try program.wait(for: #"{"event":"port-down","port":"a/lan"}"#))
        // The machine died here; its successor begins with the mark.
        program.say("port-up a/lan 00112233445566778899aabbccddeeff")
        let mark = PortRecord.markPrefix + (0..<16).map { UInt8($0 * 0x11) }
        #expect(try program.exactly(20, 0) == mark)
        try program.write(record.suffix(20) + mark + record, to: 0)
        // Said once more: the machine may not have been told when it came first. One that comes again is passed over.
        #expect(try program.exactly(20, 0) == mark)
        #expect(try program.hear(1) == frame(to: .broadcast, from: a))
        try program.write(mark + record, to: 0)
        #expect(try program.hear(1) == frame(to: .broadcast, from: a))
        try program.barrier()
        #expect(try program.isSilent(1))
    }

    @Test func `lowers a port that speaks nonsense, and no other`() throws {
        let program = try Program()
        try program.write([0xFF, 0xFF, 0xFF, 0xFF] + [UInt8](repeating: 0, count: 100), to: 0)
        #expect(try program.wait(for: #""event":"port-broken","port":"a/lan""#))
        try program.send(frame(to: .broadcast, from: b), from: 1)
        #expect(try program.hear(2) != nil)
        shutdown(program.machineEnd(1), CInt(SHUT_RDWR))
        #expect(try program.wait(for: #""event":"port-broken","port":"b/lan""#))
        program.say("port-up a/lan")
        try program.send(frame(to: .broadcast, from: c), from: 2)
        #expect(try program.hear(0) != nil)
    }

    @Test func `delays, loses, divides and heals as it is told`() throws {
        let program = try Program(["a", "b"])
        let hello = frame(to: .broadcast, from: a)
        func done(_ line: String) throws {
            program.say(line)
            let word = line.split(separator: " ")[0]
            #expect(try program.wait(for: #"{"event":"done","word":"\#(word)"}"#), "\(line)")
        }
        try done("link lan delay=50000")
        let start = EventLoop.now()
        try program.send(hello, from: 0)
        #expect(try program.hear(1) == hello)
        #expect(EventLoop.now() - start >= 50_000_000)
        try done("link lan clear")
        for (cut, mend) in [
            ("link b/lan loss=1000000", "link b/lan clear"), ("partition lan a|b", "heal lan"), ("link b/lan down", "link b/lan up"),
        ] {
            try done(cut)
            try program.send(hello, from: 0)
            try program.barrier()
            try done(mend)
            try program.send(frame(to: .broadcast, from: c), from: 0)
            #expect(try program.hear(1) == frame(to: .broadcast, from: c), "after \(mend)")
        }
    }

    @Test func `answers for its gateway and records what it sees`() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "vmlab-network-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let paths = [0, 1].map { folder.appending(path: "lan.\($0).pcapng").path }
        let first = try Descriptor.open(paths[0], O_RDWR | O_CREAT)
        let second = try Descriptor.open(paths[1], O_RDWR | O_CREAT)
        let program = try Program(
            ["a", "b"], ["--capture", "network=lan,fd=20,fd=21,bytes=1048576,snap=2048"], files: [(20, first.number), (21, second.number)])
        let ask: [UInt8] = [0, 1, 8, 0, 6, 4, 0, 1] + a.octets + [10, 20, 0, 10] + [UInt8](repeating: 0, count: 6) + [10, 20, 0, 1]
        try program.send(frame(to: .broadcast, from: a, type: 0x0806, ask), from: 0)
        let answer = try program.hear(0)
        #expect(answer.map { Array($0[20..<32]) } == [0, 2] + Rig.gateway.octets + [10, 20, 0, 1])
        try program.barrier()
        // Killed at once: what was seen is in the file, whole.
        program.child.signal(SIGKILL)
        _ = try program.child.wait(limitMilliseconds: 60_000)
        let bytes = try [UInt8](Data(contentsOf: URL(filePath: paths[0])))
        var blocks = CaptureBlocks(bytes)
        var packets = 0
        while let block = blocks.next() { if block.type == 6 { packets += 1 } }
        #expect(packets >= 2 && blocks.end == bytes.count)
    }
}
