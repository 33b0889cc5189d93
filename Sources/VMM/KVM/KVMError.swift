package import Host
package import SystemPackage

/// Why this host's KVM cannot be used, or which request to it failed.
package enum KVMError: Error, Hashable, Sendable, CustomStringConvertible {
    /// There is no `/dev/kvm`.
    case missing
    /// `/dev/kvm` is there, but not for us.
    case refused(Errno)
    /// The interface is not version 12, the only one there has been since 2007.
    case version(Int32)
    /// A capability that a machine needs is not offered.
    case lacks(String)
    /// A request failed.
    case request(OSError)

    /// One word for the measurement that `--measure-kvm` prints.
    package var kind: String {
        switch self {
        case .missing: "missing"
        case .refused: "refused"
        case .version, .lacks, .request: "error"
        }
    }

    package var description: String {
        switch self {
        case .missing: "there is no /dev/kvm: this host has no KVM, or its module is not loaded"
        case .refused(let code): "cannot open /dev/kvm: \(code); ask to be a member of the group kvm"
        case .version(let version): "/dev/kvm speaks interface version \(version), this program 12"
        case .lacks(let capability): "this host's KVM lacks \(capability)"
        case .request(let error): "\(error)"
        }
    }
}
