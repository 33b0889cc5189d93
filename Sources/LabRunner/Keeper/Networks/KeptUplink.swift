internal import Carrier
internal import Glibc
internal import Host
internal import LabModel
internal import LabPlan

/// The process that speaks to the outside for one port: passt(1), started again whenever it ends.
///
///     waiting --network runs--> running --ended--> releasing --acknowledged--> pausing --> running
///
/// Its stream has no marks: when either end is replaced, both must have let go of it before what lies in it is thrown away.
final class KeptUplink {
    let port: PortName
    let wire: Wire
    private let arguments: [String]
    private let surroundings: Surroundings
    private(set) var state = State.waiting
    private var pause = RestartPause(first: 500)

    /// What it needs of the lab around it.
    struct Surroundings {
        var loop: EventLoop
        var leash: String
        var environment: [String]
        /// Where to find the program; `nil` when the host has none.
        var program: () -> String?
        /// To the network: `uplink-up`, `uplink-down`.
        var say: (String) -> Void
        var tell: (LabEvent.Kind, PortName, String?) -> Void
        /// A process came to be: to be written down.
        var note: (String, ProcessIdentity) -> Void
    }

    enum State {
        /// For a network.
        case waiting
        case running(LeashedChild, since: UInt64)
        /// The process is gone; the network has not said yet that it will not touch the stream any more.
        case releasing(pause: Int)
        case pausing(EventLoop.TimerID)
        /// The host has no such program: looked for again at the network's next start.
        case missing
    }

    private static let program = NetworkLaunch.uplinkProgram

    init(port: PortName, arguments: [String], surroundings: Surroundings) throws(OSError) {
        self.port = port
        self.arguments = arguments
        self.surroundings = surroundings
        wire = try Wire()
    }

    /// `nil` while there is none.
    var process: ChildProcess? {
        if case .running(let child, _) = state { child.child } else { nil }
    }

    /// A word for people: what `link show` has.
    var summary: String {
        switch state {
        case .waiting: "waiting"
        case .running: "up"
        case .releasing, .pausing: "restarting"
        case .missing: "missing"
        }
    }

    /// A network runs that does not know this stream yet.
    func networkStarted() {
        endProcess()
        wire.drain()
        start()
    }

    /// No network touches the stream any more.
    func networkEnded() {
        endProcess()
        state = .waiting
    }

    /// The network will not touch the stream any more.
    func acknowledged() {
        guard case .releasing(let milliseconds) = state else { return }
        wire.drain()
        state = .pausing(surroundings.loop.after(milliseconds: milliseconds) { [unowned self] in start() })
    }

    private func start() {
        guard let program = surroundings.program() else {
            state = .missing
            return surroundings.tell(
                .uplinkMissing, port, "there is no \(Self.program) in PATH: install the package \(Self.program); \(port) has no way out")
        }
        do throws(OSError) {
            let child = try LeashedChild(
                program: program, arguments: arguments, environment: surroundings.environment,
                inherited: [.init(NetworkLaunch.uplinkDescriptor, from: wire.otherEnd.number)],
                leash: surroundings.leash, loop: surroundings.loop, whenEnded: { [weak self] in self?.ended($0) })
            state = .running(child, since: EventLoop.now())
            surroundings.note("uplink \(port)", child.child.identity)
            surroundings.say("uplink-up \(port)")
            surroundings.tell(.uplinkStarted, port, nil)
        } catch {
            let milliseconds = pause.milliseconds(ran: 0)
            surroundings.tell(.uplinkEnded, port, "cannot be started: \(error); again in \(Self.seconds(milliseconds))")
            state = .pausing(surroundings.loop.after(milliseconds: milliseconds) { [unowned self] in start() })
        }
    }

    private func ended(_ ending: ChildProcess.Ending) {
        guard case .running(let child, let since) = state else { return }
        let milliseconds = pause.milliseconds(ran: (EventLoop.now() - since) / 1_000_000)
        let how =
            switch ending {
            case .exited(let status): "exited(\(status))"
            case .signalled(let signal): "crashed(signal \(signal))"
            }
        let words = Self.lastWords(child.errorText).map { ": \($0)" } ?? ""
        state = .releasing(pause: milliseconds)
        surroundings.tell(.uplinkEnded, port, "\(Self.program) \(how)\(words); again in \(Self.seconds(milliseconds))")
        surroundings.say("uplink-down \(port)")
    }

    /// Without a word: the network is gone, or goes.
    private func endProcess() {
        switch state {
        case .running(let child, _):
            // Its end is of no interest any more; the lab's own end waits for it by way of the audit.
            state = .waiting
            child.child.signal(SIGKILL)
            _ = try? child.child.wait(limitMilliseconds: 2000)
        case .pausing(let timer): surroundings.loop.cancel(timer)
        case .waiting, .releasing, .missing: break
        }
        state = .waiting
    }

    /// passt tells its whole configuration on standard error, and complains that a host has no system log; what went wrong comes last.
    private static func lastWords(_ text: String) -> String? {
        text.split(whereSeparator: \.isNewline).last { !$0.hasPrefix("Failed to send") && !$0.allSatisfy(\.isWhitespace) }.map {
            String($0)
        }
    }

    private static func seconds(_ milliseconds: Int) -> String {
        milliseconds < 1000 ? "\(milliseconds) ms" : "\(milliseconds / 1000) s"
    }
}
