/// One thing that a processor can do or has, by the name that Linux gives it in `/proc/cpuinfo`, and the bits of CPUID that say so.
package struct CPUFeature: Hashable, Sendable {
    package let name: String
    let function: UInt32
    let index: UInt32?
    let register: CPUID.Register
    let mask: UInt32

    /// Part of every processor that a machine starts on: 64-bit mode, and what the board is made for.
    package var isEssential: Bool { Self.essential.contains(name) }

    /// What it cannot be without, directly.
    var needs: [String] { Self.dependencies.first { $0.name == name }?.needs ?? [] }

    /// The feature of that name; names are to the letter.
    package static func named(_ name: String) -> CPUFeature? { all.first { $0.name == name } }

    /// What makers and other programs call features that have another name here.
    package static func name(from other: String) -> String? {
        let plain = String(other.lowercased().map { $0 == "-" || $0 == "." ? "_" : $0 })
        return named(plain)?.name ?? otherNames.first { $0.other == plain }?.name
    }

    /// The names, and all that they cannot be without.
    static func closure(needing names: Set<String>) -> Set<String> {
        var known = names
        var open = Array(names)
        while let name = open.popLast() {
            for need in named(name)?.needs ?? [] where known.insert(need).inserted { open.append(need) }
        }
        return known
    }

    /// The names, and all that cannot be without one of them.
    static func closure(neededBy names: Set<String>) -> Set<String> {
        if names.isEmpty { return [] }
        return Set(all.map(\.name).filter { !closure(needing: [$0]).isDisjoint(with: names) })
    }

    func isIn(_ leaves: [CPUID.Leaf]) -> Bool {
        leaves.contains { $0.function == function && ($0.index ?? 0) == (index ?? 0) && $0[register] & mask == mask }
    }
}

extension CPUFeature {
    /// Every feature that has a name here, in the order of its leaf.
    package static let all: [CPUFeature] =
        group(
            1, .edx,
            [
                "fpu": 0, "vme": 1, "de": 2, "pse": 3, "tsc": 4, "msr": 5, "pae": 6, "mce": 7, "cx8": 8, "apic": 9, "sep": 11, "mtrr": 12,
                "pge": 13, "mca": 14, "cmov": 15, "pat": 16, "pse36": 17, "clflush": 19, "mmx": 23, "fxsr": 24, "sse": 25, "sse2": 26,
                "ss": 27,
            ])
        + group(
            1, .ecx,
            [
                "pni": 0, "pclmulqdq": 1, "ssse3": 9, "fma": 12, "cx16": 13, "pcid": 17, "sse4_1": 19, "sse4_2": 20, "x2apic": 21,
                "movbe": 22, "popcnt": 23, "tsc_deadline_timer": 24, "aes": 25, "xsave": 26, "avx": 28, "f16c": 29, "rdrand": 30,
                "hypervisor": 31,
            ])
        + group(6, .eax, ["arat": 2])
        + group(
            7, index: 0, .ebx,
            [
                "fsgsbase": 0, "tsc_adjust": 1, "bmi1": 3, "hle": 4, "avx2": 5, "smep": 7, "bmi2": 8, "erms": 9, "invpcid": 10, "rtm": 11,
                "mpx": 14, "avx512f": 16, "avx512dq": 17, "rdseed": 18, "adx": 19, "smap": 20, "avx512ifma": 21, "clflushopt": 23,
                "clwb": 24, "avx512cd": 28, "sha_ni": 29, "avx512bw": 30, "avx512vl": 31,
            ])
        + group(
            7, index: 0, .ecx,
            [
                "avx512vbmi": 1, "umip": 2, "pku": 3, "avx512_vbmi2": 6, "gfni": 8, "vaes": 9, "vpclmulqdq": 10, "avx512_vnni": 11,
                "avx512_bitalg": 12, "avx512_vpopcntdq": 14, "la57": 16, "rdpid": 22, "movdiri": 27, "movdir64b": 28,
            ])
        + group(
            7, index: 0, .edx,
            [
                "fsrm": 4, "avx512_vp2intersect": 8, "serialize": 14, "avx512_fp16": 23, "spec_ctrl": 26, "intel_stibp": 27,
                "arch_capabilities": 29, "ssbd": 31,
            ])
        + group(7, index: 1, .eax, ["avx_vnni": 4, "avx512_bf16": 5, "avx_ifma": 23])
        + group(7, index: 1, .edx, ["avx_vnni_int8": 4, "avx_ne_convert": 5, "avx_vnni_int16": 10, "avx10": 19])
        + group(0xD, index: 1, .eax, ["xsaveopt": 0, "xsavec": 1, "xgetbv1": 2, "xsaves": 3])
        + [CPUFeature(name: "kvmclock", function: 0x4000_0001, index: nil, register: .eax, mask: 1 << 0 | 1 << 3 | 1 << 24)]
        + group(
            0x4000_0001, .eax,
            [
                "kvm_nopiodelay": 1, "kvm_asyncpf": 4, "kvm_steal_time": 5, "kvm_pv_eoi": 6, "kvm_pv_unhalt": 7, "kvm_pv_tlb_flush": 9,
                "kvm_pv_send_ipi": 11,
            ])
        + group(
            0x8000_0001, .ecx,
            ["lahf_lm": 0, "cr8_legacy": 4, "abm": 5, "sse4a": 6, "misalignsse": 7, "3dnowprefetch": 8, "xop": 11, "fma4": 16, "tbm": 21])
        + group(
            0x8000_0001, .edx,
            ["syscall": 11, "nx": 20, "mmxext": 22, "fxsr_opt": 25, "pdpe1gb": 26, "rdtscp": 27, "lm": 29, "3dnowext": 30, "3dnow": 31])
        + group(0x8000_0007, .edx, ["nonstop_tsc": 8])
        + group(0x8000_0008, .ebx, ["clzero": 0, "xsaveerptr": 2, "wbnoinvd": 9, "ibpb": 12])

