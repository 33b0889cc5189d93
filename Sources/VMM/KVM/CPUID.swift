/// What a guest's CPUID instruction answers: the host's leaves, cut to what the machine has.
///
/// A pure function of the host's leaves and the machine's shape, so it is tested with tables from Intel and AMD hosts.
package enum CPUID {
    /// One answer: EAX (and ECX where `index` is not nil) in, four registers out.
    package struct Leaf: Hashable, Sendable {
        package var function: UInt32
        /// The sub-leaf, or nil for leaves that do not look at ECX.
        package var index: UInt32?
        package var eax: UInt32
        package var ebx: UInt32
        package var ecx: UInt32
        package var edx: UInt32

        package init(function: UInt32, index: UInt32? = nil, eax: UInt32 = 0, ebx: UInt32 = 0, ecx: UInt32 = 0, edx: UInt32 = 0) {
            self.function = function
            self.index = index
            (self.eax, self.ebx, self.ecx, self.edx) = (eax, ebx, ecx, edx)
        }
    }

    /// What the answers depend on beside the host.
    package struct Shape: Hashable, Sendable {
        package var cpus: Int
        /// This vCPU's index, which is its APIC id.
        package var cpu: Int
        /// 0 when the host does not know.
        package var tscKilohertz: UInt32
        package var hasDeadlineTimer: Bool

        package init(cpus: Int, cpu: Int, tscKilohertz: UInt32, hasDeadlineTimer: Bool) {
            self.cpus = cpus
            self.cpu = cpu
            self.tscKilohertz = tscKilohertz
            self.hasDeadlineTimer = hasDeadlineTimer
        }
    }

    /// Bits of an APIC id that tell vCPUs of the one package apart.
    static func idBits(_ cpus: Int) -> UInt32 {
        cpus <= 1 ? 0 : UInt32(Int.bitWidth - (cpus - 1).leadingZeroBitCount)
    }

    /// The leaves for one vCPU: one package, one thread a core.
    package static func filtered(_ host: [Leaf], for shape: Shape) -> [Leaf] {
        let isAMD = host.contains { $0.function == 0 && ($0.ebx == 0x6874_7541 || $0.ebx == 0x6F67_7948) }  // "Auth", "Hygo"
        var leaves = host.compactMap { leaf -> Leaf? in
            var leaf = leaf
            return edit(&leaf, shape, isAMD: isAMD) ? leaf : nil
        }
        let highest = host.first { $0.function == 0 }?.eax ?? 0
        if highest >= 0xB { leaves += topology(shape) }
        if shape.tscKilohertz > 0, leaves.contains(where: { $0.function == hypervisor }) {
            // The convention of VMware's leaf: kHz of the TSC and of the local APIC's timer (1 GHz in KVM), so that nobody calibrates.
            leaves.append(Leaf(function: timing, eax: shape.tscKilohertz, ebx: 1_000_000))
        }
        return leaves
    }

    /// The width of a guest-physical address (leaf 0x80000008); 36 where the host does not say.
    package static func addressBits(_ host: [Leaf]) -> UInt32 {
        host.first { $0.function == 0x8000_0008 }.map { $0.eax & 0xFF } ?? 36
    }

    private static let hypervisor: UInt32 = 0x4000_0000
    private static let timing: UInt32 = 0x4000_0010

    /// Changes one leaf in place; false takes it away.
    private static func edit(_ leaf: inout Leaf, _ shape: Shape, isAMD: Bool) -> Bool {
        let id = UInt32(shape.cpu)
        let count = UInt32(shape.cpus)
        switch leaf.function {
        case 1:
            // APIC id, logical processors in the package, CLFLUSH line in units of 8 bytes.
            leaf.ebx = leaf.ebx & 0xFF | id << 24 | count << 16 | 8 << 8
            clear(&leaf.ecx, 3, 5, 6, 15, 27)  // MONITOR, VMX, SMX, PDCM, OSXSAVE (follows CR4)
            leaf.ecx |= 1 << 31  // a hypervisor is there
            if shape.hasDeadlineTimer { leaf.ecx |= 1 << 24 } else { clear(&leaf.ecx, 24) }
            leaf.edx |= 1 << 12  // MTRR
            if shape.cpus > 1 { leaf.edx |= 1 << 28 } else { clear(&leaf.edx, 28) }  // HTT: the count above means something
        case 4:
            // Caches: level 3 is shared by the package, others belong to a core; one thread a core.
            guard leaf.eax & 0x1F != 0 else { return true }
            let level = leaf.eax >> 5 & 7
            let sharing = level >= 3 ? count - 1 : 0
            leaf.eax = leaf.eax & 0x3FFF | (sharing & 0xFFF) << 14 | ((count - 1) & 0x3F) << 26
        case 5: (leaf.eax, leaf.ebx, leaf.ecx, leaf.edx) = (0, 0, 0, 0)  // MONITOR's line sizes
        case 6:
            leaf.eax &= 1 << 2  // ARAT: the local APIC's timer never stops; no turbo, no power limits
            (leaf.ebx, leaf.ecx, leaf.edx) = (0, 0, 0)
        case 7 where leaf.index ?? 0 == 0:
            clear(&leaf.ecx, 5)  // WAITPKG
            clear(&leaf.edx, 22, 24, 25)  // AMX: its state would have to be asked for
            if isAMD { clear(&leaf.edx, 29) }  // ARCH_CAPABILITIES is Intel's
        case 0xA, 0x14, 0x1C, 0x23: (leaf.eax, leaf.ebx, leaf.ecx, leaf.edx) = (0, 0, 0, 0)  // no performance monitoring, no tracing
        case 0xB, 0x1F, timing: return false  // made anew
        case hypervisor: leaf.eax = max(leaf.eax, shape.tscKilohertz > 0 ? timing : leaf.eax)
        case 0x8000_0001:
            clear(&leaf.ecx, 2, 10, 15, 22, 23, 24, 28)  // SVM, IBS, LWP, TOPOEXT, performance counters
            if isAMD, shape.cpus > 1 { leaf.ecx |= 1 << 1 } else { clear(&leaf.ecx, 1) }  // CMP_LEGACY: the count means cores
        case 0x8000_0008:
            leaf.ecx = isAMD ? idBits(shape.cpus) << 12 | (count - 1) : 0
        case 0x8000_000A, 0x8000_001B, 0x8000_001D, 0x8000_001E, 0x8000_001F, 0x8000_0022, 0x8000_0026:
            // SVM, IBS, cache and core topology by another road, SEV, performance monitoring.
            (leaf.eax, leaf.ebx, leaf.ecx, leaf.edx) = (0, 0, 0, 0)
        default: break
        }
        return true
    }

    /// Leaf 0xB: threads of a core, cores of the package, end.
    private static func topology(_ shape: Shape) -> [Leaf] {
        let id = UInt32(shape.cpu)
        return [
            Leaf(function: 0xB, index: 0, eax: 0, ebx: 1, ecx: 1 << 8 | 0, edx: id),
            Leaf(function: 0xB, index: 1, eax: idBits(shape.cpus), ebx: UInt32(shape.cpus), ecx: 2 << 8 | 1, edx: id),
            Leaf(function: 0xB, index: 2, eax: 0, ebx: 0, ecx: 2, edx: id),
        ]
    }

    private static func clear(_ register: inout UInt32, _ bits: Int...) {
        for bit in bits { register &= ~(1 << UInt32(bit)) }
    }
}
