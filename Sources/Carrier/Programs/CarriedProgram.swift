internal import CarrierLink
internal import Glibc
internal import Host
internal import LabModel

/// One carrier from power-on to power-off, and the one program in it.
///
///     booting --hello--> preparing --running--> running --exited--> draining --> poweringOff --> ended
///
/// Whatever goes wrong on the way ends in `carrierFailed`; the program's own end is told only after the carrier is gone.
final class CarriedProgram {
    enum Event {
        case running
        case output([UInt8])
        case errorOutput([UInt8])
        case ended(MachineProcess.Ending)
    }

    /// Everything a carrier is started with.
    struct Setup {
        var kit: CarrierKit
        var leash: String
        var environment: [String]
        var memory: ByteCount
        /// Sockets for QEMU, by the number and name the program knows them by.
        var streams: [(number: Int32, name: String, socket: CInt)] = []
        var disks: [(number: Int32, file: CInt, writable: Bool)] = []
        var contents: [Content] = []
        var links: [HostMessage] = []
        var start: HostMessage
    }

    /// A blob or a file: its announcement and its bytes.
    struct Content {
        var announcement: HostMessage
        var file: SharedDescriptor
        var size: UInt64
    }

    private enum State {
        case booting(Setup.Messages)
        case preparing
        case running
        /// What the program said last is still on its way to whoever reads its streams.
        case draining(MachineProcess.Ending)
        case poweringOff(MachineProcess.Ending)
        case ended
    }

    /// A quiet host takes 2 s, two cores with eight carriers at once 8 s; this is for a host that is hardly alive.
    private static let bootLimitMilliseconds = 180_000
    /// Linux in a carrier powers off in milliseconds; a disk that must be written out first may take longer.
    private static let powerOffLimitMilliseconds = 30_000
    /// Whoever does not read a stream for this long loses its end.
    private static let drainLimitMilliseconds = 5_000
    private static let drainTurnMilliseconds = 4

    private var qemu: LeashedChild?
    private var link: LinkChannel?
    private let loop: EventLoop
    private let handler: (Event) -> Void
    private var state: State
    private var deadline: EventLoop.TimerID?
    /// A signal that our own side sent to the carrier as a whole.
    private var killedBy: Int32?
    private var failure: String?
    /// True when no stream holds bytes that nobody has read yet.
    var streamsAreDrained: () -> Bool = { true }

    /// Numbers in QEMU, clear of 0 to 2: the link, then streams, then disks.
    private static let firstDescriptor: CInt = 3

    init(_ setup: Setup, loop: EventLoop, handler: @escaping (Event) -> Void) throws(CarrierError) {
        self.loop = loop
        self.handler = handler
        state = .booting(setup.messages)
        try start(setup)
        deadline = loop.after(milliseconds: Self.bootLimitMilliseconds) { [weak self] in
            self?.giveUp("it was not ready within \(Self.bootLimitMilliseconds / 1000) s")
        }
    }

    deinit {
        if let deadline { loop.cancel(deadline) }
    }

    private func start(_ setup: Setup) throws(CarrierError) {
        guard setup.streams.count < CarrierCommand.mostPorts, setup.disks.count <= CarrierCommand.mostDisks else {
            throw CarrierError(
                .launchWrong,
                "a carrier has room for \(CarrierCommand.mostPorts - 1) streams and \(CarrierCommand.mostDisks) disks, not for \(setup.streams.count) and \(setup.disks.count)"
            )
        }
        try carrierErrors { () throws(OSError) in
            let ends = try UnixSocket.pair().split()
            let ours = Descriptor(owning: ends.ours)
            let theirs = Descriptor(owning: ends.theirs)
            var inherited = [ChildProcess.Inherited(Self.firstDescriptor, from: theirs.number)]
            var ports = [CarrierCommand.Port(name: linkPortName, descriptor: Self.firstDescriptor)]
            var disks: [CarrierCommand.Disk] = []
            var next = Self.firstDescriptor
            for stream in setup.streams {
                next += 1
                inherited.append(.init(next, from: stream.socket))
                ports.append(.init(name: stream.name, descriptor: next))
            }
            for disk in setup.disks {
                next += 1
                inherited.append(.init(next, from: disk.file))
                disks.append(.init(serial: Self.serial(disk.number), descriptor: next, writable: disk.writable))
            }
            let command = CarrierCommand(kit: setup.kit, memory: setup.memory, ports: ports, disks: disks)
            link = try LinkChannel(
                socket: ours, loop: loop, receive: { [weak self] in self?.receive($0) }, broken: { [weak self] in self?.giveUp($0) })
            qemu = try LeashedChild(
                program: setup.kit.qemu.path, arguments: command.arguments, environment: setup.environment, inherited: inherited,
                leash: setup.leash, loop: loop, whenEnded: { [weak self] in self?.qemuEnded($0) })
        }
    }

    /// The disk's name inside the carrier; the guest's own disk ids are another matter.
    static func serial(_ number: Int32) -> String { "fd\(number)" }

    // MARK: The public face

    var identity: ProcessIdentity? { qemu?.child.identity }
    var endDescriptor: CInt? { qemu?.child.endDescriptor }
    /// Bytes of input that the carrier has not taken yet.
    var backlog: Int { link?.backlog ?? 0 }

