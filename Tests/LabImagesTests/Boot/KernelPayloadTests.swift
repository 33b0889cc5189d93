import LabImages
import Testing

@Suite struct KernelPayloadTests {
    /// A bzImage of one setup sector with this payload, as the kernel's build lays it out.
    static func image(payload: [UInt8], offset: Int = 64, length: Int? = nil, version: UInt16 = 0x020f) -> [UInt8] {
        var image = [UInt8](repeating: 0, count: 1024 + offset) + payload
        func put(_ value: Int, _ at: Int) { for index in 0..<4 { image[at + index] = UInt8(truncatingIfNeeded: value >> (8 * index)) } }
        image[0x1f1] = 1
        image[0x1fe] = 0x55
        image[0x1ff] = 0xaa
        image.replaceSubrange(0x202..<0x206, with: "HdrS".utf8)
        image[0x206] = UInt8(truncatingIfNeeded: version)
        image[0x207] = UInt8(truncatingIfNeeded: version >> 8)
        put(offset, 0x248)
        put(length ?? payload.count, 0x24c)
        return image
    }

    @Test(arguments: ["lz4 -l -c", "xz --check=crc32 -c", "zstd -c", "gzip -c", "bzip2 -c"])
    func `the kernel is unpacked whatever it was packed with`(tool: String) throws {
        let scratch = try Scratch()
        try scratch.write("elf", [0x7f, 0x45, 0x4c, 0x46] + (0..<300_000).map { UInt8(truncatingIfNeeded: $0 / 3) })
        // All but gzip get the size appended by the kernel's build.
        try scratch.shell("\(tool) <elf >packed")
        if !tool.hasPrefix("gzip") {
            try scratch.shell("printf '\\xe4\\x93\\x04\\x00' >>packed")
        }
        let payload = try #require(KernelPayload(bzImage: Self.image(payload: try Folder.read(scratch.file("packed"), limit: 1 << 20))))
        #expect(payload.unpackedSize == 300_004)
        #expect(try Unpacking.unpack(payload.packed, limit: 1 << 20, subject: "kernel") == Folder.read(scratch.file("elf"), limit: 1 << 20))
        #expect(
            problem { _ = try Unpacking.unpack(payload.packed, limit: 1000, subject: "kernel") }
                == .tooLarge(what: "unpacked bytes", limit: 1000))
    }

    @Test func `no number of the header leads out of the file`() {
        let payload = [UInt8](repeating: 1, count: 100)
        #expect(KernelPayload(bzImage: Self.image(payload: payload)) != nil)
        #expect(KernelPayload(bzImage: Self.image(payload: payload, length: 101)) == nil)
        #expect(KernelPayload(bzImage: Self.image(payload: payload, length: 0xffff_ffff)) == nil)
        #expect(KernelPayload(bzImage: Self.image(payload: payload, length: 0)) == nil)
        #expect(KernelPayload(bzImage: Self.image(payload: payload, version: 0x0207)) == nil)
        var far = Self.image(payload: payload)
        for index in 0x248..<0x24c { far[index] = 0xff }
        #expect(KernelPayload(bzImage: far) == nil)
        #expect(KernelPayload(bzImage: []) == nil)
        #expect(KernelPayload(bzImage: Array(Self.image(payload: payload).prefix(0x24f))) == nil)
    }
}
