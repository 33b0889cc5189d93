import Testing
import VMM

@Suite("PVH")
struct PVHBootTests {
    let ram = RAMLayout(byteCount: 64 << 20)!

    func plan(_ image: PVHImage, initrd: Int? = nil, commandLine: String = "") throws -> BootPlan {
        try BootPlan.make(
            .auto, kernel: ArrayFile(bytes: image.bytes),
            modules: initrd.map { [BootModule(ArrayFile(bytes: [UInt8](repeating: 7, count: $0)))] } ?? [],
            commandLine: Array(commandLine.utf8), ram: ram)
    }

    func reason(_ image: PVHImage, initrd: Int? = nil, commandLine: String = "") -> String {
        do {
            _ = try plan(image, initrd: initrd, commandLine: commandLine)
            return "accepted"
        } catch {
            return "\(error)"
        }
    }

    @Test(arguments: [true, false], [4, 8])
    func `the entry comes from the note, of either class and either width, wherever the note is`(is64: Bool, noteCount: Int) throws {
        let plan = try plan(PVHImage(code: [0x90, 0xF4], entry: 0x10_0001, is64: is64, noteCount: noteCount))
        #expect(plan.entry.mode == .protected)
        #expect(plan.entry.instruction == 0x10_0001)
        #expect(plan.entry.rbx == 0x6000)
        #expect(plan.loads == [.init(source: .kernel, offset: 8192, count: 2, address: 0x10_0000)])
    }

    @Test func `the start info names command line, module, memory map and ACPI`() throws {
        let plan = try plan(PVHImage(), initrd: 5000, commandLine: "a=b")
        let info = try #require(plan.pieces.first { $0.address == 0x6000 }).bytes
        let place = (UInt64(64 << 20) - 5000) & ~4095
        #expect(
            Array(info[..<56])
                == littleEndian(UInt32(0x336E_C578)) + littleEndian(UInt32(1))  // magic, version
                + littleEndian(UInt32(0)) + littleEndian(UInt32(1))  // flags, modules
                + littleEndian(UInt64(0x6040)) + littleEndian(UInt64(0xF000))  // module list, command line
                + littleEndian(UInt64(0xE_0000)) + littleEndian(UInt64(0x6240))  // RSDP, memory map
                + littleEndian(UInt32(5)) + littleEndian(UInt32(0)))
        #expect(Array(info[0x40..<0x50]) == littleEndian(place) + littleEndian(UInt64(5000)))
        #expect(Array(info[0x240..<0x258]) == littleEndian(UInt64(0)) + littleEndian(UInt64(0x9_FC00)) + littleEndian(UInt64(1)))
        #expect(plan.loads.last == .init(source: .module(0), offset: 0, count: 5000, address: place))
    }

    @Test(arguments: [
        (PVHImage(hasNote: false), "without a PVH entry note"),
        (PVHImage(name: "NetB"), "without a PVH entry note"),
        (PVHImage(noteCount: 2), "note has 2 bytes"),
        (PVHImage(entry: 0x20_0000), "lies outside what is loaded"),
        (PVHImage(entry: 1 << 40, noteCount: 8), "not a 32-bit address"),
        (PVHImage(memoryCount: 1 << 63), "the machine has memory up to"),
        (PVHImage(address: .max, memoryCount: 2), "the machine has memory up to"),
        (PVHImage(address: 0x1000), "the machine has memory up to"),
        (PVHImage(address: 0xA_0000), "the machine has memory up to"),
        (PVHImage(address: 64 << 20), "the machine has memory up to"),
        (PVHImage(code: [0xF4, 0xF4], memoryCount: 1), "larger in the file than in memory"),
        (PVHImage(segments: [(4096, 0x10_0000, 1, 4096)]), "overlap"),
        (PVHImage(memoryCount: 8192, segments: [(4096, 0x10_1000, 1, 1)]), "overlap"),
        (PVHImage(segments: [(1 << 62, 0x20_0000, 1, 1)]), "outside the file"),
        (PVHImage(segments: [(.max, 0x20_0000, 2, 2)]), "outside the file"),
        (PVHImage(segments: Array(repeating: (4096, 0x20_0000, 1, 1), count: 80)), "83 program headers"),
    ])
    func `headers that lie are refused with the reason`(image: PVHImage, part: String) {
        #expect(reason(image).contains(part))
    }

    @Test func `another machine's executable is refused`() {
        var arm = PVHImage().bytes
        arm[18] = 183
        #expect(throws: BootError.kernel("it is an ELF file for machine 183, not for x86")) {
            try BootPlan.make(.auto, kernel: ArrayFile(bytes: arm), commandLine: [], ram: ram)
        }
    }

    @Test func `a note that claims more than there is ends the list, and none makes the reader loop`() {
        var bytes = PVHImage().bytes
        // The entry note's name count: 12 bytes of header, the name, 4 bytes of content.
        let note = bytes.count - 20
        for value in [UInt32.max, 0x8000_0000, 0, 0xFFFF_FFFC] {
            bytes.replaceSubrange(note..<note + 4, with: littleEndian(value))
            #expect(throws: BootError.self) {
                try BootPlan.make(.auto, kernel: ArrayFile(bytes: bytes), commandLine: [], ram: ram)
            }
        }
    }

    @Test func `random damage never traps`() {
        let whole = PVHImage(code: [UInt8](repeating: 0x90, count: 64)).bytes
        let seed = UInt64.random(in: 1...UInt64.max)
        print("damage seed \(seed)")
        var state = seed
        func next(_ bound: Int) -> Int {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Int(state % UInt64(bound))
        }
        for _ in 0..<3000 {
            var bytes = whole
            for _ in 0...next(4) { bytes[next(2) == 0 ? next(400) : next(bytes.count)] = UInt8(next(256)) }
            if next(8) == 0 { bytes.removeLast(next(bytes.count)) }
            _ = try? BootPlan.make(.auto, kernel: ArrayFile(bytes: bytes), commandLine: [], ram: ram)
        }
    }

    @Test func `what is no kernel is named as such, and a protocol that does not fit is refused`() {
        func reason(_ bytes: [UInt8], _ wanted: BootProtocol = .auto) -> String {
            do {
                _ = try BootPlan.make(wanted, kernel: ArrayFile(bytes: bytes), commandLine: [], ram: ram)
                return "accepted"
            } catch {
                return "\(error)"
            }
        }
        #expect(reason([]).contains("it is empty"))
        #expect(reason(Array("#!/bin/sh\n".utf8)).contains("neither a Linux kernel"))
        #expect(reason([0x7F, 0x45, 0x4C, 0x46]).contains("cut short"))
        #expect(reason(PVHImage().bytes, .linux).contains("not a file for the protocol linux"))
        #expect(reason(BzImage().bytes, .pvh).contains("not a file for the protocol pvh"))
        #expect(reason(PVHImage().bytes, .pvh) == "accepted")
    }
}
