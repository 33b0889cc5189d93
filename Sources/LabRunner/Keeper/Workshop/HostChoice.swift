package import Carrier
internal import Host
internal import LabImages
package import LabModel

/// Decides how machines are started on this host, and makes what that needs.
package struct HostChoice {
    let paths: LabPaths
    let tell: @Sendable (String) -> Void

    package init(paths: LabPaths, tell: @escaping @Sendable (String) -> Void) {
        self.paths = paths
        self.tell = tell
    }

    package func choose(_ choice: AcceleratorChoice) throws -> ChosenHost {
        switch choice {
        case .automatic:
            let accelerator = Accelerator(for: try measure())
            switch accelerator.kind {
            case .kvm: return try native(accelerator.summary)
            case .carrier: return ChosenHost(try carrier(), summary: accelerator.summary)
            }
        case .kvm:
            if let refusal = Accelerator.refusal(of: try measure()) { throw refusal }
            return try native("machines run on /dev/kvm, as asked")
        case .carrier: return ChosenHost(try carrier(), summary: "machines run in carriers, as asked")
        }
    }

    /// What `/dev/kvm` is worth here, measured once per boot of the host.
    package func measure() throws -> KVMMeasurement {
        // In the cache, which belongs to no lab: in the run folder it would outlive the last one there.
        try KVMMeasurement.take(machine: try Programs.sibling("vmlab-machine"), rememberedIn: paths.cache)
    }

    private func native(_ summary: String) throws -> ChosenHost {
        let host = MachineHost(.native(machine: try Programs.sibling("vmlab-machine")), leash: try Programs.sibling("vmlab-leash"))
        return ChosenHost(host, summary: summary)
    }

    private func carrier() throws -> MachineHost { MachineHost(.carrier(try kit()), leash: try Programs.sibling("vmlab-leash")) }

    /// The carrier's kernel and initramfs, from the cache or made now, and the QEMU that runs them.
    package func kit() throws -> CarrierKit {
        let qemu = try qemu()
        if let warning = qemu.warning { tell(warning) }
        let files = try CarrierKitBuilder.build(
            store: ImageStore(paths: paths), initProgram: try Programs.sibling("vmlab-carrier-init"),
            machineProgram: try Programs.sibling("vmlab-machine")
        ) { tell("carrier: " + ImageBuildText.text($0)) }
        return CarrierKit(kernel: files.kernel, initramfs: files.initramfs, qemu: qemu)
    }

    /// What processors guests can have on this host's own KVM; `nil` where it gives none.
    package func processors() throws -> ProcessorOffer? { try ProcessorOffer.take(machine: try Programs.sibling("vmlab-machine")) }

    /// The same in a carrier, which is started for it; `nil` where none has ever been made, so that asking downloads nothing.
    package func carriedProcessors() throws -> ProcessorOffer? {
        guard ImageStore(paths: paths).hasCarrierKit else { return nil }
        return try ProcessorOffer.take(kit: try kit(), leash: try Programs.sibling("vmlab-leash"))
    }

    package func qemu() throws -> QEMU { try QEMU.locate(explicit: Environment.qemu, path: Environment.searchPath) }
}
