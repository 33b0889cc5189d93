import Glibc
import LabImages
import LabModel
import Testing

/// `qemu-img` makes the disks, and says what is in them.
@Suite struct Qcow2Tests {
    /// 48 MiB and a bit: zeros, text that packs well, noise that does not, and an end in the middle of a cluster.
    private func makeDisk(_ scratch: Scratch) throws {
        try scratch.shell(
            """
            truncate -s 50332160 disk.raw
            seq 1 200000 | dd of=disk.raw conv=notrunc status=none
            dd if=/dev/urandom of=disk.raw bs=64k seek=100 count=20 conv=notrunc status=none
            dd if=/dev/urandom of=disk.raw bs=512 seek=98300 count=3 conv=notrunc status=none
            printf x | dd of=disk.raw bs=1 seek=50332159 conv=notrunc status=none
            """)
    }

    @Test(arguments: [
        "-o compat=1.1", "-o compat=0.10", "-c", "-c -o compat=0.10", "-o cluster_size=512", "-c -o cluster_size=512",
        "-o cluster_size=2M", "-c -o cluster_size=2M", "-o lazy_refcounts=on", "-o preallocation=metadata", "-S 0",
    ])
    func `a disk holds what qemu-img put into it`(options: String) throws {
        let scratch = try Scratch()
        try makeDisk(scratch)
        try scratch.shell("qemu-img convert -f raw -O qcow2 \(options) disk.raw disk.qcow2")
        try DiskCopy.copy(scratch.file("disk.qcow2"), .qcow2, to: scratch.file("copy.raw"))
        try scratch.shell("qemu-img convert -f qcow2 -O raw disk.qcow2 judge.raw && cmp judge.raw copy.raw && cmp disk.raw copy.raw")
        // Its holes are holes again.
        #expect(try Int(scratch.shell("du -k copy.raw | cut -f1").filter { $0 != "\n" }) ?? .max < 6000)
    }

    @Test func `what was changed after a snapshot is what counts, and clusters of zeros are zeros`() throws {
        let scratch = try Scratch()
        try makeDisk(scratch)
        try scratch.shell(
            """
            qemu-img convert -f raw -O qcow2 disk.raw disk.qcow2
            qemu-img snapshot -c before disk.qcow2
            qemu-io -c 'write -P 7 6553600 70000' -c 'write -z 0 65536' -c 'discard 7000000 200000' disk.qcow2 >/dev/null
            qemu-img convert -f qcow2 -O raw disk.qcow2 judge.raw
            """)
        try DiskCopy.copy(scratch.file("disk.qcow2"), .qcow2, to: scratch.file("copy.raw"))
        try scratch.shell("cmp judge.raw copy.raw")
    }

    /// Makes a small disk, changes bytes of it, and gives what is said of it.
    private func said(_ scratch: Scratch, _ options: String = "", _ change: (inout [UInt8]) -> Void) throws -> String {
        try scratch.shell(
            "truncate -s 4M small.raw; seq 1 20000 | dd of=small.raw conv=notrunc status=none; "
                + "qemu-img convert -f raw -O qcow2 \(options) small.raw small.qcow2")
        var bytes = try Folder.read(scratch.file("small.qcow2"), limit: 1 << 24)
        change(&bytes)
        try scratch.shell("rm -f small.qcow2 out.raw")
        try Folder.write(bytes, to: scratch.file("small.qcow2"))
        do {
            try DiskCopy.copy(scratch.file("small.qcow2"), .qcow2, to: scratch.file("out.raw"))
            return "taken"
        } catch {
            return "\(error)"
        }
    }

