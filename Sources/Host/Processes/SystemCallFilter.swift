internal import CLinux
internal import Glibc

/// Which system calls this process still makes: the kernel (seccomp(2)) ends it at any other one.
///
/// A filter is a small program of the classic packet filter's machine that the kernel runs on each call:
///
///     struct seccomp_data { int nr; u32 arch; u64 instruction_pointer; u64 args[6]; }
package struct SystemCallFilter {
    package struct Call {
        var number: Int
        var condition: Condition?

        /// As long as the lower half of one argument, masked, has that value.
        struct Condition {
            var argument: Int
            var mask: UInt32
            var value: UInt32
        }
    }

    package enum Outcome: Hashable, Sendable {
        case filtered
        /// The kernel has no such filters: everything is as before.
        case unsupported
    }

    private let calls: [Call]

    /// - Parameter calls: the commonest first; kernels before 5.11 look at them in this order each time.
    package init(_ calls: [Call]) { self.calls = calls }

    /// From now on, for all threads and for good. Programs that it starts gain no rights either, if it may start any.
    package func enter() throws(OSError) -> Outcome {
        guard syscall5(Int(SYS_prctl), Int(PR_SET_NO_NEW_PRIVS), 1, 0, 0, 0) == 0 else { return .unsupported }
        guard var program = instructions else { return .unsupported }
        // Safe because the kernel copies the program, which outlives the call.
        let result = unsafe program.withUnsafeMutableBufferPointer { buffer in
            var description = unsafe sock_fprog(len: UInt16(clamping: buffer.count), filter: buffer.baseAddress)
            return unsafe withUnsafeMutablePointer(to: &description) { pointer in
                syscall3(
                    Int(SYS_seccomp), Int(SECCOMP_SET_MODE_FILTER), Int(SECCOMP_FILTER_FLAG_TSYNC), Int(bitPattern: pointer))
            }
        }
        if result == 0 { return .filtered }
        // The number of a thread that has another filter already.
        if result > 0 { throw OSError(.resourceBusy, "filter the system calls of thread \(result)") }
        let error = OSError.current("filter system calls")
        if error.code == .noFunction || error.code == .invalidArgument { return .unsupported }
        throw error
    }

    // MARK: The program

    private static let numberOffset: UInt32 = 0
    private static let architectureOffset: UInt32 = 4
    private static let argumentsOffset: UInt32 = 16

    /// `nil` where the numbers of calls are not known: each architecture has its own.
    private var instructions: [sock_filter]? {
        #if arch(x86_64)
            var program = [
                Self.load(Self.architectureOffset), Self.skipUnless(equal: AUDIT_ARCHITECTURE_X86_64, 0, else: 1),
                Self.skip(1), Self.end(SECCOMP_RET_KILL_PROCESS), Self.load(Self.numberOffset),
            ]
            for call in calls {
                guard let condition = call.condition else {
                    program += [Self.skipUnless(equal: UInt32(clamping: call.number), 0, else: 1), Self.end(SECCOMP_RET_ALLOW)]
                    continue
                }
                program += [
                    Self.skipUnless(equal: UInt32(clamping: call.number), 0, else: 5),
                    // Machines that this is for keep the lower half first.
                    Self.load(Self.argumentsOffset + 8 * UInt32(clamping: condition.argument)), Self.and(condition.mask),
                    Self.skipUnless(equal: condition.value, 0, else: 1), Self.end(SECCOMP_RET_ALLOW), Self.end(SECCOMP_RET_KILL_PROCESS),
                ]
            }
            return program + [Self.end(SECCOMP_RET_KILL_PROCESS)]
        #else
            return nil
        #endif
    }

    private static func load(_ offset: UInt32) -> sock_filter { instruction(BPF_LD | BPF_W | BPF_ABS, offset) }
    private static func and(_ mask: UInt32) -> sock_filter { instruction(BPF_ALU | BPF_AND | BPF_K, mask) }
    private static func skip(_ count: UInt32) -> sock_filter { instruction(BPF_JMP | BPF_JA, count) }
    private static func end(_ verdict: UInt32) -> sock_filter { instruction(BPF_RET | BPF_K, verdict) }

    /// Skips so many instructions if the value that was loaded is this one, and so many if it is another.
    private static func skipUnless(equal value: UInt32, _ same: UInt8, else other: UInt8) -> sock_filter {
        sock_filter(code: UInt16(truncatingIfNeeded: BPF_JMP | BPF_JEQ | BPF_K), jt: same, jf: other, k: value)
    }

    private static func instruction(_ code: CInt, _ value: UInt32) -> sock_filter {
        sock_filter(code: UInt16(truncatingIfNeeded: code), jt: 0, jf: 0, k: value)
    }
}

