/// How processors of a machine lie: one package, one thread a core; the index of a vCPU is its APIC id. The same in each leaf that tells of it.
enum Topology {
    /// Bits of an APIC id that tell vCPUs of the one package apart.
    static func idBits(_ cpus: Int) -> UInt32 {
        cpus <= 1 ? 0 : UInt32(Int.bitWidth - (cpus - 1).leadingZeroBitCount)
    }

    /// Puts ids and counts in the leaves that have other things to tell as well.
    static func edit(_ leaf: inout CPUID.Leaf, _ shape: CPUID.Shape, isAMD: Bool) {
        let id = UInt32(shape.cpu)
        let count = UInt32(shape.cpus)
        switch leaf.function {
        case 1:
            // APIC id, logical processors in the package, CLFLUSH line in units of 8 bytes.
            leaf.ebx = leaf.ebx & 0xFF | id << 24 | count << 16 | 8 << 8
            if shape.cpus > 1 { leaf.edx |= 1 << 28 } else { clear(&leaf.edx, 28) }  // HTT: the count above means something
        case 4:
            // Caches: level 3 is shared by the package, others belong to a core; one thread a core.
            guard leaf.eax & 0x1F != 0 else { return }
            let level = leaf.eax >> 5 & 7
            let sharing = level >= 3 ? count - 1 : 0
            leaf.eax = leaf.eax & 0x3FFF | (sharing & 0xFFF) << 14 | ((count - 1) & 0x3F) << 26
        case 0x8000_0001:
            if isAMD, shape.cpus > 1 { leaf.ecx |= 1 << 1 } else { clear(&leaf.ecx, 1) }  // CMP_LEGACY: the count means cores
        case 0x8000_0008:
            leaf.ecx = isAMD ? idBits(shape.cpus) << 12 | (count - 1) : 0
        default: break
        }
    }

    /// Leaves 0xB and 0x1F: threads of a core, cores of the package, end.
    static func leaves(_ function: UInt32, _ shape: CPUID.Shape) -> [CPUID.Leaf] {
        let id = UInt32(shape.cpu)
        return [
            CPUID.Leaf(function: function, index: 0, eax: 0, ebx: 1, ecx: 1 << 8 | 0, edx: id),
            CPUID.Leaf(function: function, index: 1, eax: idBits(shape.cpus), ebx: UInt32(shape.cpus), ecx: 2 << 8 | 1, edx: id),
            CPUID.Leaf(function: function, index: 2, eax: 0, ebx: 0, ecx: 2, edx: id),
        ]
    }
}
