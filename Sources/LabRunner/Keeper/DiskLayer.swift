internal import Glibc
internal import Host
internal import LabImages
internal import LabModel
internal import LabPlan

extension MachineDisk {
    /// Lays its files over a delta that was made just now.
    ///
    /// - Returns: why that could not be; nothing is on the disk then.
    func layDown(for machine: String) -> RunnerError? {
        guard case .delta(let base, let layer) = content, !layer.entries.isEmpty else { return nil }
        do {
            try Ext4Editor.apply(layer, base: Descriptor.open(base, O_RDONLY), delta: Descriptor.open(path, O_RDWR | O_NOFOLLOW))
            return nil
        } catch let error as Ext4EditError {
            let message = "\(machine)'s files cannot be laid over its image's disk: \(error)"
            return .machine(message, code: ExitCode(rawValue: error.exitStatus) ?? .bug, hint: nil)
        } catch {
            return .refused(Outcome(explaining: error))
        }
    }
}