    /// Names and the bits of one register that they stand for.
    private static func group(
        _ function: UInt32, index: UInt32? = nil, _ register: CPUID.Register, _ names: KeyValuePairs<String, UInt32>
    ) -> [CPUFeature] {
        names.map { CPUFeature(name: $0.key, function: function, index: index, register: register, mask: 1 << $0.value) }
    }

    private static let essential: Set<String> = [
        "fpu", "de", "pse", "tsc", "msr", "pae", "mce", "cx8", "apic", "sep", "mtrr", "pge", "mca", "cmov", "pat", "pse36", "clflush",
        "mmx",
        "fxsr", "sse", "sse2", "syscall", "nx", "lm",
    ]

    private static let dependencies: [(name: String, needs: [String])] =
        [
            ("ssse3", ["pni"]), ("sse4_1", ["ssse3"]), ("sse4_2", ["sse4_1"]), ("sse4a", ["pni"]), ("avx", ["xsave", "sse4_2"]),
            ("f16c", ["avx"]), ("fma", ["avx"]), ("fma4", ["avx"]), ("xop", ["avx"]), ("avx2", ["avx"]), ("avx_vnni", ["avx2"]),
            ("avx_ifma", ["avx2"]), ("avx_vnni_int8", ["avx2"]), ("avx_vnni_int16", ["avx2"]), ("avx_ne_convert", ["avx2"]),
            ("vaes", ["avx", "aes"]), ("vpclmulqdq", ["avx", "pclmulqdq"]), ("avx512f", ["avx2", "fma", "f16c"]), ("avx10", ["avx512f"]),
            ("xsaveopt", ["xsave"]), ("xsavec", ["xsave"]), ("xgetbv1", ["xsave"]), ("xsaves", ["xsavec"]), ("xsaveerptr", ["xsave"]),
            ("mpx", ["xsave"]), ("pku", ["xsave"]), ("3dnowext", ["3dnow"]),
            ("kvmclock", ["hypervisor"]), ("kvm_nopiodelay", ["hypervisor"]), ("kvm_asyncpf", ["hypervisor"]),
            ("kvm_steal_time", ["kvmclock"]), ("kvm_pv_eoi", ["hypervisor"]), ("kvm_pv_unhalt", ["hypervisor"]),
            ("kvm_pv_tlb_flush", ["hypervisor"]), ("kvm_pv_send_ipi", ["hypervisor"]),
        ]
        + [
            "avx512dq", "avx512ifma", "avx512cd", "avx512bw", "avx512vl", "avx512vbmi", "avx512_vbmi2", "avx512_vnni", "avx512_bitalg",
            "avx512_vpopcntdq", "avx512_vp2intersect", "avx512_fp16", "avx512_bf16",
        ].map { ($0, ["avx512f"]) }

    private static let otherNames: [(other: String, name: String)] = [
        ("sse3", "pni"), ("lzcnt", "abm"), ("lahf", "lahf_lm"), ("lahf_sahf", "lahf_lm"), ("cmpxchg16b", "cx16"), ("cmpxchg8b", "cx8"),
        ("tsc_deadline", "tsc_deadline_timer"), ("invtsc", "nonstop_tsc"), ("osxsave", "xsave"), ("sha", "sha_ni"), ("xd", "nx"),
        ("sse4", "sse4_2"), ("pclmul", "pclmulqdq"), ("gbpages", "pdpe1gb"), ("kvm_clock", "kvmclock"), ("kvm_eoi", "kvm_pv_eoi"),
        ("avx512", "avx512f"),
    ]
}
