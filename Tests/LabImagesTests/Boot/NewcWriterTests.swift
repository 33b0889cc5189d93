import LabImages
import Testing

@Suite struct NewcWriterTests {
    private var sample: NewcWriter {
        var cpio = NewcWriter()
        cpio.directory("dev")
        cpio.characterDevice("dev/console", mode: 0o600, major: 5, minor: 1)
        cpio.file("init", mode: 0o755, data: Array("#!/bin/sh\n".utf8))
        cpio.file("empty", mode: 0o644, data: [])
        cpio.symlink("link", target: "init")
        cpio.finish()
        return cpio
    }

    @Test func `a header has the fields of the kernel's document`() {
        var cpio = NewcWriter()
        cpio.file("ab", mode: 0o644, data: [0x58])
        let text =
            "070701" + "00000001" + "000081a4" + "00000000" + "00000000" + "00000001" + "00000000" + "00000001"
            + "00000000" + "00000000" + "00000000" + "00000000" + "00000003" + "00000000" + "ab\0\0\0\0"
        // 110 + 3 bytes, padded to 116; one byte of data, padded to 4.
        #expect(cpio.bytes == Array(text.utf8.prefix(116)) + [0x58, 0, 0, 0])
    }

    @Test func `cpio lists and unpacks what we write`() throws {
        let scratch = try Scratch()
        try scratch.write("a.cpio", sample.bytes)
        #expect(try scratch.shell("cpio -t --quiet <a.cpio") == "dev\ndev/console\ninit\nempty\nlink\n")
        #expect(try scratch.shell("bsdtar xOf a.cpio init") == "#!/bin/sh\n")
        let listing = try scratch.shell("cpio -tv --quiet <a.cpio")
        #expect(listing.contains("crw-------") && listing.contains("5,   1") && listing.contains("link -> init"))
        #expect(listing.split(separator: "\n").allSatisfy { $0.contains("root") })
    }

    @Test func `our own reader reads it back`() throws {
        let scratch = try Scratch()
        try scratch.write("a.cpio", sample.bytes)
        let recorder = try record(try scratch.open("a.cpio"))
        #expect(recorder.items.map(\.entry.name) == ["dev", "dev/console", "init", "empty", "link"])
        #expect(recorder.items.allSatisfy { $0.entry.modified.seconds == 0 && $0.entry.owner == 0 })
        #expect(recorder.content("init") == Array("#!/bin/sh\n".utf8))
    }

    @Test func `the same files give the same bytes, and another archive may follow`() throws {
        #expect(sample.bytes == sample.bytes)
        #expect(sample.bytes.count % 4 == 0)
    }
}
