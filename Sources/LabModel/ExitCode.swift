/// Every status that `vmlab` exits with: one table for the code, the manual and `vmlab help exit-codes`.
///
/// `vmlab carrier run` passes its program's own status through instead.
package enum ExitCode: Int32, CaseIterable, Hashable, Sendable {
    case done = 0
    case testFailed = 1
    case changesFound = 2
    case noTestRan = 3
    case usage = 64
    case inputWrong = 65
    case inputMissing = 66
    case hostCannot = 69
    case bug = 70
    case operatingSystem = 71
    case cannotCreate = 73
    case inputOutput = 74
    case timedOutOrBusy = 75
    case digestMismatch = 76
    case notPermitted = 77
    case leftBehind = 80
    case interrupted = 130
    case terminated = 143

    /// What the status says, in one line.
    package var meaning: String {
        switch self {
        case .done: "done"
        case .testFailed: "a test failed"
        case .changesFound: "`plan --detailed-exitcode` found changes"
        case .noTestRan: "no test ran"
        case .usage: "the command line is wrong"
        case .inputWrong: "a lab file or an image recipe is wrong"
        case .inputMissing: "a lab file or another input is missing"
        case .hostCannot: "this host cannot: no usable KVM and no carrier"
        case .bug: "a bug in vmlab"
        case .operatingSystem: "an operating system error"
        case .cannotCreate: "a file or folder cannot be created"
        case .inputOutput: "an input or output error"
        case .timedOutOrBusy: "timed out, or the lab is busy"
        case .digestMismatch: "a digest does not match"
        case .notPermitted: "not permitted"
        case .leftBehind: "`down` left something behind"
        case .interrupted: "interrupted (SIGINT)"
        case .terminated: "terminated (SIGTERM)"
        }
    }

    /// The text of `vmlab help exit-codes`.
    package static var help: String {
        var text = "vmlab exits with\n"
        for code in allCases {
            let number = String(code.rawValue)
            text += String(repeating: " ", count: max(0, 5 - number.utf8.count)) + number + "  " + code.meaning + "\n"
        }
        text += "`vmlab carrier run` passes on the status of what it ran.\n"
        return text
    }
}
