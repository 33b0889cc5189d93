/// Which processor a machine has: the host's own, or a level of the x86-64 psABI that is the same on every host.
///
/// A level names every bit that a guest sees; there is no other, whatever the host has. Levels are those of the "x86-64 psABI", section 3.1.1. A bit of the
/// operating system's own there (OSFXSR, SCE, OSXSAVE) stands here as the processor's (fxsr, syscall, xsave).
package enum CPUModel: String, Hashable, Sendable, CaseIterable {
    /// All that the host's KVM can give.
    case host
    /// The first level: what every 64-bit processor has, real or emulated.
    case baseline
    case level2 = "x86-64-v2"
    case level3 = "x86-64-v3"

    /// What it has, by name; nil: what the host has.
    var features: Set<String>? {
        switch self {
        case .host: nil
        case .baseline: Self.first
        case .level2: Self.first.union(Self.second)
        case .level3: Self.first.union(Self.second).union(Self.third)
        }
    }

    /// What `/proc/cpuinfo` calls it.
    var brand: String { "vmlab \(rawValue)" }

    /// The level's own (cmov cx8 fpu fxsr mmx syscall sse sse2), what 64-bit systems take for granted, and what the board has: a local APIC with x2APIC and
    /// deadline timer, a timer that never stops, KVM's clock and its cheaper end of interrupt. Not `vme`: emulated processors lack it.
    private static let first = Set(CPUFeature.all.filter(\.isEssential).map(\.name)).union([
        "x2apic", "tsc_deadline_timer", "arat", "hypervisor", "kvmclock", "kvm_nopiodelay", "kvm_pv_eoi",
    ])

    private static let second: Set<String> = ["cx16", "lahf_lm", "popcnt", "pni", "ssse3", "sse4_1", "sse4_2"]

    private static let third: Set<String> = ["avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"]
}
