internal import CLinux
internal import Devices
internal import Glibc
internal import Host
internal import Synchronization

/// How one run of a machine, from entry to reset or off, came to its end.
package enum Ending: Hashable, Sendable {
    case reset(cause: String)
    case poweredOff
    case stopped
    /// A test guest wrote this to the debug exit port.
    case debugExit(UInt32)
    case fault(Fault)
    case failed(KVMError)

    /// What a guest did that no machine goes on from.
    package struct Fault: Hashable, Sendable {
        package enum Kind: String, Sendable {
            case tripleFault = "triple-fault"
            case internalError = "internal-error"
            case unhandledExit = "unhandled-exit"
            case entryFailed = "entry-failed"
        }

        package var kind: Kind
        package var detail: String
    }
}

/// Ends a run, once, from whatever thread finds the reason first: vCPUs leave the guest, the loop returns.
final class RunControl: MachineControl {
    /// The signal that makes a vCPU's thread leave the guest. Its handler does nothing: the interruption is all.
    static let kickSignal = SIGUSR1

    private struct State {
        var ending: Ending?
        var running: [(vcpu: VCPU, thread: pthread_t)] = []
    }

    private let state = Mutex(State())
    private let ended = Atomic<Bool>(false)
    private let loop: EventLoop.Remote

    init(loop: EventLoop.Remote) { self.loop = loop }

    /// Looked at by every vCPU before each turn.
    var hasEnded: Bool { ended.load(ordering: .acquiring) }

    var ending: Ending? { state.withLock { $0.ending } }

    func end(_ ending: Ending) {
        state.withLock { state in
            guard state.ending == nil else { return }
            state.ending = ending
            ended.store(true, ordering: .releasing)
            // In this order: a vCPU that is between its look at `hasEnded` and the guest finds the kick in its page; one in the guest gets the signal.
            for (vcpu, thread) in state.running {
                vcpu.kick()
                pthread_kill(thread, Self.kickSignal)
            }
            loop.stop()
        }
    }

    /// The calling thread runs this vCPU from now on.
    func enroll(_ vcpu: VCPU) {
        state.withLock { $0.running.append((vcpu, pthread_self())) }
    }

    // MARK: What guests ask for

    func reset(_ cause: ResetCause) { end(.reset(cause: cause.rawValue)) }

    func powerOff() { end(.poweredOff) }

    func debugExit(_ value: UInt32) { end(.debugExit(value)) }

    static func installKickHandler() {
        var action = sigaction()
        // Safe because the member of the union is the one that the flags (none) call for.
        unsafe action.__sigaction_handler.sa_handler = { _ in }
        // Safe because the handler does nothing.
        unsafe _ = sigaction(kickSignal, &action, nil)
        // Whoever started this program may have blocked it; threads inherit the mask.
        var set = sigset_t()
        // Safe because the set outlives the calls.
        unsafe _ = sigemptyset(&set)
        unsafe _ = sigaddset(&set, kickSignal)
        unsafe _ = pthread_sigmask(SIG_UNBLOCK, &set, nil)
    }
}
