import Testing
import VMM

@Suite("Multiboot")
struct MultibootTests {
    let ram = RAMLayout(byteCount: 64 << 20)!

    func plan(_ kernel: MultibootKernel, modules: [(Int, String)] = [], commandLine: String = "", wanted: BootProtocol = .auto) throws
        -> BootPlan
    {
        try BootPlan.make(
            wanted, kernel: ArrayFile(bytes: kernel.bytes),
            modules: modules.map { BootModule(ArrayFile(bytes: [UInt8](repeating: 7, count: $0)), text: Array($1.utf8)) },
            commandLine: Array(commandLine.utf8), ram: ram)
    }

    func reason(_ kernel: MultibootKernel, commandLine: String = "", modules: [(Int, String)] = []) -> String {
        do {
            _ = try plan(kernel, modules: modules, commandLine: commandLine)
            return "accepted"
        } catch {
            return "\(error)"
        }
    }

    /// The plan's memory, for reading what was handed over.
    struct Memory {
        var plan: BootPlan
        func bytes(_ address: UInt64, _ count: Int) -> [UInt8] {
            guard let piece = plan.pieces.first(where: { $0.address <= address && address < $0.address + UInt64($0.bytes.count) }) else {
                return []
            }
            return Array(piece.bytes.dropFirst(Int(address - piece.address)).prefix(count))
        }
        func word(_ address: UInt64) -> UInt32 { bytes(address, 4).reversed().reduce(0) { $0 << 8 | UInt32($1) } }
        func text(_ address: UInt32) -> String {
            String(decoding: bytes(UInt64(address), 4096).prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    @Test(arguments: MultibootKernel.Form.allCases, [1, 2])
    func `every form is loaded at its physical address and entered there in 32-bit mode`(form: MultibootKernel.Form, version: Int) throws {
        let kernel = MultibootKernel(form: form, version: version, code: [0x90, 0xF4])
        let plan = try plan(kernel)
        #expect(plan.chosen == (version == 1 ? .multiboot : .multiboot2))
        #expect(plan.entry.mode == .protected && plan.entry.instruction == 0x10_2000)
        #expect(plan.entry.rax == (version == 1 ? 0x2BAD_B002 : 0x36D7_6289) && plan.entry.rbx == 0x6000)
        #expect(plan.loads == [.init(source: .kernel, offset: 0, count: 8194, address: 0x10_0000)])
    }

    @Test func `the information names memory, command line and modules with their words`() throws {
        let words = "boot one ${host-port} $(task-create) $(task-resume)"
        let plan = try plan(MultibootKernel(), modules: [(5000, words), (1, "")], commandLine: "console=com0")
        let memory = Memory(plan: plan)
        #expect(memory.word(0x6000) == 0b10_0100_1101)
        #expect(memory.word(0x6004) == 639 && memory.word(0x6008) == 63 * 1024)
        #expect(memory.text(memory.word(0x6010)) == "kernel console=com0")
        #expect(memory.word(0x6014) == 2)
        let list = UInt64(memory.word(0x6018))
        let places = plan.loads.filter { $0.source != .kernel }
        #expect(places.map(\.source) == [.module(0), .module(1)])
        for (index, place) in places.enumerated() {
            #expect(memory.word(list + UInt64(index) * 16) == UInt32(place.address) && place.address % 4096 == 0)
            #expect(memory.word(list + UInt64(index) * 16 + 4) == UInt32(place.address + place.count))
        }
        #expect(memory.text(memory.word(list + 8)) == words && memory.text(memory.word(list + 24)).isEmpty)
        let map = UInt64(memory.word(0x6030))
        #expect(memory.word(map) == 20 && memory.word(map + 12) == 0x9_FC00 && memory.word(map + 20) == 1)
        #expect(memory.word(0x602C) == UInt32(ram.map.count * 24))
        #expect(memory.text(memory.word(0x6040)) == "vmlab")
    }

    @Test func `the tags of the second version say the same`() throws {
        let plan = try plan(MultibootKernel(version: 2), modules: [(5000, "dom0 console=hvc0")], commandLine: "a b")
        let memory = Memory(plan: plan)
        let total = memory.word(0x6000)
        var tags: [UInt32: [UInt8]] = [:]
        var place: UInt64 = 0x6008
        while place < 0x6000 + UInt64(total) {
            let (type, size) = (memory.word(place), memory.word(place + 4))
            tags[type] = memory.bytes(place + 8, Int(size) - 8)
            place += (UInt64(size) + 7) & ~7
        }
        #expect(place == 0x6000 + UInt64(total) && tags[0] == [])
        #expect(tags[1] == Array("kernel a b\0".utf8) && tags[2] == Array("vmlab\0".utf8))
        #expect(tags[3]?.dropFirst(8) == Array("dom0 console=hvc0\0".utf8)[...])
        #expect(tags[4] == littleEndian(UInt32(639)) + littleEndian(UInt32(63 * 1024)))
        #expect(tags[6]?.count == 8 + ram.map.count * 24)
    }

    @Test func `a kernel with an entry note is entered by it, unless another protocol is asked for`() throws {
        #expect(try BootPlan.make(.auto, kernel: ArrayFile(bytes: PVHImage().bytes), commandLine: [], ram: ram).chosen == .pvh)
        #expect(throws: BootError.kernel("it is not a file for the protocol multiboot")) {
            try BootPlan.make(.multiboot, kernel: ArrayFile(bytes: PVHImage().bytes), commandLine: [], ram: ram)
        }
        #expect(throws: BootError.kernel("it is not a file for the protocol multiboot2")) {
            try plan(MultibootKernel(), wanted: .multiboot2)
        }
    }

