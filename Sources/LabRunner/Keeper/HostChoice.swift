internal import Carrier
internal import Host
internal import LabImages
internal import LabModel

/// Decides once for a lab how its machines are started, and makes what that needs.
struct HostChoice {
    let paths: LabPaths
    let store: ImageStore
    let tell: @Sendable (String) -> Void

    func choose(_ choice: AcceleratorChoice) throws -> ChosenHost {
        switch choice {
        case .kvm:
            if let refusal = Accelerator.refusal(of: try measurement()) { throw refusal }
            return try native("machines run on /dev/kvm, as asked")
        case .carrier: return try carrier("machines run in carriers, as asked")
        case .automatic:
            let accelerator = Accelerator(for: try measurement())
            switch accelerator.kind {
            case .kvm: return try native(accelerator.summary)
            case .carrier: return try carrier(accelerator.summary)
            }
        }
    }

    private func measurement() throws -> Measurement {
        try Measurement.take(machine: try Programs.sibling("vmlab-machine"), rememberedIn: paths.run)
    }

    private func native(_ summary: String) throws -> ChosenHost {
        let host = MachineHost(.native(machine: try Programs.sibling("vmlab-machine")), leash: try Programs.sibling("vmlab-leash"))
        return ChosenHost(host, summary: summary)
    }

    private func carrier(_ summary: String) throws -> ChosenHost {
        let qemu = try QEMU.locate(path: HostPaths.search)
        if let warning = qemu.warning { tell(warning) }
        let files = try CarrierKitBuilder.build(
            store: store, initProgram: try Programs.sibling("vmlab-carrier-init"), machineProgram: try Programs.sibling("vmlab-machine")
        ) { tell("carrier: " + ImageBuildText.text($0)) }
        let kit = CarrierKit(kernel: files.kernel, initramfs: files.initramfs, qemu: qemu)
        return ChosenHost(MachineHost(.carrier(kit), leash: try Programs.sibling("vmlab-leash")), summary: summary)
    }
}

/// Where programs of the host are looked for.
enum HostPaths {
    static let search = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
}