    private static func put(_ value: UInt64, _ count: Int, at offset: Int) -> @Sendable (inout [UInt8]) -> Void {
        { bytes in
            for index in 0..<count { bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * (count - 1 - index))) }
        }
    }

    @Test(arguments: [
        (put(0, 4, at: 0), "not a qcow2 disk"),
        (put(4, 4, at: 4), "qcow2 of version 4"),
        (put(512, 8, at: 8), "backing file"),
        (put(9, 4, at: 16), "backing file"),
        (put(8, 4, at: 20), "clusters have 2^8 bytes"),
        (put(0xFFFF_FFFF, 4, at: 20), "clusters have 2^4294967295 bytes"),
        (put(0, 8, at: 24), "holds 0 bytes"),
        (put(513, 8, at: 24), "holds 513 bytes"),
        (put(1 << 63, 8, at: 24), "holds 9223372036854775808 bytes"),
        (put(16 << 40, 8, at: 24), "first-level table has 1 entries"),
        (put(1, 4, at: 32), "encrypted"),
        (put(0, 4, at: 36), "first-level table has 0 entries"),
        (put(.max, 8, at: 40), "first-level table lies outside"),
        (put(1 << 62, 8, at: 40), "first-level table lies outside"),
        (put(2, 8, at: 72), "marked as corrupt"),
        (put(4, 8, at: 72), "in another file"),
        (put(16, 8, at: 72), "subclusters"),
        (put(1 << 40, 8, at: 72), "features that are not known"),
        (put(.max, 4, at: 100), "header says it has"),
        (put(1, 1, at: 104), "not compressed by zlib"),
    ])
    func `a header that lies is refused with the reason`(change: @Sendable (inout [UInt8]) -> Void, part: String) throws {
        let text = try said(Scratch()) { change(&$0) }
        #expect(text.contains(part), "\(text)")
    }

    @Test func `tables that lie are refused, and names of other files are never followed`() throws {
        let scratch = try Scratch()
        #expect(try said(scratch) { _ in } == "taken")
        func number(_ bytes: [UInt8], _ offset: Int) -> UInt64 { bytes[offset..<offset + 8].reduce(0) { $0 << 8 | UInt64($1) } }
        func firstTable(_ bytes: [UInt8]) -> Int { Int(number(bytes, 40)) }
        func secondTable(_ bytes: [UInt8]) -> Int { Int(number(bytes, firstTable(bytes)) & 0x00FF_FFFF_FFFF_FE00) }
        #expect(try said(scratch) { Self.put(0x00FF_FFFF_FFFF_0000, 8, at: firstTable($0))(&$0) }.contains("outside the file"))
        #expect(try said(scratch) { Self.put(512, 8, at: firstTable($0))(&$0) }.contains("a second-level table lies at 0x200"))
        #expect(try said(scratch) { Self.put(0x00FF_FFFF_FFFF_0000, 8, at: secondTable($0))(&$0) }.contains("a cluster lies at"))
        // All clusters the same one: the file would grow to whatever its header says.
        let same = try said(scratch) { bytes in
            let (table, place) = (secondTable(bytes), number(bytes, secondTable(bytes)))
            for index in 0..<64 { Self.put(place, 8, at: table + index * 8)(&bytes) }
        }
        #expect(same.contains("again and again"), "\(same)")
        // Compressed ones that begin nowhere, and that are no deflate streams.
        #expect(try said(scratch) { Self.put(1 << 62 | 0xFFFF_FFFF_FFFF, 8, at: secondTable($0))(&$0) }.contains("compressed cluster"))
        #expect(try said(scratch) { Self.put(1 << 62 | 4, 8, at: secondTable($0))(&$0) }.contains("cannot be unpacked"))
        // An old file without a length of its header has no room for features.
        #expect(try said(scratch, "-o compat=0.10") { _ in } == "taken")
    }

    @Test func `random damage and cuts never trap`() throws {
        let scratch = try Scratch()
        var random = SystemRandomNumberGenerator()
        for round in 0..<60 {
            _ = try said(scratch, round % 2 == 0 ? "-c" : "") { bytes in
                for _ in 0...Int.random(in: 0...6, using: &random) {
                    let place = Int.random(in: 0..<(Bool.random(using: &random) ? 112 : bytes.count), using: &random)
                    bytes[place] = UInt8.random(in: 0...255, using: &random)
                }
                if Int.random(in: 0..<4, using: &random) == 0 { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random)) }
            }
        }
    }

    @Test func `a raw disk is taken as it is, whatever is written in its first sector`() throws {
        let scratch = try Scratch()
        try scratch.shell("truncate -s 4M disk.raw; printf 'QFI\\373' | dd of=disk.raw conv=notrunc status=none; truncate -s 100 odd.raw")
        try DiskCopy.copy(scratch.file("disk.raw"), .raw, to: scratch.file("copy.raw"))
        try scratch.shell("cmp disk.raw copy.raw")
        let odd = #expect(throws: ImageError.self) { try DiskCopy.copy(scratch.file("odd.raw"), .raw, to: scratch.file("other.raw")) }
        #expect(odd?.exitStatus == 65)
        let digest = #expect(throws: ImageError.self) {
            try DiskCopy.copy(
                scratch.file("disk.raw"), .raw, expected: SHA256.digest(of: []), to: scratch.file("third.raw"))
        }
        #expect(digest?.exitStatus == 76)
    }
}
