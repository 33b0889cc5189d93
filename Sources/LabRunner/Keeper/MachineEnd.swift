internal import LabModel

/// Why a machine's process is no more.
struct MachineEnd: Hashable, Sendable {
    /// Reads after the machine's name: `powered off`, `crashed(signal 9)`.
    var reason: String
    /// True for what `restart: on-failure` answers.
    var isFailure: Bool
    /// What `up` exits with when this is why the machine did not become ready.
    var code: ExitCode

    /// - Parameters:
    ///   - fault: the guest fault that the monitor reported before.
    ///   - poweredOff: the guest switched itself off.
    init(_ ending: GuestEnding, fault: String?, poweredOff: Bool) {
        switch ending {
        case .exited(0, _):
            reason = poweredOff ? "powered off" : "was stopped"
            isFailure = false
            code = .timedOutOrBusy
        // The monitor's own statuses, see `vmlab-machine --help`; 86 is a guest's fault and no `vmlab` status.
        case .exited(86, let said):
            reason = "guest fault: " + (fault ?? said ?? "unknown")
            isFailure = true
            code = .timedOutOrBusy
        case .exited(let status, let said):
            reason = "exited(\(status))" + (said.map { ": \($0)" } ?? "")
            isFailure = true
            code = status == ExitCode.usage.rawValue ? .bug : ExitCode(rawValue: status) ?? .operatingSystem
        case .signalled(let signal):
            reason = "crashed(signal \(signal))"
            isFailure = true
            code = .operatingSystem
        case .carrierFailed(let why):
            reason = "carrier failed: \(why)"
            isFailure = true
            code = .hostCannot
        }
    }
}
