import Processor
import Testing

@Suite("CPU models")
struct CPUModelTests {
    typealias Leaf = CPUID.Leaf

    /// A host that has everything, of either maker; its caches, signature, name and topology are its own.
    static func host(isAMD: Bool, registers: UInt32 = 0xFFFF_FFFF, signature: UInt32 = 0x806F8) -> [Leaf] {
        let maker: (UInt32, UInt32, UInt32) = isAMD ? (0x6874_7541, 0x444D_4163, 0x6974_6E65) : (0x756E_6547, 0x6C65_746E, 0x4965_6E69)
        return [
            Leaf(function: 0x8000_0008, eax: 0x3930, ebx: registers, ecx: 0x7007),
            Leaf(function: 0, eax: 0x20, ebx: maker.0, ecx: maker.1, edx: maker.2),
            Leaf(function: 1, eax: signature, ebx: 0x0520_0800, ecx: registers, edx: registers),
            Leaf(function: 4, index: 0, eax: signature | 0x121, ebx: signature, ecx: signature),
            Leaf(function: 6, eax: registers), Leaf(function: 7, index: 0, eax: 2, ebx: registers, ecx: registers, edx: registers),
            Leaf(function: 7, index: 1, eax: registers, edx: registers),
            Leaf(function: 0xD, index: 0, eax: 0x602E7, ebx: 0xA88, ecx: 0x2B00),
            Leaf(function: 0xD, index: 1, eax: registers, ebx: 9, ecx: 0x1900),
            Leaf(function: 0xD, index: 2, eax: 256, ebx: 576), Leaf(function: 0xD, index: 5, eax: 64, ebx: 1088),
            Leaf(function: 0xD, index: 6, eax: 512, ebx: 1152), Leaf(function: 0xD, index: 7, eax: 1024, ebx: 1664),
            Leaf(function: 0xD, index: 9, eax: 8, ebx: 2688), Leaf(function: 0xD, index: 11, eax: 16, ecx: 1),
            Leaf(function: 0xD, index: 18, eax: 8192, ebx: 2816),
            Leaf(function: 0x4000_0000, eax: 0x4000_0001, ebx: 0x4B4D_564B, ecx: 0x564B_4D56, edx: 0x4D),
            Leaf(function: 0x4000_0001, eax: 0x0100_7EFB | registers), Leaf(function: 0x8000_0000, eax: 0x8000_0021),
            Leaf(function: 0x8000_0001, eax: signature, ebx: signature, ecx: registers, edx: registers),
            Leaf(function: 0x8000_0002, eax: signature), Leaf(function: 0x8000_0003), Leaf(function: 0x8000_0004),
            Leaf(function: 0x8000_0005, eax: signature), Leaf(function: 0x8000_0006, eax: signature),
            Leaf(function: 0x8000_0007, edx: registers), Leaf(function: 0x8000_001E, eax: 7),
        ]
    }

    func leaves(_ text: String, _ host: [Leaf], cpus: Int = 2) throws -> [Leaf] {
        try GuestCPU(host: host, hasDeadlineTimer: true, choice: CPUChoice(text))
            .leaves(for: CPUID.Shape(cpus: cpus, cpu: 1, tscKilohertz: 0))
    }

    func leaf(_ leaves: [Leaf], _ function: UInt32, _ index: UInt32? = nil) throws -> Leaf {
        try #require(leaves.first { $0.function == function && $0.index == index })
    }

    @Test(arguments: ["baseline", "x86-64-v2", "x86-64-v3", "baseline,avx2=on,x2apic=off"], [false, true])
    func `a level is the same on every host of a maker`(text: String, isAMD: Bool) throws {
        // The second has nothing but what the third level wants, and is another processor in all else.
        let lacks: UInt32 = 0x0600_0000
        var other = Self.host(isAMD: isAMD, signature: 0x1234_5670)
        for place in other.indices where other[place].function == 0x8000_0001 { other[place].edx &= ~lacks }
        for place in other.indices where other[place].function == 7 { (other[place].ecx, other[place].edx) = (0, 0) }
        for place in other.indices where other[place].function == 0x8000_0008 { other[place].eax = 0x3027 }
        let one = try leaves(text, Self.host(isAMD: isAMD))
        #expect(try leaves(text, other.reversed()) == one)
        #expect(one == one.sorted { ($0.function, $0.index ?? 0) < ($1.function, $1.index ?? 0) }, "in order")
    }

