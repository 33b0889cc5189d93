internal import CLinux
internal import Glibc
internal import Host

/// How `--gently` ends a program whose parent died, or that is told to stop: it is asked, given time to tidy up after
/// itself, and then ended together with everything it started.
///
/// The leash stays between the two, as the one who inherits what the program leaves running: programs that start others in
/// namespaces and sessions of their own (mmdebstrap) leave nothing behind this way, even when they do not listen.
enum Supervision {
    /// What removing a half-made root filesystem takes on a slow disk.
    private static let patienceMilliseconds: UInt64 = 4000
    /// Rounds of ending what is left; each gives the kernel 10 ms.
    private static let rounds = 500

    /// `MS_REC | MS_PRIVATE`, which Swift sees twice.
    private static let privateRecursively: UInt = 0x4000 | 0x4_0000
    /// `CLONE_NEWNS`, a macro that Swift does not see.
    private static let newMountNamespace = 0x0002_0000

    /// What root's programs mount (mmdebstrap: /proc, /sys, /dev/pts) is seen by nobody else, and gone with the last of them however
    /// they ended: no file system of the host can be found below a folder that is to be removed.
    private static func keepMountsPrivate() {
        // Without the right to it nothing can be mounted either.
        guard syscall3(Int(SYS_unshare), newMountNamespace, 0, 0) == 0 else { return }
        // Safe because the kernel copies the strings during the call.
        _ = unsafe mount("none", "/", nil, privateRecursively, nil)
    }

    /// - Parameter arguments: the program's whole argv.
    static func run(_ program: String, _ arguments: [String]) throws(OSError) -> CInt {
        keepMountsPrivate()
        let signals = try SignalDescriptor([SIGTERM, SIGINT, SIGHUP])
        _ = syscall3(Int(SYS_prctl), Int(PR_SET_CHILD_SUBREAPER), 1, 0)
        let environment = try readSmallFile("/proc/self/environ").split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
        let child = try ChildProcess(
            program: program, arguments: arguments, environment: environment, inherited: (0...2).map { .init($0, from: $0) })
        var deadline: UInt64?
        while child.reap() == nil {
            var waits = [signals.number, child.endDescriptor].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            // Safe because the array outlives the call. An interrupted wait is looked at like any other.
            unsafe _ = poll(&waits, 2, deadline == nil ? -1 : 50)
            while try signals.next() != nil {
                if deadline == nil { deadline = EventLoop.now() + patienceMilliseconds * 1_000_000 }
                kill(-child.pid, SIGTERM)
            }
            if let deadline, EventLoop.now() >= deadline { endChildren(but: child.pid) }
        }
        for _ in 0..<rounds where endChildren(but: child.pid) { usleep(10_000) }
        return switch child.ending {
        case .exited(let status): status
        case .signalled(let signal): 128 + signal
        case nil: 125
        }
    }

    /// Kills every child, also those that were inherited, and takes leave of the dead; false when there was none.
    ///
    /// - Parameter waited: is killed like the others, but reaped by its owner.
    @discardableResult
    private static func endChildren(but waited: pid_t) -> Bool {
        let own = getpid()
        guard let list = try? readSmallFile("/proc/self/task/\(own)/children") else { return false }
        let children = String(decoding: list, as: UTF8.self).split(separator: " ").compactMap { pid_t($0) }
        for child in children {
            kill(child, SIGKILL)
            if child != waited { _ = waitpid(child, nil, WNOHANG) }
        }
        return !children.isEmpty
    }
}
