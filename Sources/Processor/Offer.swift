/// What a host's KVM can give the guests of this program: its leaves without what the machine does not have.
package struct Offer: Sendable {
    let leaves: [CPUID.Leaf]
    let isAMD: Bool

    package init(host: [CPUID.Leaf], hasDeadlineTimer: Bool) {
        let isAMD = host.areOfAMD
        self.isAMD = isAMD
        leaves = host.compactMap { leaf -> CPUID.Leaf? in
            var leaf = leaf
            return Self.cut(&leaf, isAMD: isAMD, hasDeadlineTimer: hasDeadlineTimer) ? leaf : nil
        }
    }

    /// The names of what it has.
    package var features: [String] { CPUFeature.all.filter { $0.isIn(leaves) }.map(\.name) }

    package var maker: String { leaves.maker }
    package var brand: String { leaves.brand }

    /// What it lacks for a choice, in the order of the features' table.
    package func missing(for choice: CPUChoice) -> [String] {
        let wanted = (choice.model.features ?? []).subtracting(CPUFeature.closure(neededBy: choice.off))
            .union(CPUFeature.closure(needing: choice.on))
        return CPUFeature.all.filter { wanted.contains($0.name) && !$0.isIn(leaves) }.map(\.name)
    }

    /// Changes one leaf in place; false takes it away.
    private static func cut(_ leaf: inout CPUID.Leaf, isAMD: Bool, hasDeadlineTimer: Bool) -> Bool {
        switch leaf.function {
        case 1:
            clear(&leaf.ecx, 3, 5, 6, 15, 27)  // MONITOR, VMX, SMX, PDCM, OSXSAVE (follows CR4)
            leaf.ecx |= 1 << 31  // a hypervisor is there
            if hasDeadlineTimer { leaf.ecx |= 1 << 24 } else { clear(&leaf.ecx, 24) }
            leaf.edx |= 1 << 12  // MTRR
        case 5: (leaf.eax, leaf.ebx, leaf.ecx, leaf.edx) = (0, 0, 0, 0)  // MONITOR's line sizes
        case 6:
            leaf.eax &= 1 << 2  // ARAT: the local APIC's timer never stops; no turbo, no power limits
            (leaf.ebx, leaf.ecx, leaf.edx) = (0, 0, 0)
        case 7 where leaf.index ?? 0 == 0:
            clear(&leaf.ecx, 5)  // WAITPKG
            clear(&leaf.edx, 22, 24, 25)  // AMX: its state would have to be asked for
            if isAMD { clear(&leaf.edx, 29) }  // ARCH_CAPABILITIES is Intel's
        case 0xA, 0x14, 0x1C, 0x23: (leaf.eax, leaf.ebx, leaf.ecx, leaf.edx) = (0, 0, 0, 0)  // no performance monitoring, no tracing
        case 0xB, 0x1F, CPUID.timing: return false  // made anew for each vCPU
        case 0x8000_0001: clear(&leaf.ecx, 2, 10, 15, 22, 23, 24, 28)  // SVM, IBS, LWP, TOPOEXT, performance counters
        case 0x8000_000A, 0x8000_001B, 0x8000_001D, 0x8000_001E, 0x8000_001F, 0x8000_0022, 0x8000_0026:
            // SVM, IBS, cache and core topology by another road, SEV, performance monitoring.
            (leaf.eax, leaf.ebx, leaf.ecx, leaf.edx) = (0, 0, 0, 0)
        default: break
        }
        return true
    }

    // MARK: Choosing

    /// All of it but some features.
    func without(_ off: Set<String>) -> [CPUID.Leaf] {
        var leaves = leaves
        for place in leaves.indices where !off.isEmpty {
            for feature in CPUFeature.all
            where off.contains(feature.name) && leaves[place].function == feature.function
                && (leaves[place].index ?? 0) == (feature.index ?? 0)
            {
                leaves[place][feature.register] &= ~feature.mask
            }
        }
        if leaves.brand.isEmpty, leaves.contains(where: { $0.function == 0x8000_0002 }) { leaves.setBrand(CPUModel.host.brand) }
        return finished(leaves)
    }

    /// A processor that has these features and nothing else; of the host, only the maker's name shows.
    ///
    /// The maker stays because makers differ in what no bit tells: SYSENTER and SYSCALL out of 32-bit code, and which registers there are.
    func level(_ model: CPUModel, features: Set<String>) -> [CPUID.Leaf] {
        // Signatures that systems know as plain 64-bit processors without special treatment: family 15 of either maker.
        let signature: UInt32 = isAMD ? 0x6_0FB1 : 0xF61
        let maker = leaves.first { $0.function == 0 } ?? CPUID.Leaf(function: 0)
        let hasXSAVE = features.contains("xsave")
        var made = [
            CPUID.Leaf(function: 0, eax: hasXSAVE ? 0xD : 0xB, ebx: maker.ebx, ecx: maker.ecx, edx: maker.edx),
            CPUID.Leaf(function: 1, eax: signature), CPUID.Leaf(function: 6), CPUID.Leaf(function: 7, index: 0),
            CPUID.Leaf(function: 7, index: 1),
            CPUID.Leaf(function: 0x8000_0000, eax: 0x8000_0008, ebx: maker.ebx, ecx: maker.ecx, edx: maker.edx),
            CPUID.Leaf(function: 0x8000_0001, eax: signature), CPUID.Leaf(function: 0x8000_0007),
            CPUID.Leaf(function: 0x8000_0008, eax: GuestCPU.levelAddressBits | 48 << 8),
        ]
        made += isAMD ? Caches.ofAMD : Caches.ofIntel
        if hasXSAVE { made += leaves.filter { $0.function == 0xD } }
        made += leaves.filter { $0.function == CPUID.hypervisor } + [CPUID.Leaf(function: CPUID.hypervisor | 1)]
        let registers = Set(CPUFeature.all.map { Place(function: $0.function, index: $0.index ?? 0, register: $0.register) })
        for place in made.indices {
            let (function, index) = (made[place].function, made[place].index ?? 0)
            for register in CPUID.Register.allCases where registers.contains(Place(function: function, index: index, register: register)) {
                made[place][register] = CPUFeature.all.reduce(0) { bits, feature in
                    let isHere = feature.function == function && (feature.index ?? 0) == index && feature.register == register
                    return isHere && features.contains(feature.name) ? bits | feature.mask : bits
                }
            }
        }
        if let seven = made.firstIndex(where: { $0.function == 7 && $0.index == 0 }) {
            let more = made.contains { $0.function == 7 && $0.index == 1 && $0.eax | $0.edx != 0 }
            made[seven].eax = more ? 1 : 0
        }
        made.setBrand(model.brand)
        return finished(made)
    }

    private struct Place: Hashable {
        var function: UInt32
        var index: UInt32
        var register: CPUID.Register
    }

    /// What follows from the features: AMD's copy of them, the state that XSAVE saves, and whether a hypervisor tells of itself.
    private func finished(_ leaves: [CPUID.Leaf]) -> [CPUID.Leaf] {
        func has(_ name: String) -> Bool { CPUFeature.named(name)?.isIn(leaves) ?? false }
        var made = has("xsave") ? ExtendedState(has: has).cut(leaves) : leaves.filter { $0.function != 0xD }
        if !has("hypervisor") { made.removeAll { $0.function >> 16 == CPUID.hypervisor >> 16 } }
        if isAMD, let low = made.first(where: { $0.function == 1 })?.edx, let copy = made.firstIndex(where: { $0.function == 0x8000_0001 })
        {
            let shared: UInt32 = 0x0183_F3FF
            made[copy].edx = made[copy].edx & ~shared | low & shared
        }
        // Without five levels of page tables, linear addresses have 48 bits.
        if !has("la57"), let widths = made.firstIndex(where: { $0.function == 0x8000_0008 }) {
            made[widths].eax = made[widths].eax & ~0xFF00 | min(made[widths].eax >> 8 & 0xFF, 48) << 8
        }
        return made.inOrder
    }
}