    @Test func `a baseline has these bits and no other`() throws {
        for isAMD in [false, true] {
            let leaves = try leaves("baseline", Self.host(isAMD: isAMD))
            // fpu de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2, and two processors
            #expect(try leaf(leaves, 1).edx == 0x178B_FBFD)
            #expect(try leaf(leaves, 1).ecx == 1 << 21 | 1 << 24 | 1 << 31, "x2APIC, deadline timer, hypervisor")
            #expect(try leaf(leaves, 1).eax == (isAMD ? 0x6_0FB1 : 0xF61))
            #expect(try leaf(leaves, 6) == Leaf(function: 6, eax: 4))
            #expect(try leaf(leaves, 7, 0) == Leaf(function: 7, index: 0))
            #expect(try leaf(leaves, 0x4000_0001).eax == 0x0100_004B)
            let copied: UInt32 = isAMD ? 0x0183_F3FD : 0
            #expect(try leaf(leaves, 0x8000_0001).edx == 0x2010_0800 | copied, "system call, no-execute, 64 bits")
            #expect(try leaf(leaves, 0x8000_0001).ecx == (isAMD ? 2 : 0))
            #expect(try leaf(leaves, 0x8000_0007) == Leaf(function: 0x8000_0007))
            #expect(try leaf(leaves, 0x8000_0008).eax == 0x3027)
            #expect(try leaf(leaves, 0).eax == 0xB && !leaves.contains { $0.function == 0xD }, "no XSAVE, no leaf for it")
            #expect(try leaf(leaves, 0x8000_0002).eax == 0x616C_6D76, "vmla...")
        }
    }

    @Test func `the levels add what the psABI says`() throws {
        let host = Self.host(isAMD: false)
        let second = try leaves("x86-64-v2", host)
        // SSE3, SSSE3, CMPXCHG16B, SSE4.1, SSE4.2, POPCNT beside the board's own; LAHF
        let two: UInt32 = 1 << 0 | 1 << 9 | 1 << 13 | 1 << 19 | 1 << 20 | 1 << 23 | 1 << 21 | 1 << 24 | 1 << 31
        #expect(try leaf(second, 1).ecx == two && leaf(second, 0x8000_0001).ecx == 1)
        let third = try leaves("x86-64-v3", host)
        // FMA, MOVBE, XSAVE, AVX, F16C; BMI1, AVX2, BMI2; LZCNT
        #expect(try leaf(third, 1).ecx == two | 1 << 12 | 1 << 22 | 1 << 26 | 1 << 28 | 1 << 29)
        #expect(try leaf(third, 7, 0).ebx == 1 << 3 | 1 << 5 | 1 << 8 && leaf(third, 0x8000_0001).ecx == 1 | 1 << 5)
        #expect(try leaf(third, 0xD, 0) == Leaf(function: 0xD, index: 0, eax: 7, ebx: 576, ecx: 832))
        #expect(try leaf(third, 0xD, 1) == Leaf(function: 0xD, index: 1))
        #expect(third.filter { $0.function == 0xD }.map(\.index) == [0, 1, 2])
    }

    @Test func `a feature that is off takes along what needs it, and its state`() throws {
        let host = Self.host(isAMD: false)
        let whole = try leaves("host", host)
        #expect(try leaf(whole, 0xD, 0).eax == 0x2E7 && leaf(whole, 0xD, 0).ecx == 2696, "AMX is never there")
        let leaves = try leaves("host,avx=off,hypervisor=off", host)
        #expect(try leaf(leaves, 1).ecx & (1 << 12 | 1 << 28 | 1 << 29) == 0 && leaf(leaves, 1).ecx & 1 << 26 != 0)
        #expect(try leaf(leaves, 7, 0).ebx & (1 << 5 | 1 << 16 | 1 << 30) == 0 && leaf(leaves, 7, 0).ebx & 1 << 3 != 0)
        #expect(try leaf(leaves, 7, 0).ecx & (1 << 9 | 1 << 11) == 0, "VAES, AVX512_VNNI")
        #expect(try leaf(leaves, 0xD, 0).eax == 0x203)
        #expect(!leaves.contains { $0.function == 0xD && [2, 5, 6, 7].contains($0.index) })
        #expect(!leaves.contains { $0.function >> 16 == 0x4000 }, "nothing tells of KVM")
    }

