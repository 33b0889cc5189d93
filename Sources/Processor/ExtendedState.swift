/// Leaf 0xD: which parts of a processor's state XSAVE saves, and how much room they take.
struct ExtendedState {
    /// State components by number, beside x87 and SSE.
    private var components: UInt32 = 0b11
    private let hasSupervisorState: Bool

    init(has: (String) -> Bool) {
        if has("avx") { components |= 1 << 2 }
        if has("mpx") { components |= 0b11 << 3 }
        if has("avx512f") { components |= 0b111 << 5 }
        if has("pku") { components |= 1 << 9 }
        hasSupervisorState = has("xsaves")
    }

    func cut(_ leaves: [CPUID.Leaf]) -> [CPUID.Leaf] {
        let user = components & (leaves.first { $0.function == 0xD && $0.index ?? 0 == 0 }?.eax ?? 0)
        let supervisor = hasSupervisorState ? leaves.first { $0.function == 0xD && $0.index == 1 }?.ecx ?? 0 : 0
        // The legacy area and the header, which are always there.
        var size: UInt32 = 576
        for leaf in leaves where leaf.function == 0xD {
            guard let number = leaf.index, number >= 2, number < 32, user & 1 << number != 0 else { continue }
            size = max(size, leaf.eax &+ leaf.ebx)
        }
        return leaves.compactMap { leaf in
            guard leaf.function == 0xD else { return leaf }
            var leaf = leaf
            switch leaf.index ?? 0 {
            case 0: (leaf.eax, leaf.ebx, leaf.ecx, leaf.edx) = (user, 576, size, 0)
            case 1: (leaf.ebx, leaf.ecx, leaf.edx) = (0, supervisor, 0)
            case let number where number >= 32 || (user | supervisor) & 1 << number == 0: return nil
            default: break
            }
            return leaf
        }
    }
}
