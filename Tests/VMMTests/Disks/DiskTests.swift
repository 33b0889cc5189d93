import Foundation
import Glibc
import Host
import Testing

/// Disks with arrays instead of guest memory.
extension Disk {
    func bytes(at offset: UInt64, count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0xEE, count: count)
        try bytes.withUnsafeMutableBytes { all in
            // In two pieces, so that the seam is somewhere.
            let cut = count / 3
            try read(
                at: offset,
                into: [UnsafeMutableRawBufferPointer(rebasing: all[..<cut]), UnsafeMutableRawBufferPointer(rebasing: all[cut...])])
        }
        return bytes
    }

    func put(_ bytes: [UInt8], at offset: UInt64) throws {
        var bytes = bytes
        try bytes.withUnsafeMutableBytes { all in
            let cut = all.count / 3
            try write(
                at: offset,
                from: [UnsafeMutableRawBufferPointer(rebasing: all[..<cut]), UnsafeMutableRawBufferPointer(rebasing: all[cut...])])
        }
    }
}

@Suite("Disks")
struct DiskTests {
    static let grain = 65536
    let scratch = try! Scratch()

    func open(_ name: String, writable: Bool = true) throws -> Descriptor {
        try Descriptor.open(scratch.path(name), writable ? O_RDWR : O_RDONLY)
    }

