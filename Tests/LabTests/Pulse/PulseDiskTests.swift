import Glibc
import Host
import Testing

extension `pulse on our monitor` {
    @Suite struct disks {
        @Test func `disks come in the order given, with their names and sizes`() throws {
            let machine = try PulseMachine(
                "run=blk",
                disks: [
                    .init(id: "first", base: try PulseDisk.blank(1 << 20)),
                    .init(id: "a-name-of-20-letters", base: try PulseDisk.blank(3 << 20), isReadOnly: true),
                    .init(id: "third", base: try PulseDisk.blank(512)),
                ])
            try machine.expect(
                "0: first 2048 sectors read-write\r\n1: a-name-of-20-letters 6144 sectors read-only\r\n2: third 1 sectors read-write\r\n")
        }

        @Test func `what the guest writes is in the file, and only that`() throws {
            let disk = try PulseDisk.patterned(sectors: 256)
            var expected = try PulseDisk.bytes(of: disk)
            let machine = try PulseMachine(disks: [.init(id: "root", base: disk)])
            try machine.expect("> ")
            #expect(try machine.command("sum 0 0 256") == PulseDisk.sum(expected) + "\n")
            #expect(try machine.command("write 0 5 hello disk") == "written\n")
            #expect(try machine.command("fill 0 100 130 90") == "filled 130 sectors\n")
            #expect(try machine.command("flush 0") == "flushed\n")
            expected.replaceSubrange(5 * 512..<6 * 512, with: Array("hello disk".utf8) + [UInt8](repeating: 0, count: 502))
            expected.replaceSubrange(100 * 512..<230 * 512, with: [UInt8](repeating: 90, count: 130 * 512))
            #expect(try PulseDisk.bytes(of: disk) == expected)
            #expect(try machine.command("read 0 5").hasPrefix("0000: 68 65 6c 6c 6f 20 64 69 73 6b 00"))
            #expect(try machine.command("sum 0 0 256") == PulseDisk.sum(expected) + "\n")
        }

        @Test func `nothing beyond the end is read or written`() throws {
            let disk = try PulseDisk.blank(64 * 512)
            let machine = try PulseMachine(disks: [.init(id: "root", base: disk)])
            try machine.expect("> ")
            for command in ["read 0 64", "write 0 64 x", "fill 0 60 5 1", "read 0 0xffffffffffffffff", "write 0 0x7fffffffffffff x"] {
                #expect(try machine.command(command).contains("input/output error"))
            }
            #expect(try machine.command("write 0 63 last") == "written\n")
            #expect(try PulseDisk.bytes(of: disk).count == 64 * 512)
        }

        @Test func `a read-only disk stays as it is`() throws {
            let disk = try PulseDisk.patterned(sectors: 32)
            let before = try PulseDisk.bytes(of: disk)
            let machine = try PulseMachine(disks: [.init(id: "root", base: try PulseDisk.readOnlyView(of: disk), isReadOnly: true)])
            try machine.expect("> ")
            #expect(try machine.command("write 0 3 x").contains("input/output error"))
            #expect(try machine.command("fill 0 0 32 0").contains("input/output error"))
            #expect(try machine.command("sum 0 0 32") == PulseDisk.sum(before) + "\n")
            #expect(try PulseDisk.bytes(of: disk) == before)
        }

        @Test func `a delta takes the changes, the base takes none, and the next run sees them`() throws {
            let base = try PulseDisk.patterned(sectors: 4096)
            let before = try PulseDisk.bytes(of: base)
            let delta = try PulseDisk.blank(DeltaDisk.length(forBaseOf: UInt64(before.count)))
            let disk = PulseMachine.Disk(id: "root", base: try PulseDisk.readOnlyView(of: base), delta: delta)
            var expected = before
            do {
                let machine = try PulseMachine(disks: [disk])
                try machine.expect("> ")
                #expect(try machine.command("sum 0 0 200") == PulseDisk.sum(before.prefix(200 * 512)) + "\n")
                _ = try machine.command("fill 0 120 20 65")
                _ = try machine.command("write 0 4095 the end")
                #expect(try machine.command("flush 0") == "flushed\n")
                try machine.type("poweroff\r")
                #expect(try machine.end() == .exited(0))
            }
            expected.replaceSubrange(120 * 512..<140 * 512, with: [UInt8](repeating: 65, count: 20 * 512))
            let machine = try PulseMachine(disks: [disk])
            try machine.expect("> ")
            #expect(try machine.command("sum 0 100 156") == PulseDisk.sum(expected[100 * 512..<256 * 512]) + "\n")
            #expect(try machine.command("read 0 4095").contains("the end"))
            #expect(try PulseDisk.bytes(of: base) == before)
        }

        @Test func `what was flushed outlives a killed machine`() throws {
            let base = try PulseDisk.blank(8 << 20)
            let delta = try PulseDisk.blank(DeltaDisk.length(forBaseOf: 8 << 20))
            let disk = PulseMachine.Disk(id: "root", base: base, delta: delta)
            do {
                let machine = try PulseMachine(disks: [disk])
                try machine.expect("> ")
                _ = try machine.command("write 0 7000 kept")
                _ = try machine.command("flush 0")
                machine.process.signal(SIGKILL)
                #expect(try machine.end() == .signalled(SIGKILL))
            }
            let machine = try PulseMachine("run=read 0 7000", disks: [disk])
            try machine.expect("kept")
        }

        @Test func `discarded sectors read as zeros`() throws {
            let disk = try PulseDisk.patterned(sectors: 512)
            let machine = try PulseMachine(disks: [.init(id: "root", base: disk)])
            try machine.expect("> ")
            #expect(try machine.command("discard 0 128 256") == "discarded 256 sectors\n")
            #expect(try machine.command("sum 0 128 256") == PulseDisk.sum([UInt8](repeating: 0, count: 256 * 512)) + "\n")
            #expect(try machine.command("discard 0 400 113").contains("input/output error"))
            #expect(try machine.command("discard 0 0 4294967295").contains(#/input.output error|unsupported/#))
            #expect(try PulseDisk.bytes(of: disk, from: 0, count: 512) == PulseDisk.bytes(of: PulseDisk.patterned(sectors: 1)))
        }

        @Test func `a disk cut short under the guest is an error in the guest and nothing worse`() throws {
            let disk = try PulseDisk.patterned(sectors: 512)
            let machine = try PulseMachine(disks: [.init(id: "root", base: disk)])
            try machine.expect("> ")
            try disk.with { (descriptor: borrowing Descriptor) in try descriptor.truncate(to: 0) }
            #expect(try machine.command("read 0 100").contains("input/output error"))
            #expect(try machine.command("echo alive") == "alive\n")
        }

        @Test func `random bytes are plenty and differ`() throws {
            let machine = try PulseMachine()
            try machine.expect("> ")
            let first = try machine.command("random 64")
            let second = try machine.command("random 64")
            #expect(first.count == 129)
            #expect(second.count == 129)
            #expect(first != second)
            #expect(try machine.command("random 5000").count == 10001)
        }
    }
}
