import Foundation
import Glibc
import Host
import Synchronization

/// What a benchmark leaves behind and takes away again: at the end of its owner, or when SIGINT or SIGTERM ends the program.
final class CleanUp: Sendable {
    private static let pending = Mutex<[(identity: ObjectIdentifier, action: @Sendable () -> Void)]>([])
    private let action: @Sendable () -> Void

    init(_ action: @escaping @Sendable () -> Void) {
        self.action = action
        Self.pending.withLock { $0.append((ObjectIdentifier(self), action)) }
    }

    deinit {
        let identity = ObjectIdentifier(self)
        Self.pending.withLock { $0.removeAll { $0.identity == identity } }
        action()
    }

    /// From now on SIGINT and SIGTERM take away what there is, the newest first, and end the program. Called before other threads start, since
    /// they inherit the mask.
    static func whenInterrupted() {
        var set = signals
        // Safe because the set outlives the call; the thread below has its own.
        unsafe _ = pthread_sigmask(SIG_BLOCK, &set, nil)
        Thread.detachNewThread {
            var set = signals
            var signal: CInt = 0
            unsafe _ = sigwait(&set, &signal)
            for entry in pending.withLock({ $0.reversed() }) { entry.action() }
            exit(128 + signal)
        }
    }

    private static var signals: sigset_t {
        var set = sigset_t()
        // Safe because the set outlives the calls.
        unsafe _ = sigemptyset(&set)
        for signal in [SIGINT, SIGTERM] { unsafe _ = sigaddset(&set, signal) }
        return set
    }
}
