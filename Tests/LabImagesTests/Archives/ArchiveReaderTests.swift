import Glibc
import LabImages
import Testing

@Suite struct ArchiveReaderTests {
    @Test(arguments: ["", "z", "J", "j", " --zstd -", " --use-compress-program=lz4 -"])
    func `a tar is read whatever its compression`(flag: String) throws {
        let scratch = try Scratch()
        try scratch.shell(
            "mkdir tree; seq 1 100000 >tree/numbers; ln -s numbers tree/link; ln tree/numbers tree/second; tar c\(flag)f a.tar tree")
        let recorder = try record(try scratch.open("a.tar"))
        #expect(recorder.items.map(\.entry.name).sorted() == ["tree/", "tree/link", "tree/numbers", "tree/second"])
        #expect(recorder.ended == 4)
        let file = recorder.items.first { if case .file = $0.entry.kind { true } else { false } }
        #expect(try #require(file).pieces.flatMap(\.bytes) == Array((1...100000).map { "\($0)\n" }.joined().utf8))
        #expect(recorder.items.contains { $0.entry.kind == .symlink(target: Array("numbers".utf8)) })
        #expect(recorder.items.contains { if case .hardlink = $0.entry.kind { true } else { false } })
    }

    @Test(arguments: ["gnu", "posix", "ustar"]) func `owners, modes, times and devices come through`(format: String) throws {
        let scratch = try Scratch()
        try scratch.shell(
            """
            mkdir t; echo x >t/setuid; chmod 4751 t/setuid; touch -d @1234567890 t/setuid; mkfifo t/fifo
            tar c --format=\(format) --owner=1234 --group=65537 -f a.tar t
            """)
        let items = try record(try scratch.open("a.tar")).items
        let setuid = try #require(items.first { $0.entry.name == "t/setuid" }).entry
        #expect(setuid.mode == 0o4751)
        #expect(setuid.owner == 1234 && setuid.group == 65537)
        #expect(setuid.modified.seconds == 1_234_567_890)
        #expect(items.first { $0.entry.name == "t/fifo" }?.entry.kind == .fifo)
    }

    @Test func `extended attributes and device numbers of a pax archive come through`() throws {
        let scratch = try Scratch()
        try scratch.shell(
            """
            bsdtar -c --format=pax -f a.tar @- <<'END'
            #mtree
            ./null type=char device=native,1,3 mode=0666
            ./disk type=block device=native,300,70000 mode=0660
            END
            """)
        let items = try record(try scratch.open("a.tar")).items.map(\.entry)
        #expect(items.first { $0.name == "./null" }?.kind == .characterDevice(major: 1, minor: 3))
        #expect(items.first { $0.name == "./disk" }?.kind == .blockDevice(major: 300, minor: 70000))
        // A pax header by hand: attributes need no file system that has them.
        try scratch.write("x.tar", PaxArchive.file("f", attributes: [("user.note", [1, 0, 2]), ("security.capability", [9])], data: [7]))
        let entry = try #require(try record(try scratch.open("x.tar")).items.first).entry
        #expect(
            Set(entry.attributes) == [
                .init(name: Array("user.note".utf8), value: [1, 0, 2]), .init(name: Array("security.capability".utf8), value: [9]),
            ])
    }

    @Test func `access control lists become the attributes that the kernel keeps them in`() throws {
        let scratch = try Scratch()
        let text = "user::rw-,user:1234:r--,group::r--,group:77:rwx,mask::rwx,other::---"
        let records = PaxArchive.record("SCHILY.acl.access", Array(text.utf8))
        let header = PaxArchive.header("pax", size: records.count, type: "x") + PaxArchive.padded(records)
        try scratch.write("a.tar", header + PaxArchive.file("f", data: []))
        let entry = try #require(try record(try scratch.open("a.tar")).items.first).entry
        #expect(entry.attributes.map(\.name) == [PosixACL.accessName])
        #expect(
            PosixACL(attribute: entry.attributes[0].value)?.entries == [
                .init(tag: .owner, permissions: 6), .init(tag: .user(1234), permissions: 4), .init(tag: .owningGroup, permissions: 4),
                .init(tag: .group(77), permissions: 7), .init(tag: .mask, permissions: 7), .init(tag: .other, permissions: 0),
            ])
    }

    @Test(arguments: ["gnu", "posix"]) func `holes stay holes`(format: String) throws {
        let scratch = try Scratch()
        try scratch.shell(
            "truncate -s 5G sparse; printf end | dd of=sparse bs=1 seek=4294967296 conv=notrunc status=none; tar cS --format=\(format) -f a.tar sparse"
        )
        let item = try #require(try record(try scratch.open("a.tar")).items.first)
        #expect(item.entry.kind == .file(size: 5 << 30))
        #expect(item.pieces.map(\.bytes.count).reduce(0, +) < 1 << 20)
        let piece = try #require(item.pieces.first { $0.bytes.starts(with: Array("end".utf8)) || $0.bytes.contains(UInt8(ascii: "e")) })
        let at = try #require(piece.bytes.firstIndex(of: UInt8(ascii: "e")))
        #expect(piece.offset + UInt64(at) == 4_294_967_296)
    }

    @Test(arguments: ["ustar", "pax", "gnutar"]) func `names are bytes, not text`(format: String) throws {
        let scratch = try Scratch()
        // Latin-1, one letter in its two Unicode forms, a newline.
        let names: [[UInt8]] = [[0x63, 0xE9], [0x65, 0xCC, 0x81], [0xC3, 0xA9], [0x61, 0x0A, 0x62]]
        for name in names { try scratch.shell("touch $'\(name.map { "\\x" + String($0, radix: 16) }.joined())'") }
        try scratch.shell(
            "mkdir ../$(basename $PWD).out; mv -- * ../$(basename $PWD).out/; bsdtar -c --format=\(format) -f a.tar -C ../$(basename $PWD).out . ; rm -r ../$(basename $PWD).out"
        )
        let found = try record(try scratch.open("a.tar")).items.map(\.entry.path).filter { $0 != Array("./".utf8) && $0 != Array(".".utf8) }
        #expect(Set(found) == Set(names.map { Array("./".utf8) + $0 }))
    }

    @Test func `the cpio archives of others are read`() throws {
        let scratch = try Scratch()
        try scratch.shell("echo one >a; ln -s a b; printf 'a\\nb\\n' | cpio -o -H newc >c.cpio 2>/dev/null")
        let recorder = try record(try scratch.open("c.cpio"))
        #expect(recorder.content("a") == Array("one\n".utf8))
        #expect(recorder.items.map(\.entry.name) == ["a", "b"])
    }
}

