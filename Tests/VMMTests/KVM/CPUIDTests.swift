import Processor
import Testing

@Suite("CPUID")
struct CPUIDTests {
    typealias Leaf = CPUID.Leaf

    func filtered(_ host: [Leaf], cpus: Int = 1, cpu: Int = 0, tsc: UInt32 = 2_500_000, deadline: Bool = true) throws -> [Leaf] {
        try GuestCPU(host: host, hasDeadlineTimer: deadline).leaves(for: CPUID.Shape(cpus: cpus, cpu: cpu, tscKilohertz: tsc))
    }

    func leaf(_ leaves: [Leaf], _ function: UInt32, _ index: UInt32? = nil) throws -> Leaf {
        try #require(leaves.first { $0.function == function && $0.index == index })
    }

    let intel: [Leaf] = [
        Leaf(function: 0, eax: 0x1F, ebx: 0x756E_6547, ecx: 0x6C65_746E, edx: 0x4965_6E69),
        Leaf(function: 1, eax: 0x806F8, ebx: 0x0520_0800, ecx: 0xFFFF_FFFF, edx: 0xFFFF_FFFF),
        Leaf(function: 4, index: 0, eax: 0xFC00_4121),
        Leaf(function: 4, index: 3, eax: 0xFC1F_C163),
        Leaf(function: 4, index: 4, eax: 0),
        Leaf(function: 6, eax: 0xFFFF_FFFF, ebx: 9, ecx: 9, edx: 9),
        Leaf(function: 7, index: 0, eax: 2, ebx: 0xFFFF_FFFF, ecx: 0xFFFF_FFFF, edx: 0xFFFF_FFFF),
        Leaf(function: 7, index: 1, eax: 0xFFFF_FFFF),
        Leaf(function: 0xA, eax: 0x0830_0805, ebx: 1, ecx: 2, edx: 3),
        Leaf(function: 0xB, index: 0, eax: 1, ebx: 2, ecx: 0x100, edx: 33),
        Leaf(function: 0x1F, index: 0, eax: 1, ebx: 2, ecx: 0x100, edx: 33),
        Leaf(function: 0x4000_0000, eax: 0x4000_0001, ebx: 0x4B4D_564B, ecx: 0x564B_4D56, edx: 0x4D),
        Leaf(function: 0x4000_0001, eax: 0x0100_7EFB),
        Leaf(function: 0x8000_0001, ecx: 0xFFFF_FFFF, edx: 0xFFFF_FFFF),
        Leaf(function: 0x8000_0008, eax: 0x3934, ecx: 0x7007),
    ]

    var amd: [Leaf] {
        intel.map { leaf in
            var leaf = leaf
            if leaf.function == 0 { (leaf.ebx, leaf.edx, leaf.ecx) = (0x6874_7541, 0x6974_6E65, 0x444D_4163) }
            return leaf
        } + [
            Leaf(function: 0x8000_000A, eax: 1, ebx: 0x8000, edx: 0xFFFF), Leaf(function: 0x8000_001D, index: 0, eax: 0x4121),
            Leaf(function: 0x8000_001E, eax: 5, ebx: 6, ecx: 7), Leaf(function: 0x8000_001F, eax: 0xFF),
        ]
    }

