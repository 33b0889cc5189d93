/// How a machine's process ends; the numbers are those of sysexits.h where there is one.
package enum ExitStatus: Hashable, Sendable {
    case success
    case usage
    case bootInput
    case unavailable
    case bug
    case system
    case inputOutput
    case busy
    case guestFault
    /// What a test guest wrote to the debug exit port: never 0, and any other odd number.
    case debugExit(UInt32)

    package var number: Int32 {
        switch self {
        case .success: 0
        case .usage: 64
        case .bootInput: 65
        case .unavailable: 69
        case .bug: 70
        case .system: 71
        case .inputOutput: 74
        case .busy: 75
        case .guestFault: 86
        // The convention of QEMU's `isa-debug-exit`.
        case .debugExit(let value): Int32(value << 1 & 0xFF | 1)
        }
    }
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