/// Archives written byte by byte, for what no tool writes.
enum PaxArchive {
    /// One ustar header.
    static func header(_ name: String, size: Int, type: Character, mode: Int = 0o644) -> [UInt8] {
        func field(_ text: String, _ width: Int) -> [UInt8] {
            Array((Array(text.utf8) + [UInt8](repeating: 0, count: width)).prefix(width))
        }
        func octal(_ value: Int, _ width: Int) -> [UInt8] {
            let digits = String(value, radix: 8)
            return field(String(repeating: "0", count: width - 1 - digits.count) + digits, width)
        }
        var header = field(name, 100) + octal(mode, 8) + octal(0, 8) + octal(0, 8) + octal(size, 12) + octal(0, 12)
        header += field("        ", 8) + field(String(type), 1) + field("", 100) + field("ustar", 6) + field("00", 2)
        header += [UInt8](repeating: 0, count: 512 - header.count)
        let sum = header.reduce(0) { $0 + Int($1) }
        header.replaceSubrange(148..<156, with: octal(sum, 7) + [UInt8(ascii: " ")])
        return header
    }

    static func padded(_ bytes: [UInt8]) -> [UInt8] { bytes + [UInt8](repeating: 0, count: (512 - bytes.count % 512) % 512) }

    /// A pax record: its own length in decimal, a space, `key=value`, a newline.
    static func record(_ key: String, _ value: [UInt8]) -> [UInt8] {
        let body = Array(" \(key)=".utf8) + value + [UInt8(ascii: "\n")]
        var length = body.count + 1
        while String(length).utf8.count + body.count != length { length += 1 }
        return Array(String(length).utf8) + body
    }

    static func file(_ name: String, attributes: [(String, [UInt8])] = [], data: [UInt8], end: Bool = true) -> [UInt8] {
        let records = attributes.flatMap { record("SCHILY.xattr.\($0.0)", $0.1) }
        var bytes: [UInt8] = []
        if !records.isEmpty { bytes += header("pax", size: records.count, type: "x") + padded(records) }
        bytes += header(name, size: data.count, type: "0") + padded(data)
        return end ? bytes + [UInt8](repeating: 0, count: 1024) : bytes
    }
}