    @Test func `every vCPU has its own APIC id and knows how many there are`() throws {
        for cpu in 0..<8 {
            let one = try leaf(try filtered(intel, cpus: 8, cpu: cpu), 1)
            #expect(one.ebx >> 24 == UInt32(cpu))
            #expect(one.ebx >> 16 & 0xFF == 8)
            #expect(one.ebx >> 8 & 0xFF == 8, "CLFLUSH")
            #expect(one.edx & 1 << 28 != 0, "HTT")
            for index in UInt32(0)..<3 { #expect(try leaf(try filtered(intel, cpus: 8, cpu: cpu), 0xB, index).edx == UInt32(cpu)) }
        }
        #expect(try leaf(try filtered(intel), 1).edx & 1 << 28 == 0, "one processor is not hyper-threaded")
    }

    @Test(arguments: [(1, 0), (2, 1), (3, 2), (4, 2), (5, 3), (8, 3)] as [(Int, UInt32)])
    func `topology leaves are as wide as the ids need`(cpus: Int, bits: UInt32) throws {
        let leaves = try filtered(intel, cpus: cpus)
        #expect(try leaf(leaves, 0xB, 0).eax == 0)
        #expect(try leaf(leaves, 0xB, 0).ecx == 0x100)
        let core = try leaf(leaves, 0xB, 1)
        #expect(core.eax == bits && core.ebx == UInt32(cpus) && core.ecx == 0x201)
        #expect(try leaf(leaves, 0xB, 2).ebx == 0)
        // The same by the newer leaf, which this host has.
        for index in UInt32(0)..<3 {
            var older = try leaf(leaves, 0xB, index)
            older.function = 0x1F
            #expect(try leaf(leaves, 0x1F, index) == older)
        }
        #expect(try leaf(try filtered(amd, cpus: cpus), 0x8000_0008).ecx == bits << 12 | UInt32(cpus - 1))
    }

    @Test func `what the machine does not have is not shown`() throws {
        for leaves in [try filtered(intel, cpus: 2), try filtered(amd, cpus: 2)] {
            let one = try leaf(leaves, 1)
            #expect(one.ecx & (1 << 3 | 1 << 5 | 1 << 15) == 0, "MONITOR, VMX, PDCM")
            #expect(one.ecx & 1 << 31 != 0, "a hypervisor is there")
            #expect(try leaf(leaves, 6) == Leaf(function: 6, eax: 4))
            #expect(try leaf(leaves, 0xA) == Leaf(function: 0xA))
            let seven = try leaf(leaves, 7, 0)
            #expect(seven.ecx & 1 << 5 == 0, "WAITPKG")
            #expect(seven.edx & (1 << 22 | 1 << 24 | 1 << 25) == 0, "AMX")
            #expect(try leaf(leaves, 7, 1).eax == 0xFFFF_FFFF, "other sub-leaves are left alone")
            #expect(try leaf(leaves, 0x8000_0001).ecx & (1 << 2 | 1 << 22) == 0, "SVM, TOPOEXT")
        }
        #expect(try leaf(try filtered(intel), 7, 0).edx & 1 << 29 != 0)
        #expect(try leaf(try filtered(amd), 7, 0).edx & 1 << 29 == 0, "ARCH_CAPABILITIES on AMD")
        for function: UInt32 in [0x8000_000A, 0x8000_001E, 0x8000_001F] {
            #expect(try leaf(try filtered(amd), function) == Leaf(function: function))
        }
    }

    @Test func `caches of the first two levels are a core's own and the third is shared`() throws {
        let leaves = try filtered(intel, cpus: 4)
        #expect(try leaf(leaves, 4, 0).eax >> 14 & 0xFFF == 0)
        #expect(try leaf(leaves, 4, 0).eax >> 26 == 3)
        #expect(try leaf(leaves, 4, 3).eax >> 14 & 0xFFF == 3)
        #expect(try leaf(leaves, 4, 4).eax == 0)
    }

    @Test func `the deadline timer and the frequencies are shown when the host has them`() throws {
        #expect(try leaf(try filtered(intel, deadline: true), 1).ecx & 1 << 24 != 0)
        #expect(try leaf(try filtered(intel, deadline: false), 1).ecx & 1 << 24 == 0)
        let timing = try leaf(try filtered(intel), 0x4000_0010)
        #expect(timing.eax == 2_500_000 && timing.ebx == 1_000_000)
        #expect(try leaf(try filtered(intel), 0x4000_0000).eax == 0x4000_0010)
        let unknown = try filtered(intel, tsc: 0)
        #expect(!unknown.contains { $0.function == 0x4000_0010 })
        #expect(try leaf(unknown, 0x4000_0000).eax == 0x4000_0001)
    }

    @Test func `address bits are the host's`() {
        #expect(CPUID.addressBits(intel) == 0x34)
        #expect(CPUID.addressBits([]) == 36)
    }
}
