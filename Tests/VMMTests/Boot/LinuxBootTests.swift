import Testing
import VMM

@Suite("Linux's boot protocol")
struct LinuxBootTests {
    let ram = RAMLayout(byteCount: 64 << 20)!

    func plan(_ image: BzImage, initrd: Int? = nil, commandLine: String = "quiet", ram: RAMLayout? = nil) throws -> BootPlan {
        try BootPlan.make(
            .auto, kernel: ArrayFile(bytes: image.bytes),
            modules: initrd.map { [BootModule(ArrayFile(bytes: [UInt8](repeating: 7, count: $0)))] } ?? [],
            commandLine: Array(commandLine.utf8), ram: ram ?? self.ram)
    }

    func reason(_ image: BzImage, initrd: Int? = nil, commandLine: String = "", ram: RAMLayout? = nil) -> String {
        do {
            _ = try plan(image, initrd: initrd, commandLine: commandLine, ram: ram)
            return "accepted"
        } catch {
            return "\(error)"
        }
    }

    func number<T: FixedWidthInteger>(_: T.Type, in plan: BootPlan, at address: UInt64) throws -> T {
        let piece = try #require(plan.pieces.first { $0.address <= address && address < $0.address + UInt64($0.bytes.count) })
        let start = Int(address - piece.address)
        return piece.bytes[start..<start + T.bitWidth / 8].reversed().reduce(0) { $0 << 8 | T($1) }
    }

    @Test func `a 64-bit kernel is entered in long mode with the zero page in RSI`() throws {
        let plan = try plan(BzImage())
        #expect(plan.entry.mode == .long)
        #expect(plan.entry.instruction == 0x10_0200)
        #expect(plan.entry.rsi == 0x7000)
        #expect(plan.loads == [.init(source: .kernel, offset: 1024, count: 528, address: 0x10_0000)])
        // Loader type, command line, ACPI root, and the first and third lines of the memory map.
        #expect(try number(UInt8.self, in: plan, at: 0x7210) == 0xFF)
        #expect(try number(UInt32.self, in: plan, at: 0x7228) == 0xF000)
        #expect(try number(UInt64.self, in: plan, at: 0x7070) == 0xE_0000)
        #expect(try number(UInt64.self, in: plan, at: 0x72D8) == 0x9_FC00)
        #expect(try number(UInt64.self, in: plan, at: 0x72D0 + 40) == 0x10_0000)
        #expect(try number(UInt64.self, in: plan, at: 0x72D0 + 48) == 63 << 20)
        #expect(plan.pieces.contains { $0.address == 0xF000 && $0.bytes == Array("quiet\0".utf8) })
        // The first 4 GiB, one to one: the last entry of the fourth table.
        #expect(try number(UInt64.self, in: plan, at: 0x9000) == 0xA003)
        #expect(try number(UInt64.self, in: plan, at: 0xEFF8) == 0xFFE0_0083)
    }

    @Test func `a kernel without the 64-bit entry is entered in protected mode`() throws {
        let plan = try plan(BzImage(extendedFlags: 4))
        #expect(plan.entry.mode == .protected)
        #expect(plan.entry.instruction == 0x10_0000)
        #expect(plan.entry.rsi == 0x7000)
    }

    @Test func `the initial RAM disk lies above where the kernel unpacks itself and below the kernel's limit`() throws {
        let free = try plan(BzImage(), initrd: 5000)
        let place = try #require(free.loads.last)
        #expect(place.source == .module(0) && place.count == 5000)
        #expect(place.address == (64 << 20) - 8192)
        #expect(try number(UInt32.self, in: free, at: 0x7218) == UInt32(place.address))
        #expect(try number(UInt32.self, in: free, at: 0x721C) == 5000)
        let limited = try plan(BzImage(initrdLimit: 0x2FF_FFFF), initrd: 5000)
        #expect(limited.loads.last?.address == 0x300_0000 - 8192)
        // pref_address + init_size: 16 MiB + 40 MiB, so 7 MiB fit and 9 MiB do not.
        #expect(throws: Never.self) { try plan(BzImage(memoryNeeded: 40 << 20), initrd: 7 << 20) }
        #expect(reason(BzImage(memoryNeeded: 40 << 20), initrd: 9 << 20).contains("give the machine more memory"))
    }

    @Test(arguments: [
        (BzImage(version: 0x204), "boot protocol is 2.4"),
        (BzImage(flags: 0), "zImage"),
        (BzImage(setupSectors: 255), "cut short"),
        (BzImage(missing: 1000), "cut short"),
        (BzImage(extendedFlags: 0, code32: 0), "needs a BIOS"),
        (BzImage(memoryNeeded: 0xFFFF_FFFF), "unpacks itself"),
        (BzImage(preferred: .max, memoryNeeded: 0xFFFF_FFFF), "unpacks itself"),
        (BzImage(preferred: 0xFFFF_FFFF_FFFF_0000), "unpacks itself"),
    ])
    func `a header that lies is refused with the reason`(image: BzImage, part: String) {
        #expect(reason(image).contains(part))
    }

    @Test func `a command line that is too long for the kernel or holds a zero is refused`() {
        #expect(reason(BzImage(), commandLine: String(repeating: "x", count: 65536)).contains("65536 bytes long, this kernel takes 2047"))
        #expect(reason(BzImage(commandLineLimit: 0xFFFF_FFFF), commandLine: String(repeating: "x", count: 4096)).contains("takes 4095"))
        #expect(reason(BzImage(), commandLine: "a\0b").contains("zero byte"))
    }

    @Test func `an initial RAM disk larger than memory is refused`() {
        #expect(reason(BzImage(), initrd: 65 << 20).contains("do not fit"))
        #expect(reason(BzImage(), ram: RAMLayout(byteCount: 16 << 20)).contains("the machine has memory up to 0x1000000"))
    }

    @Test func `every cut of a kernel is refused or complete`() {
        let whole = BzImage(code: [UInt8](repeating: 0x90, count: 300)).bytes
        for count in 0..<whole.count - 15 {
            #expect(throws: BootError.self) {
                try BootPlan.make(.auto, kernel: ArrayFile(bytes: Array(whole.prefix(count))), commandLine: [], ram: ram)
            }
        }
    }
}
