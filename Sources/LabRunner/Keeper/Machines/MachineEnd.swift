internal import Carrier
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
    ///   - said: the end of what the monitor said on its standard error.
    ///   - fault: the guest fault that the monitor reported before.
    ///   - poweredOff: the guest switched itself off.
    init(_ ending: MachineProcess.Ending, said: String, fault: String?, poweredOff: Bool) {
        let lastWords = said.split(whereSeparator: \.isNewline).last.map(String.init)
        switch ending {
        case .exited(0):
            reason = poweredOff ? "powered off" : "was stopped"
            isFailure = false
            code = .timedOutOrBusy
        // The monitor's own statuses, see `vmlab-machine --help`; 86 is a guest's fault and no `vmlab` status.
        case .exited(86):
            reason = "guest fault: " + (fault ?? lastWords ?? "unknown")
            isFailure = true
            code = .timedOutOrBusy
        case .exited(let status):
            reason = "exited(\(status))" + (lastWords.map { ": \($0)" } ?? "")
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