    func pattern(_ count: Int, _ seed: Int = 1) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: ($0 * 31 + $0 / 256) * seed + seed) }
    }

    func delta(isReadOnly: Bool = false) throws -> DeltaDisk {
        try DeltaDisk(base: try open("base", writable: false), delta: try open("delta"), isReadOnly: isReadOnly)
    }

    /// A base of `count` bytes and an empty delta of it.
    func make(_ count: Int) throws -> [UInt8] {
        let base = pattern(count)
        try scratch.write(base, to: "base")
        try scratch.write([], to: "delta")
        try open("delta").truncate(to: DeltaDisk.length(forBaseOf: UInt64(count)))
        return base
    }

    @Test func `a file disk is its file, byte for byte`() throws {
        try scratch.write(pattern(100_000), to: "disk")
        let disk = try FileDisk(open("disk"), isReadOnly: false)
        #expect(disk.byteCount == 100_000)
        #expect(try disk.bytes(at: 777, count: 5000) == Array(pattern(100_000)[777..<5777]))
        try disk.put(pattern(3000, 7), at: 500)
        try disk.writeZeros(at: 4096, count: 10_000)
        try disk.flush()
        var expected = pattern(100_000)
        expected.replaceSubrange(500..<3500, with: pattern(3000, 7))
        expected.replaceSubrange(4096..<14096, with: [UInt8](repeating: 0, count: 10_000))
        #expect(try scratch.read("disk") == expected)
        #expect(throws: DiskError.truncated) { try disk.put([1, 2, 3], at: 99_998) }
        #expect(throws: DiskError.truncated) { try disk.bytes(at: 99_998, count: 3) }
        #expect(throws: DiskError.truncated) { try disk.writeZeros(at: UInt64.max - 1, count: 4) }
        #expect(try scratch.read("disk").count == 100_000)
    }

    @Test func `a file that is cut under a disk gives errors, not a signal`() throws {
        try scratch.write(pattern(10_000), to: "disk")
        let disk = try FileDisk(open("disk"), isReadOnly: false)
        try open("disk").truncate(to: 5000)
        #expect(throws: DiskError.truncated) { try disk.bytes(at: 4000, count: 4000) }
        #expect(try disk.bytes(at: 0, count: 5000) == Array(pattern(10_000).prefix(5000)))
    }

    @Test func `a read-only disk refuses every change`() throws {
        try scratch.write(pattern(10_000), to: "disk")
        let disk = try FileDisk(open("disk", writable: false), isReadOnly: true)
        #expect(throws: DiskError.readOnly) { try disk.put([1], at: 0) }
        #expect(throws: DiskError.readOnly) { try disk.writeZeros(at: 0, count: 1) }
        #expect(throws: DiskError.readOnly) { try disk.discard(at: 0, count: 1) }
        try disk.flush()
        #expect(try scratch.read("disk") == pattern(10_000))
    }

    @Test func `a delta of zeros reads as its base`() throws {
        let base = try make(300_000)
        let disk = try delta()
        #expect(disk.byteCount == 300_000)
        #expect(try disk.bytes(at: 0, count: 300_000) == base)
        try disk.flush()
        #expect(try scratch.read("delta").allSatisfy { $0 == 0 }, "reading and flushing write nothing")
    }

    @Test func `changes are seen at once and after the disk is opened again, and the base stays`() throws {
        let base = try make(5 * Self.grain + 1000)
        var expected = base
        let writes: [(Int, Int)] = [
            (10, 1), (Self.grain - 1, 2), (Self.grain * 2, Self.grain), (Self.grain * 3 + 5, Self.grain + 100), (Self.grain * 5 + 900, 100),
        ]
        do {
            let disk = try delta()
            for (index, (offset, count)) in writes.enumerated() {
                let bytes = pattern(count, index + 3)
                try disk.put(bytes, at: UInt64(offset))
                expected.replaceSubrange(offset..<offset + count, with: bytes)
                #expect(try disk.bytes(at: 0, count: expected.count) == expected)
            }
            try disk.writeZeros(at: UInt64(Self.grain + 100), count: 300)
            expected.replaceSubrange(Self.grain + 100..<Self.grain + 400, with: [UInt8](repeating: 0, count: 300))
            try disk.flush()
        }
        #expect(try delta().bytes(at: 0, count: expected.count) == expected)
        #expect(try scratch.read("base") == base)
    }

    @Test func `random writes agree with an array`() throws {
        var expected = try make(7 * Self.grain + 777)
        let seed = UInt64.random(in: 1...UInt64.max)
        print("delta seed \(seed)")
        var state = seed
        func next(_ bound: Int) -> Int {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Int(state % UInt64(bound))
        }
        var disk = try delta()
        for step in 0..<200 {
            let offset = next(expected.count)
            let count = min(expected.count - offset, 1 + next(3) * next(100_000) + next(5000))
            switch next(8) {
            case 0:
                try disk.writeZeros(at: UInt64(offset), count: UInt64(count))
                expected.replaceSubrange(offset..<offset + count, with: [UInt8](repeating: 0, count: count))
            case 1:
                try disk.flush()
                disk = try delta()
            case 2: #expect(try disk.bytes(at: UInt64(offset), count: count) == Array(expected[offset..<offset + count]))
            default:
                let bytes = pattern(count, step)
                try disk.put(bytes, at: UInt64(offset))
                expected.replaceSubrange(offset..<offset + count, with: bytes)
            }
        }
        #expect(try disk.bytes(at: 0, count: expected.count) == expected)
    }

    @Test func `without a flush the bits never reach the file, so a crash shows the base or the last flush`() throws {
        let base = try make(4 * Self.grain)
        let disk = try delta()
        try disk.put(pattern(Self.grain, 5), at: 0)
        #expect(try delta().bytes(at: 0, count: base.count) == base, "the crash came before any flush")
        try disk.flush()
        var flushed = base
        flushed.replaceSubrange(0..<Self.grain, with: pattern(Self.grain, 5))
        try disk.put(pattern(100, 9), at: UInt64(2 * Self.grain))
        #expect(try delta().bytes(at: 0, count: base.count) == flushed, "the crash came after the flush")
        #expect(try scratch.read("delta")[..<8] == [0x76, 0x6D, 0x6C, 0x61, 0x62, 0xCE, 0x94, 1])
    }

    @Test func `the header is there before the first bit is`() throws {
        // Every state of the file that a crash in the first flush can leave is a delta or an empty delta.
        _ = try make(4 * Self.grain)
        let disk = try delta()
        try disk.put([1], at: 0)
        let before = try scratch.read("delta")
        try disk.flush()
        let after = try scratch.read("delta")
        let headerOnly = Array(after[..<Self.grain]) + before[Self.grain...]
        try scratch.write(headerOnly, to: "delta")
        #expect(throws: Never.self) { try delta() }
        let bitOnly = Array(before[..<Self.grain]) + after[Self.grain...]
        try scratch.write(bitOnly, to: "delta")
        #expect(throws: DiskError.delta("it has data but no header")) { try delta() }
    }

    @Test func `discarded grains of the delta give their room back and the base is untouched`() throws {
        let base = try make(16 * Self.grain)
        let disk = try delta()
        try disk.put(pattern(8 * Self.grain, 3), at: 0)
        try disk.flush()
        let before = try open("delta").status().allocated
        try disk.discard(at: 100, count: UInt64(8 * Self.grain))
        try disk.flush()
        let after = try open("delta").status().allocated
        #expect(after + UInt64(6 * Self.grain) <= before)
        #expect(try disk.bytes(at: UInt64(8 * Self.grain), count: 8 * Self.grain) == Array(base[(8 * Self.grain)...]))
        #expect(try disk.bytes(at: 0, count: Self.grain) == pattern(Self.grain, 3), "the cut grain stays")
    }

    @Test func `a header that lies is refused with the reason`() throws {
        _ = try make(4 * Self.grain)
        let disk = try delta()
        try disk.put([1], at: 0)
        try disk.flush()
        let good = try scratch.read("delta")
        func reason(_ change: (inout [UInt8]) -> Void) throws -> String {
            var bytes = good
            change(&bytes)
            try scratch.write(bytes, to: "delta")
            do {
                _ = try delta()
                return "accepted"
            } catch {
                return "\(error)"
            }
        }
        #expect(try reason { $0[0] = 0x51 }.contains("it is not a delta"))
        #expect(try reason { $0.replaceSubrange(0..<4, with: Array("QFI".utf8) + [0xFB]) }.contains("it is not a delta"))
        #expect(try reason { $0[7] = 2 }.contains("its version is 2"))
        #expect(try reason { $0[10] = 2 }.contains("another size or has other grains"))
        #expect(try reason { $0[23] = 0x80 }.contains("another size"))
        #expect(try reason { $0[16] += 1 }.contains("another size"))
        #expect(try reason { $0[Self.grain] |= 0x10 }.contains("past the end"))
        #expect(try reason { $0.removeLast(1) }.contains("its base needs"))
        #expect(try reason { $0 = [] }.contains("its base needs"))
        #expect(try reason { _ in } == "accepted")
    }

    @Test func `a longer delta, as a block device is, will do`() throws {
        let base = try make(2 * Self.grain)
        try open("delta").truncate(to: 64 << 20)
        #expect(try delta().bytes(at: 0, count: base.count) == base)
    }
}
