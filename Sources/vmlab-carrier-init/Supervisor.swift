internal import CarrierLink
internal import Glibc
internal import Host

/// Listens to the host, runs the one program, and tells how it ended.
final class Supervisor {
    private let loop: EventLoop
    private let link: LinkPort
    private let orphans: SignalDescriptor
    private var preparation = Preparation()
    private var state = State.preparing

    private enum State {
        case preparing
        case running(RunningProgram)
        /// The last word is said; the host says when everything is read.
        case finished
    }

    /// A host that has not answered the last word by then never will.
    private static let farewellMilliseconds = 20_000

    init(link port: consuming Descriptor) throws(OSError) {
        loop = try EventLoop()
        orphans = try SignalDescriptor([SIGCHLD])
        link = try LinkPort(port, loop: loop)
    }

    /// Returns when the carrier should power off.
    func run() throws(OSError) {
        try link.listen(receive: { [unowned self] in self.handle($0) }, lost: { [unowned self] in self.linkLost($0) })
        try loop.watch(orphans.number, .read) { [unowned self] _ in self.reapOrphans() }
        link.whenDrained = { [unowned self] in self.linkDrained() }
        link.send(.hello(version: InitMessage.version, uptimeMilliseconds: UInt32(truncatingIfNeeded: EventLoop.now() / 1_000_000)))
        try loop.run()
    }

    // MARK: The host's messages

    private func handle(_ message: HostMessage) {
        do throws(Preparation.Failure) {
            switch (state, message) {
            case (.preparing, _): try prepare(message)
            case (.running(let program), .input(let bytes)): program.input(bytes)
            case (.running(let program), .signal(let number)): program.signal(number)
            // Input and signals may cross the program's end on their way.
            case (.finished, .input), (.finished, .signal): break
            case (_, .powerOff): loop.stop()
            default: throw .nonsense(LinkError("a message out of turn"))
            }
        } catch {
            switch error {
            case .system(let error): fail("\(error)")
            case .nonsense(let error): fail("\(error)")
            }
        }
    }

    private func prepare(_ message: HostMessage) throws(Preparation.Failure) {
        do throws(OSError) {
            switch message {
            case .stream(let number, let name): try preparation.open(stream: name, at: number)
            case .disk(let number, let serial, let writable): try preparation.open(disk: serial, writable: writable, at: number)
            case .blob(let number, let size): try preparation.begin(blobAt: number, size: size)
            case .file(let path, let mode, let size): try preparation.begin(file: path, mode: mode, size: size)
            case .link(let path, let target): try preparation.link(path, to: target)
            case .start(let program):
                try start(program)
                return
            case .powerOff:
                loop.stop()
                return
            case .data: break
            case .input, .signal: break
            }
        } catch {
            throw .system(error)
        }
        switch message {
        case .data(let bytes): try preparation.write(bytes)
        case .input, .signal: throw .nonsense(LinkError("input before there is a program"))
        default: break
        }
    }

    // MARK: The program

    private func start(_ program: HostMessage.Program) throws(OSError) {
        do throws(Preparation.Failure) {
            try preparation.finish()
        } catch {
            switch error {
            case .system(let error): throw error
            case .nonsense(let error): return fail("\(error)")
            }
        }
        try Bringup.makeFolders(to: program.folder)
        let running = try RunningProgram(
            program, descriptors: preparation.descriptors, loop: loop, link: link
        ) { [unowned self] ending in self.programEnded(ending) }
        preparation.release()
        state = .running(running)
        link.send(.running)
    }

    private func programEnded(_ ending: ChildProcess.Ending) {
        switch ending {
        case .exited(let status): finish(.exited(status))
        case .signalled(let number): finish(.signalled(number))
        }
    }

    private func linkDrained() {
        if case .running(let program) = state { program.linkDrained() }
    }

    // MARK: Ends

    private func fail(_ reason: String) {
        Bringup.say(reason)
        finish(.failed(reason))
    }

    private func finish(_ lastWord: InitMessage) {
        if case .finished = state { return }
        state = .finished
        link.pause(false)
        link.send(lastWord)
        loop.after(milliseconds: Self.farewellMilliseconds) { [unowned self] in self.loop.stop() }
    }

    private func linkLost(_ reason: String?) {
        if let reason { Bringup.say(reason) }
        loop.stop()
    }

    /// Process 1 inherits whatever its program leaves behind.
    private func reapOrphans() {
        while (try? orphans.next()) != nil {}
        let ours: pid_t = if case .running(let program) = state { program.pid } else { 0 }
        while true {
            var info = unsafe siginfo_t()
            // Safe because the structure outlives the call. WNOWAIT leaves our own child for its owner to reap.
            guard unsafe waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 else { return }
            let pid = unsafe info._sifields._sigchld.si_pid
            guard pid > 0, pid != ours else { return }
            _ = waitpid(pid, nil, WNOHANG)
        }
    }
}
