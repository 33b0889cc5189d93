/// How a machine's process ends; the numbers are those of sysexits.h where there is one.
package enum ExitStatus: Int32, Sendable {
    case success = 0
    case usage = 64
    case bootInput = 65
    case unavailable = 69
    case bug = 70
    case system = 71
    case inputOutput = 74
    case busy = 75
    case guestFault = 86
}

/// Why a machine did not start, or could not go on.
package struct MachineFailure: Error, Sendable {
    package var status: ExitStatus
    package var reason: String

    package init(_ status: ExitStatus, _ reason: String) {
        self.status = status
        self.reason = reason
    }
}