/// The calls that filters are made of, by their names in section 2 of the manual.
extension SystemCallFilter.Call {
    private init(_ number: CInt) { self.number = Int(number) }

    private init(_ number: CInt, argument: Int, mask: UInt32, equals value: UInt32) {
        self.number = Int(number)
        condition = Condition(argument: argument, mask: mask, value: value)
    }

    package static var read: Self { Self(SYS_read) }
    package static var write: Self { Self(SYS_write) }
    package static var writev: Self { Self(SYS_writev) }
    package static var pwrite: Self { Self(SYS_pwrite64) }
    package static var lseek: Self { Self(SYS_lseek) }
    package static var ftruncate: Self { Self(SYS_ftruncate) }
    package static var close: Self { Self(SYS_close) }
    package static var poll: Self { Self(SYS_poll) }
    package static var recvfrom: Self { Self(SYS_recvfrom) }
    package static var sendmsg: Self { Self(SYS_sendmsg) }
    package static var setsockopt: Self { Self(SYS_setsockopt) }
    package static var epollWait: Self { Self(SYS_epoll_wait) }
    package static var epollControl: Self { Self(SYS_epoll_ctl) }
    package static var setTimer: Self { Self(SYS_timerfd_settime) }
    package static var clock: Self { Self(SYS_clock_gettime) }
    package static var restart: Self { Self(SYS_restart_syscall) }
    package static var random: Self { Self(SYS_getrandom) }
    package static var futex: Self { Self(SYS_futex) }
    package static var signalReturn: Self { Self(SYS_rt_sigreturn) }
    package static var signalMask: Self { Self(SYS_rt_sigprocmask) }
    package static var threadID: Self { Self(SYS_gettid) }
    package static var processID: Self { Self(SYS_getpid) }
    package static var exitThread: Self { Self(SYS_exit) }
    package static var exit: Self { Self(SYS_exit_group) }
    package static var brk: Self { Self(SYS_brk) }
    package static var munmap: Self { Self(SYS_munmap) }
    package static var mremap: Self { Self(SYS_mremap) }
    package static var madvise: Self { Self(SYS_madvise) }
    /// mmap(2), but no code.
    package static var mapData: Self { Self(SYS_mmap, argument: 2, mask: UInt32(bitPattern: PROT_EXEC), equals: 0) }
    /// tgkill(2) of a thread of this process, as abort(3) does it.
    package static var signalOneself: Self { Self(SYS_tgkill, argument: 0, mask: .max, equals: UInt32(bitPattern: getpid())) }
}

/// What this process can acquire from now on, however it tries; what it has stays.
package enum ResourceLimit {
    /// The next descriptor's number.
    case descriptors
    /// Bytes of the longest file that it writes.
    case fileSize
    /// Processes and threads of this user, root's excepted.
    case processes

    /// Nobody but root raises it again.
    package func set(to value: UInt64) throws(OSError) {
        let resource =
            switch self {
            case .descriptors: RLIMIT_NOFILE
            case .fileSize: RLIMIT_FSIZE
            case .processes: __RLIMIT_NPROC
            }
        var limit = rlimit(rlim_cur: rlim_t(value), rlim_max: rlim_t(value))
        // Safe because the kernel copies the structure during the call.
        try retrying("limit resource \(self) to \(value)") { unsafe setrlimit(__rlimit_resource_t(resource.rawValue), &limit) }
    }
}
