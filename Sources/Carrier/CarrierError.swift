internal import Host
package import LabModel

/// Why a machine could not be started here.
package struct CarrierError: Error, Hashable, Sendable, CustomStringConvertible {
    package var reason: Reason
    /// For people, whole: what, to what, and what to do about it.
    package var description: String

    package enum Reason: Hashable, Sendable {
        /// No hardware KVM, and no way to a carrier either.
        case hostCannot
        /// `/dev/kvm` is there and may not be opened.
        case notPermitted
        /// A launch that no host could start: a bug in whoever made it, or a file with an impossible size.
        case launchWrong
        /// A disk, a kernel or another file of the launch.
        case inputMissing
        /// A disk that another machine writes to.
        case inputBusy
        case operatingSystem
        /// The carrier itself failed: not the program in it.
        case carrierFailed
    }

    package init(_ reason: Reason, _ description: String) {
        self.reason = reason
        self.description = description
    }

    init(_ error: OSError, _ reason: Reason = .operatingSystem) {
        self.init(reason, error.description)
    }

    package var exitCode: ExitCode {
        switch reason {
        case .hostCannot, .carrierFailed: .hostCannot
        case .notPermitted: .notPermitted
        case .launchWrong: .bug
        case .inputMissing: .inputMissing
        case .inputBusy: .timedOutOrBusy
        case .operatingSystem: .operatingSystem
        }
    }
}

/// Turns a system call's error into the room's own.
func carrierErrors<Result: ~Copyable>(
    _ reason: CarrierError.Reason = .operatingSystem, _ body: () throws(OSError) -> Result
) throws(CarrierError) -> Result {
    do throws(OSError) {
        return try body()
    } catch {
        throw CarrierError(error, reason)
    }
}