    /// Sends input to the program; an empty array is its end.
    func input(_ bytes: [UInt8]) {
        var rest = bytes[...]
        repeat {
            link?.send(.input(Array(rest.prefix(Frame.longestPayload))))
            rest = rest.dropFirst(Frame.longestPayload)
        } while !rest.isEmpty
    }

    /// Sends a signal to the program; before it runs, to the carrier. SIGKILL always ends the carrier with it.
    func signal(_ number: Int32) {
        switch state {
        case .booting, .preparing: killCarrier(number)
        case .running where number != SIGKILL: link?.send(.signal(number))
        case .running: killCarrier(number)
        case .draining, .poweringOff: if number == SIGKILL { killCarrier(number) }
        case .ended: break
        }
    }

    private func killCarrier(_ number: Int32) {
        killedBy = killedBy ?? number
        qemu?.child.signal(SIGKILL)
    }

    // MARK: What happens

    private func receive(_ message: InitMessage) {
        switch (state, message) {
        case (.booting(let messages), .hello(InitMessage.version, _)):
            state = .preparing
            for message in messages.announcements { link?.send(message) }
            for content in messages.contents {
                link?.send(content.announcement)
                link?.send(contentOf: content.file, size: content.size)
            }
            link?.send(messages.start)
        case (.booting, .hello(let version, _)):
            giveUp("its init speaks version \(version) of the link, this program \(InitMessage.version): the kit is of another build")
        case (.preparing, .running):
            if let deadline { loop.cancel(deadline) }
            deadline = nil
            state = .running
            handler(.running)
        case (.running, .output(let bytes)): handler(.output(bytes))
        case (.running, .errorOutput(let bytes)): handler(.errorOutput(bytes))
        case (.running, .exited(let status)): drain(.exited(status))
        case (.running, .signalled(let number)): drain(.signalled(number))
        case (.booting, .failed(let reason)), (.preparing, .failed(let reason)), (.running, .failed(let reason)):
            giveUp(reason)
        // After its last word a carrier has nothing to tell.
        case (.draining, _), (.poweringOff, _), (.ended, _): break
        default: giveUp("its init said something out of turn")
        }
    }

    private func drain(_ ending: MachineProcess.Ending) {
        state = .draining(ending)
        let limit = EventLoop.now() &+ UInt64(Self.drainLimitMilliseconds) * 1_000_000
        drainTurn(limit: limit, quiet: 0)
    }

    /// Two quiet looks one after another: what QEMU had taken from the carrier and could not hand on for want of room comes
    /// as soon as there is some.
    private func drainTurn(limit: UInt64, quiet: Int) {
        guard case .draining(let ending) = state else { return }
        let quiet = streamsAreDrained() ? quiet + 1 : 0
        guard quiet < 2, EventLoop.now() < limit else {
            state = .poweringOff(ending)
            link?.send(.powerOff)
            deadline = loop.after(milliseconds: Self.powerOffLimitMilliseconds) { [weak self] in
                self?.giveUp("it did not power off within \(Self.powerOffLimitMilliseconds / 1000) s")
            }
            return
        }
        loop.after(milliseconds: Self.drainTurnMilliseconds) { [weak self] in self?.drainTurn(limit: limit, quiet: quiet) }
    }

    /// The carrier is of no more use: end it, and say why.
    private func giveUp(_ reason: String) {
        if case .ended = state { return }
        failure = failure ?? reason
        qemu?.child.signal(SIGKILL)
    }

    private func qemuEnded(_ ending: ChildProcess.Ending) {
        if let deadline { loop.cancel(deadline) }
        deadline = nil
        let last = state
        state = .ended
        link?.close()
        handler(.ended(verdict(ending, last)))
    }

    private func verdict(_ ending: ChildProcess.Ending, _ last: State) -> MachineProcess.Ending {
        if let killedBy { return .signalled(killedBy) }
        if let failure { return .carrierFailed(failure + details) }
        if case .poweringOff(let result) = last { return result }
        let when =
            switch last {
            case .booting: "before it was up"
            case .preparing: "before the program in it ran"
            default: "while the program in it ran"
            }
        switch ending {
        case .exited(let status): return .carrierFailed("QEMU exited with status \(status) \(when)" + details)
        case .signalled(let number): return .carrierFailed("QEMU was killed by signal \(number) \(when)" + details)
        }
    }

    /// What QEMU and the carrier's kernel said last.
    private var details: String {
        guard let qemu else { return "" }
        return [qemu.errors, qemu.output].map { $0.lastWords }.filter { !$0.isEmpty }.map { " (\($0))" }.joined()
    }
}

extension CarriedProgram.Setup {
    /// What is said to the init once it listens.
    struct Messages {
        var announcements: [HostMessage]
        var contents: [CarriedProgram.Content]
        var start: HostMessage
    }

    fileprivate var messages: Messages {
        Messages(
            announcements: streams.map { .stream(number: $0.number, name: $0.name) }
                + disks.map { .disk(number: $0.number, serial: CarriedProgram.serial($0.number), writable: $0.writable) } + links,
            contents: contents, start: start)
    }
}
