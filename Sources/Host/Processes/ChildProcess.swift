internal import CLinux
internal import Glibc
internal import SystemPackage

/// A process that we started and must reap: its identity, a descriptor that tells of its end, and how it ended.
///
/// Start children only from a thread that lives as long as they should: `vmlab-leash` ties a child to its parent by the
/// parent-death signal, and that fires when the *thread* that started it ends.
package final class ChildProcess {
    package let identity: ProcessIdentity
    private let handle: Descriptor
    /// Set once it has been reaped.
    package private(set) var ending: Ending?

    package enum Ending: Hashable, Sendable {
        case exited(CInt)
        case signalled(CInt)
    }

    /// What stands at each descriptor number in the child; everything else is closed there.
    package struct Inherited {
        package var number: CInt
        /// A descriptor of ours, borrowed until the child runs.
        package var source: CInt

        package init(_ number: CInt, from source: CInt) {
            self.number = number
            self.source = source
        }
    }

    package var pid: Int32 { identity.pid }
    /// Readable when the child has ended: for an event loop.
    package var endDescriptor: CInt { handle.number }

    /// Starts a program with an empty signal mask, default signal actions and exactly these descriptors.
    ///
    /// - Parameters:
    ///   - program: an absolute path.
    ///   - arguments: the whole argv, with the program's name first.
    ///   - environment: the whole environment, `NAME=value`.
    ///   - newSession: true for a daemon: no controlling terminal, a process group of its own. Else a process group of its own only,
    ///     so that a terminal's ^C reaches the parent alone.
    package init(
        program: String, arguments: [String], environment: [String], inherited: [Inherited], newSession: Bool = false,
        workingFolder: String? = nil
    ) throws(OSError) {
        var actions = unsafe posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        // Safe because both structures live to the end of this function and are destroyed exactly once.
        unsafe _ = posix_spawn_file_actions_init(&actions)
        unsafe _ = posix_spawnattr_init(&attributes)
        defer {
            unsafe _ = posix_spawn_file_actions_destroy(&actions)
            unsafe _ = posix_spawnattr_destroy(&attributes)
        }
        // A source may stand where another target belongs, so all sources are copied above every number first. Then the
        // targets are filled, the gaps between them closed, and everything above.
        let top = inherited.flatMap { [$0.number, $0.source] }.reduce(2, max) + 1
        for (index, entry) in inherited.enumerated() {
            unsafe _ = posix_spawn_file_actions_adddup2(&actions, entry.source, top + CInt(index))
        }
        let wanted = Set(inherited.map(\.number))
        for number in 0..<top where !wanted.contains(number) { unsafe _ = posix_spawn_file_actions_addclose(&actions, number) }
        for (index, entry) in inherited.enumerated() {
            unsafe _ = posix_spawn_file_actions_adddup2(&actions, top + CInt(index), entry.number)
        }
        unsafe _ = posix_spawn_file_actions_addclosefrom_np(&actions, top)
        if let workingFolder { unsafe _ = posix_spawn_file_actions_addchdir_np(&actions, workingFolder) }
        var flags = Int32(POSIX_SPAWN_SETSIGMASK) | Int32(POSIX_SPAWN_SETSIGDEF)
        flags |= newSession ? SPAWN_SETSID : Int32(POSIX_SPAWN_SETPGROUP)
        unsafe _ = posix_spawnattr_setflags(&attributes, Int16(truncatingIfNeeded: flags))
        var set = sigset_t()
        unsafe _ = sigemptyset(&set)
        unsafe _ = posix_spawnattr_setsigmask(&attributes, &set)
        unsafe _ = sigfillset(&set)
        unsafe _ = posix_spawnattr_setsigdefault(&attributes, &set)

        var child: pid_t = 0
        let result = unsafe withCStrings(arguments) { argv in
            unsafe withCStrings(environment) { envp in
                unsafe posix_spawn(&child, program, &actions, &attributes, argv, envp)
            }
        }
        guard result == 0 else { throw OSError(Errno(rawValue: result), "start \(program)") }
        // Our own unreaped child: its number cannot be reused before we wait for it.
        let opened = syscall3(Int(SYS_pidfd_open), Int(child), 0, 0)
        guard opened >= 0 else {
            let error = OSError.current("watch process \(child)")
            kill(child, SIGKILL)
            _ = waitpid(child, nil, 0)
            throw error
        }
        handle = Descriptor(owning: CInt(truncatingIfNeeded: opened))
        // A child that ended already has no start time to read: it is still ours by number until reaped.
        identity = ProcessIdentity(of: child) ?? ProcessIdentity(boot: ProcessIdentity.bootID() ?? "", pid: child, startTime: 0)
    }
    deinit {
        // An owner that goes away without waiting leaves no zombie: a child that still runs is left to its leash, and its
        // reaping to a thread of its own.
        guard ending == nil, reap() == nil else { return }
        let pid = pid
        try? NamedThread("reaper") { while waitpid(pid, nil, 0) < 0, Errno.last == .interrupted {} }.detach()
    }

    /// Collects the ending when there is one; `nil` while the child runs. Never waits.
    package func reap() -> Ending? {
        if let ending { return ending }
        var status: CInt = 0
        // Safe because the status outlives the call.
        guard unsafe waitpid(pid, &status, WNOHANG) == pid else { return nil }
        // The macros of wait(2): the low 7 bits are the signal, the next 8 the exit status.
        let signal = status & 0x7f
        ending = signal == 0 ? .exited((status >> 8) & 0xff) : .signalled(signal)
        return ending
    }

    /// Waits for the end, at most so long (-1: for ever); `nil` when the child still runs then.
    package func wait(limitMilliseconds: Int = -1) throws(OSError) -> Ending? {
        if let ending = reap() { return ending }
        var entry = pollfd(fd: handle.number, events: Int16(POLLIN), revents: 0)
        // Safe because the one entry outlives the call.
        try retrying("wait for process \(pid)") { unsafe poll(&entry, 1, CInt(clamping: limitMilliseconds)) }
        return reap()
    }

    /// Sends a signal; false when the child has ended.
    @discardableResult
    package func signal(_ number: CInt) -> Bool {
        guard ending == nil else { return false }
        return syscall4(Int(SYS_pidfd_send_signal), Int(handle.number), Int(number), 0, 0) == 0
    }
}

/// Lends a NULL-ended array of C strings for one call.
private func withCStrings<Result>(_ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result) -> Result {
    // Safe because every copy is freed after the call that it is lent to.
    let copies = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: strings.count + 1)
    for (index, string) in strings.enumerated() { unsafe copies[index] = unsafe strdup(string) }
    unsafe copies[strings.count] = nil
    defer {
        for index in strings.indices { unsafe free(copies[index]) }
        unsafe copies.deallocate()
    }
    return unsafe body(copies)
}
