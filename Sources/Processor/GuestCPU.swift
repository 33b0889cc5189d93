/// What the CPUID instruction answers in one machine: the host's leaves, cut to what the machine has and to what was asked for.
///
/// A pure function of the host's leaves and the choice, so it is tested with tables from hosts of several makers.
package struct GuestCPU: Sendable {
    private let leaves: [CPUID.Leaf]
    private let isAMD: Bool
    private let model: CPUModel

    /// The width of a guest-physical address.
    package let addressBits: UInt32

    /// What a host's KVM cannot give.
    package struct Refusal: Error, Hashable, Sendable, CustomStringConvertible {
        package var model: CPUModel
        /// Features by name; empty if it is the width of addresses.
        package var missing: [String]

        package init(model: CPUModel, missing: [String]) {
            self.model = model
            self.missing = missing
        }

        package var description: String {
            let what = missing.isEmpty ? "addresses of \(GuestCPU.levelAddressBits) bits" : missing.joined(separator: ", ")
            return "this host's KVM cannot give the processor that was asked for (\(model.rawValue)): it lacks \(what)"
        }
    }

    /// - Parameters:
    ///   - host: all that the host's KVM can give.
    ///   - hasDeadlineTimer: whether its local APIC has the TSC deadline mode, which the leaves do not tell.
    package init(host: [CPUID.Leaf], hasDeadlineTimer: Bool, choice: CPUChoice = CPUChoice()) throws(Refusal) {
        let offered = Offer(host: host, hasDeadlineTimer: hasDeadlineTimer)
        let missing = offered.missing(for: choice)
        guard missing.isEmpty else { throw Refusal(model: choice.model, missing: missing) }
        isAMD = offered.isAMD
        model = choice.model
        let off = CPUFeature.closure(neededBy: choice.off)
        let on = CPUFeature.closure(needing: choice.on)
        if let level = choice.model.features {
            guard CPUID.addressBits(host) >= Self.levelAddressBits else { throw Refusal(model: choice.model, missing: []) }
            leaves = offered.level(choice.model, features: level.union(on).subtracting(off))
        } else {
            leaves = offered.without(off)
        }
        addressBits = CPUID.addressBits(leaves)
    }

    /// What every maker's processors with nested paging have had since 2013; a level's guests see no more.
    static let levelAddressBits: UInt32 = 39

    /// The leaves for one vCPU: one package, one thread a core, the index is the APIC id.
    package func leaves(for shape: CPUID.Shape) -> [CPUID.Leaf] {
        var leaves = leaves.map { leaf in
            var leaf = leaf
            Topology.edit(&leaf, shape, isAMD: isAMD)
            return leaf
        }
        let highest = leaves.first { $0.function == 0 }?.eax ?? 0
        if highest >= 0xB { leaves += Topology.leaves(0xB, shape) }
        if highest >= 0x1F { leaves += Topology.leaves(0x1F, shape) }
        if shape.tscKilohertz > 0, let place = leaves.firstIndex(where: { $0.function == CPUID.hypervisor }) {
            // The convention of VMware's leaf: kHz of the TSC and of the local APIC's timer (1 GHz in KVM), so that nobody calibrates.
            leaves[place].eax = max(leaves[place].eax, CPUID.timing)
            leaves.append(CPUID.Leaf(function: CPUID.timing, eax: shape.tscKilohertz, ebx: 1_000_000))
        }
        return leaves.inOrder
    }
}
