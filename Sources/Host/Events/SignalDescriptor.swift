internal import CLinux
internal import Glibc
internal import SystemPackage

/// Signals as something to read: blocked for the whole process, delivered through a descriptor.
///
/// Make it before any thread starts, since threads inherit the mask. Children get an empty mask again (`ChildProcess`).
package struct SignalDescriptor: ~Copyable {
    private let descriptor: Descriptor

    package var number: CInt { descriptor.number }

    package init(_ signals: [CInt]) throws(OSError) {
        var set = sigset_t()
        // Safe because the set outlives the calls.
        unsafe _ = sigemptyset(&set)
        for signal in signals { unsafe _ = sigaddset(&set, signal) }
        let result = unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
        guard result == 0 else { throw OSError(Errno(rawValue: result), "block signals") }
        descriptor = Descriptor(
            owning: try retrying("receive signals") { unsafe signalfd(-1, &set, CInt(SFD_CLOEXEC | SFD_NONBLOCK)) })
    }

    /// The next signal that arrived; `nil` when there is none.
    package borrowing func next() throws(OSError) -> CInt? {
        var info = signalfd_siginfo()
        let count = unsafe Glibc.read(descriptor.number, &info, MemoryLayout<signalfd_siginfo>.size)
        if count == MemoryLayout<signalfd_siginfo>.size { return CInt(truncatingIfNeeded: info.ssi_signo) }
        if count < 0, Errno.last != .resourceTemporarilyUnavailable, Errno.last != .interrupted {
            throw OSError.current("receive a signal")
        }
        return nil
    }
}