    @Test(arguments: [
        (MultibootKernel(flags: 0b111), "demands a video mode"),
        (MultibootKernel(flags: 1 << 7), "demands flags 0x80"),
        (MultibootKernel(memoryCount: 1 << 31), "the machine has memory up to"),
        (MultibootKernel(form: .elf64, memoryCount: 1 << 63), "the machine has memory up to"),
        (MultibootKernel(form: .elf64, memoryCount: .max), "the machine has memory up to"),
        (MultibootKernel(address: 0x1000), "the machine has memory up to"),
        (MultibootKernel(entry: 0x50), "lies outside what is loaded"),
        (MultibootKernel(form: .elf64, entry: .max), "lies outside what is loaded"),
        (MultibootKernel(form: .addresses, addresses: [0x10_1000, 0x10_2000, 0, 0, 0x10_2000]), "before the file's beginning"),
        (MultibootKernel(form: .addresses, addresses: [0x20_1000, 0x10_0000, 0, 0, 0x10_2000]), "before the file's beginning"),
        (MultibootKernel(form: .addresses, addresses: [0x10_1000, 0x10_0000, 0x10, 0, 0x10_2000]), "which the file does not have"),
        (MultibootKernel(form: .addresses, addresses: [0x10_1000, 0x10_0000, .max, 0, 0x10_2000]), "which the file does not have"),
        (MultibootKernel(form: .addresses, addresses: [0x10_1000, 0x10_0000, 0, .max, 0x10_2000]), "the machine has memory up to"),
        (MultibootKernel(form: .addresses, addresses: [0x10_1000, 0x10_0000, 0, 0, 0x10_3000]), "lies outside what is loaded"),
        (MultibootKernel(form: .addresses, addresses: [0xFFFF_F000, 0xFFFF_E000, 0, 0, 0xFFFF_F000]), "the machine has memory up to"),
        (MultibootKernel(version: 2, tags: [9, 0, 0, 0, 8, 0, 0, 0]), "demands tag 9"),
        (MultibootKernel(version: 2, tags: [1, 0, 0, 0, 16, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0]), "demands information of type 8"),
        (MultibootKernel(version: 2, tags: [4, 0, 0, 0, 7, 0, 0, 0]), "has 7 bytes"),
        (MultibootKernel(version: 2, tags: [4, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]), "4294967295 bytes"),
        (MultibootKernel(version: 2, tags: Array(repeating: [7, 0, 1, 0, 8, 0, 0, 0], count: 70).flatMap { $0 }), "more than 64 tags"),
        (MultibootKernel(checksumError: 1), "without a Multiboot header"),
        (MultibootKernel(form: .addresses, checksumError: 1), "nor a Multiboot image"),
    ])
    func `headers that lie are refused with the reason`(kernel: MultibootKernel, part: String) {
        #expect(reason(kernel).contains(part))
    }

    @Test func `what a kernel only wishes for is no reason to refuse it`() {
        #expect(reason(MultibootKernel(version: 2, tags: [9, 0, 1, 0, 8, 0, 0, 0])) == "accepted")
        #expect(reason(MultibootKernel(version: 2, tags: [1, 0, 0, 0, 12, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0])) == "accepted")
    }

    @Test(arguments: [1, 2])
    func `strings and modules beyond the bounds are refused`(version: Int) {
        let long = String(repeating: "x", count: 9000)
        #expect(reason(MultibootKernel(version: version), commandLine: long).contains("longer than"))
        #expect(reason(MultibootKernel(version: version), modules: [(1, long)]).contains("longer than"))
        #expect(reason(MultibootKernel(version: version), modules: Array(repeating: (1, ""), count: 17)).contains("takes 16 modules"))
        #expect(
            reason(MultibootKernel(version: version), modules: [(40 << 20, ""), (30 << 20, "")]).contains("give the machine more memory"))
        #expect(reason(MultibootKernel(version: version), modules: [(1, "a\0b")]).contains("holds a zero byte"))
    }

    @Test func `random damage never traps`() {
        var state: UInt64 = 11
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
        for form in MultibootKernel.Form.allCases {
            for version in [1, 2] {
                let kernel = MultibootKernel(form: form, version: version)
                let whole = kernel.bytes
                for _ in 0..<1000 {
                    var bytes = whole
                    for _ in 0...next(4) { bytes[next(2) == 0 ? next(200) : 4096 + 8 + next(60)] = UInt8(next(256)) }
                    if next(8) == 0 { bytes.removeLast(next(bytes.count)) }
                    for wanted in [BootProtocol.auto, .multiboot, .multiboot2] {
                        _ = try? BootPlan.make(wanted, kernel: ArrayFile(bytes: bytes), commandLine: [], ram: ram)
                    }
                }
            }
        }
    }
}