    @Test func `a feature that is on brings what it needs`() throws {
        let leaves = try leaves("baseline,avx2=on", Self.host(isAMD: true))
        let avx: UInt32 = 1 << 26 | 1 << 28
        #expect(try leaf(leaves, 1).ecx & avx == avx && leaf(leaves, 7, 0).ebx == 1 << 5)
        #expect(try leaf(leaves, 0xD, 2).eax == 256)
    }

    @Test func `what a host lacks is named, all of it`() throws {
        var host = Self.host(isAMD: false)
        for place in host.indices where host[place].function == 1 { host[place].ecx &= ~(1 << 9 | 1 << 28) }
        #expect(throws: GuestCPU.Refusal(model: .level3, missing: ["ssse3", "avx"])) { try leaves("x86-64-v3", host) }
        #expect(throws: GuestCPU.Refusal(model: .host, missing: ["ssse3"])) { try leaves("host,sse4_2=on", host) }
        #expect(throws: Never.self) { try leaves("x86-64-v3,avx=off,ssse3=off", host) }
        #expect(throws: Never.self) { try leaves("host", host) }
        #expect("\(GuestCPU.Refusal(model: .level3, missing: ["ssse3", "avx"]))".hasSuffix("(x86-64-v3): it lacks ssse3, avx"))
        for place in host.indices where host[place].function == 0x8000_0008 { host[place].eax = 0x3024 }
        #expect(throws: GuestCPU.Refusal(model: .baseline, missing: [])) { try leaves("baseline", host) }
    }

    @Test func `a host without leaves is refused, not believed`() {
        #expect(throws: GuestCPU.Refusal.self) { try leaves("baseline", []) }
        #expect(throws: Never.self) {
            try leaves("host", [Leaf(function: 0xD, index: 40, eax: .max, ebx: .max), Leaf(function: 0xD, index: 2)])
        }
    }

    @Test func `a choice is read back as it was written, or refused with the reason`() throws {
        let choice = try CPUChoice("baseline,avx=on,x2apic=off")
        #expect(
            choice.model == .baseline && choice.switches.map(\.name) == ["avx", "x2apic"] && choice.switches.map(\.isOn) == [true, false])
        for (text, part) in [
            ("", "no CPU model \"\""), ("baseline,", "not by \"\""), ("host,avx", "not by \"avx\""),
            ("host,avx=on,avx=on", "switched twice"),
            ("host,SSE3=on", "did you mean pni?"), ("host,lm=off", "part of every machine's"), ("host,xsave=off,avx2=on", "without xsave"),
            ("host," + String(repeating: "x", count: 100_000) + "=on", "no CPU feature"), ("host=on", "no CPU model"),
            ("host,=on", "no CPU feature"),
        ] {
            do {
                _ = try CPUChoice(text)
                Issue.record("\(text.prefix(40)) was accepted")
            } catch {
                #expect(error.description.contains(part), "\(error)")
            }
        }
    }

    @Test func `names of features are unique, and each stands for bits of its own`() {
        #expect(Set(CPUFeature.all.map(\.name)).count == CPUFeature.all.count)
        for name in ["sse3", "SSE4.1", "lzcnt", "invtsc"] { #expect(CPUFeature.name(from: name) != nil, "\(name)") }
        // A host that has one bit at a time has one feature at a time: no two share one.
        for function in Set<UInt32>([1, 6, 7, 0xD, 0x8000_0001, 0x8000_0007, 0x8000_0008]) {
            for bit in UInt32(0)..<32 {
                for place in 0..<4 {
                    var words = [UInt32](repeating: 0, count: 4)
                    words[place] = 1 << bit
                    let host = [Leaf(function: function, eax: words[0], ebx: words[1], ecx: words[2], edx: words[3])]
                    let names = Offer(host: host, hasDeadlineTimer: bit == 24).features.filter { $0 != "hypervisor" && $0 != "mtrr" }
                    #expect(names.count <= (function == 1 && bit == 24 ? 2 : 1), "\(names)")
                }
            }
        }
    }
}
