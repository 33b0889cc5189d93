import LabImages
import Testing

@Suite struct DamagedArchiveTests {
    private static func isDamage(_ problem: ImageError.Problem?) -> Bool {
        switch problem {
        case .damagedArchive, .notAnArchive: true
        default: false
        }
    }

    @Test(arguments: ["tar", "tar.gz", "tar.xz", "tar.zst", "tar.bz2", "tar.lz4"])
    func `an archive that was cut off anywhere is an error`(form: String) throws {
        let scratch = try Scratch()
        // Bytes that do not compress, so that every cut takes something away.
        try scratch.shell(
            "mkdir t; for i in 1 2 3; do head -c 40000 /dev/urandom >t/$i; done; tar cf a.tar t; case \(form) in tar) ;; tar.lz4) lz4 -q a.tar a.\(form);; *) tar caf a.\(form) t;; esac"
        )
        let whole = try Folder.read(scratch.file("a.\(form)"), limit: 1 << 24)
        #expect(try record(try scratch.open("a.\(form)")).items.count == 4)
        var cuts = Array(stride(from: 0, to: whole.count, by: 4099)) + [1, 511, 512, 513, 40960 + 512]
        // The last byte counts too, where the form has a checksum or a length to notice it by; a tar ends in zeros of any length.
        if form != "tar" { cuts += [whole.count - 1, whole.count - 4] }
        for (index, cut) in cuts.filter({ $0 < whole.count }).enumerated() {
            if form == "tar", whole[cut...].allSatisfy({ $0 == 0 }) { continue }
            try scratch.write("cut\(index)", Array(whole[..<cut]))
            let found = problem { _ = try record(try scratch.open("cut\(index)")) }
            #expect(Self.isDamage(found), "cut at \(cut) of \(whole.count): \(String(describing: found))")
        }
    }

    @Test func `a tar that ends between two entries is an error`() throws {
        let scratch = try Scratch()
        try scratch.write("whole.tar", PaxArchive.file("a", data: [1, 2, 3]))
        #expect(try record(try scratch.open("whole.tar")).items.count == 1)
        try scratch.write("cut.tar", PaxArchive.file("a", data: [1, 2, 3], end: false))
        #expect(Self.isDamage(problem { _ = try record(try scratch.open("cut.tar")) }))
    }

    @Test(arguments: ["", "text", "PK\u{3}\u{4}", "Rar!\u{1a}\u{7}\u{1}\u{0}", "7z\u{bc}\u{af}"])
    func `what is no archive is refused by name`(start: String) throws {
        let scratch = try Scratch()
        try scratch.write("x", Array(start.utf8) + [UInt8](repeating: 0x41, count: start.isEmpty ? 0 : 4000))
        let found = problem { _ = try record(try scratch.open("x")) }
        // An empty file is as much an archive that was cut off.
        if start.isEmpty { return #expect(Self.isDamage(found)) }
        guard case .notAnArchive = found else { return #expect(Bool(false), "\(String(describing: found))") }
    }

    @Test func `formats that images are not made of are not read`() throws {
        let scratch = try Scratch()
        try scratch.shell("echo x >f; for f in zip 7zip iso9660 xar mtree warc; do bsdtar -c --format=$f -f f.$f f; done")
        for format in ["zip", "7zip", "iso9660", "xar", "mtree", "warc"] {
            #expect(Self.isDamage(problem { _ = try record(try scratch.open("f.\(format)")) }), "\(format)")
        }
    }

    @Test(arguments: ["gz", "xz", "zst", "bz2"]) func `a decompression bomb stops at the limit`(form: String) throws {
        let scratch = try Scratch()
        try scratch.shell("truncate -s 300M zeros; tar caf bomb.tar.\(form) zeros; rm zeros")
        let found = problem { _ = try record(try scratch.open("bomb.tar.\(form)", limit: 50 << 20)) }
        #expect(found == .tooLarge(what: "unpacked bytes", limit: 50 << 20))
    }

    @Test func `the digest is of the bytes that were decoded, and a wrong one names both`() throws {
        let scratch = try Scratch()
        try scratch.shell("echo x >f; tar czf a.tar.gz f; printf trailing >>a.tar.gz")
        let right = try FileDigest.digest(of: scratch.file("a.tar.gz"))
        #expect(try scratch.shell("sha256sum <a.tar.gz").hasPrefix(right.description))
        #expect(try record(try scratch.open("a.tar.gz", expected: right)).items.count == 1)
        let wrong = SHA256.digest(of: [1])
        let found = problem { _ = try record(try scratch.open("a.tar.gz", expected: wrong)) }
        #expect(found == .digestMismatch(expected: wrong, found: right))
        let error = ImageError(.digestMismatch(expected: wrong, found: right), "a.tar.gz")
        #expect(error.exitStatus == 76)
        #expect(error.description.contains(wrong.description) && error.description.contains(right.description))
    }

    @Test func `a wrong digest is the explanation of the damage it comes with`() throws {
        let scratch = try Scratch()
        try scratch.shell("head -c 100000 /dev/urandom >f; tar czf a.tar.gz f")
        let right = try FileDigest.digest(of: scratch.file("a.tar.gz"))
        try scratch.shell("head -c 5000 a.tar.gz >half; sha256sum half")
        let half = try FileDigest.digest(of: scratch.file("half"))
        #expect(problem { _ = try scratch.open("half", expected: right).finish() } == .digestMismatch(expected: right, found: half))
    }

    @Test func `flipped bytes never trap and never hang`() throws {
        let scratch = try Scratch()
        try scratch.shell("mkdir t; seq 1 3000 >t/a; ln -s a t/b; tar c --format=posix -f a.tar t; gzip -k a.tar")
        var seed: UInt64 = 42
        for name in ["a.tar", "a.tar.gz"] {
            let whole = try Folder.read(scratch.file(name), limit: 1 << 24)
            for round in 0..<60 {
                var bytes = whole
                for _ in 0..<3 {
                    seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                    bytes[Int(seed >> 33) % bytes.count] ^= UInt8(truncatingIfNeeded: seed >> 24) | 1
                }
                try scratch.write("\(name).\(round)", bytes)
                // Either way is right: what counts is that there is an answer.
                _ = problem { _ = try record(try scratch.open("\(name).\(round)", limit: 1 << 26)) }
            }
        }
    }
}
