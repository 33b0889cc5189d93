internal import Glibc
package import Host
package import LabModel
internal import SystemPackage

/// Why the runner could not do what it was asked.
package enum RunnerError: Error, Hashable, Sendable {
    /// Another process has the lab's lock.
    case busy(lab: String, holder: LockHolder?)
    /// A system call failed; the path is in the error.
    case system(OSError)
    /// No such machine, or it cannot do that now.
    case machine(String, code: ExitCode, hint: String?)
    /// The keeper ended while it was being talked to.
    case keeperGone(String)
    /// The keeper said something that is no reply, or nothing.
    case keeperSilent(String)
    /// An answer of the keeper that is not success.
    case refused(Outcome)

    package var outcome: Outcome {
        switch self {
        case .busy(let lab, let holder):
            Outcome(
                .timedOutOrBusy,
                holder.map { "lab \(lab) is busy: process \($0.pid) has been doing `\($0.doing)` since \($0.since)" }
                    ?? "lab \(lab) is busy: another process has its lock",
                hint: "wait for it, or interrupt it with ^C there")
        case .system(let error): Outcome(error.exitCode, error.description, hint: error.hint)
        case .machine(let message, let code, let hint): Outcome(code, message, hint: hint)
        case .keeperGone(let message):
            Outcome(.operatingSystem, message, hint: "`vmlab down` removes what it left; `vmlab up` goes on from there")
        case .keeperSilent(let message):
            Outcome(.timedOutOrBusy, message, hint: "`vmlab down --force` ends a keeper that does not answer and cleans up after it")
        case .refused(let outcome): outcome
        }
    }
}

extension RunnerError: CustomStringConvertible {
    package var description: String { outcome.message }
}

extension OSError {
    /// The status a command exits with when this is what stopped it.
    package var exitCode: ExitCode {
        switch code {
        case .permissionDenied, .notPermitted: .notPermitted
        case .noSpace, .diskQuotaExceeded, .readOnlyFileSystem, .fileExists, .fileNameTooLong, .isDirectory, .notDirectory: .cannotCreate
        case .noSuchFileOrDirectory: .inputMissing
        case .ioError: .inputOutput
        default: .operatingSystem
        }
    }

    /// The same, told with how much was to be written and how much room there is, where room is what was missing.
    func told(needed: UInt64, at path: String) -> OSError {
        guard code == .noSpace || code == .diskQuotaExceeded else { return self }
        var status = statvfs()
        // Safe because the structure outlives the call, and the path is copied during it.
        guard unsafe statvfs(path, &status) == 0 else { return self }
        let free = UInt64(status.f_bavail) &* UInt64(status.f_frsize)
        return OSError(code, "\(doing) (needed: \(needed) bytes, free there: \(free))")
    }

    /// What a person can do about it.
    package var hint: String? {
        switch code {
        case .noSpace, .diskQuotaExceeded: "make room there, or move vmlab's folders with VMLAB_HOME"
        case .readOnlyFileSystem, .permissionDenied: "choose a folder you may write to with VMLAB_HOME"
        case .notDirectory, .isDirectory, .tooManySymbolicLinkLevels:
            "something else has the name of one of vmlab's own: look at it, remove it, and try again"
        case .fileNameTooLong: "set VMLAB_HOME or XDG_RUNTIME_DIR to a shorter path, or give the lab a shorter --name"
        case .tooManyOpenFiles:
            "raise the limit of open files (`ulimit -n`): a lab needs about 32, 8 for each machine and 2 for each of its ports"
        case .tooManyOpenFilesInSystem: "the whole host has too many files open: see /proc/sys/fs/file-max"
        default: nil
        }
    }
}
