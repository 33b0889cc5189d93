internal import Carrier
internal import Glibc
internal import Host
internal import LabModel

/// One life of `vmlab-network`: its process and its control stream.
final class NetworkProcess {
    private let child: LeashedChild
    private let controlDescriptor: SharedDescriptor
    private let control: LineStream
    let startedAt = EventLoop.now()
    /// It has said that it runs.
    var hasStarted = false

    /// Words for many ports at once; a network that leaves so many unread does not work any more.
    private static let outputLimit = 1 << 20

    struct Setup {
        var program: String
        var leash: String
        var environment: [String]
        var arguments: [String]
        /// All but the control stream.
        var inherited: [ChildProcess.Inherited]
        var controlNumber: CInt?
    }

    init(
        _ setup: Setup, loop: EventLoop, hear: @escaping (NetworkEvent) -> Void, ended: @escaping (ChildProcess.Ending) -> Void
    ) throws(OSError) {
        let pair = try UnixSocket.pair().split()
        let ours = Descriptor(owning: pair.ours)
        let theirs = Descriptor(owning: pair.theirs)
        try ours.setNonBlocking()
        controlDescriptor = SharedDescriptor(ours)
        var inherited = setup.inherited
        if let number = setup.controlNumber { inherited.append(.init(number, from: theirs.number)) }
        control = try LineStream(controlDescriptor.number, outputLimit: Self.outputLimit, loop: loop) { line in
            if let event = try? JSONLine.decode(NetworkEvent.self, from: line) { hear(event) }
        }
        do throws(OSError) {
            child = try LeashedChild(
                program: setup.program, arguments: setup.arguments, environment: setup.environment, inherited: inherited,
                leash: setup.leash, loop: loop, whenEnded: ended)
        } catch {
            control.close()
            throw error
        }
    }

    var identity: ProcessIdentity { child.child.identity }

    /// False when the process has stopped reading.
    func say(_ word: String) -> Bool { control.say(word) }

    func signal(_ number: CInt) { child.child.signal(number) }

    /// Takes its last words.
    func close() { control.close() }

    /// What it said last on its standard error; `nil` when it said nothing.
    var lastWords: String? {
        child.errorText.split(whereSeparator: \.isNewline).last { !$0.allSatisfy(\.isWhitespace) }.map { String($0) }
    }
}
