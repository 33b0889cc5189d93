internal import CarrierLink
internal import Glibc
internal import Host

/// The one program of a carrier, its standard streams tied to the link.
final class RunningProgram {
    private let child: ChildProcess
    private let loop: EventLoop
    private let link: LinkPort
    private let output: SharedDescriptor
    private let errors: SharedDescriptor
    /// Where its input goes; `nil` once that is closed, or for a program that has none.
    private var input: SharedDescriptor?
    private var pending: [UInt8] = []
    private var inputEnds = false
    private let whenEnded: (ChildProcess.Ending) -> Void

    /// Beyond this much that the other side has not taken, its source is not read.
    private static let backlogLimit = 1 << 20
    private static let piece = 64 << 10
    private static let lastPieces = 4

    init(
        _ program: HostMessage.Program, descriptors: [(number: CInt, file: SharedDescriptor)], loop: EventLoop, link: LinkPort,
        whenEnded: @escaping (ChildProcess.Ending) -> Void
    ) throws(OSError) {
        let output = try Pipe().split()
        let errors = try Pipe().split()
        let outputWriter = Descriptor(owning: output.writer)
        let errorWriter = Descriptor(owning: errors.writer)
        self.output = SharedDescriptor(Descriptor(owning: output.reader))
        self.errors = SharedDescriptor(Descriptor(owning: errors.reader))
        let stdin: Descriptor
        if program.hasInput {
            let pipe = try Pipe().split()
            stdin = Descriptor(owning: pipe.reader)
            let writer = Descriptor(owning: pipe.writer)
            try writer.setNonBlocking()
            input = SharedDescriptor(writer)
        } else {
            stdin = try Descriptor.open("/dev/null", O_RDONLY)
        }
        child = try ChildProcess(
            program: program.path, arguments: [program.path] + program.arguments, environment: program.environment,
            inherited: [.init(0, from: stdin.number), .init(1, from: outputWriter.number), .init(2, from: errorWriter.number)]
                + descriptors.map { .init($0.number, from: $0.file.number) },
            workingFolder: program.folder)
        self.loop = loop
        self.link = link
        self.whenEnded = whenEnded
        try watch(self.output) { [unowned self] in self.pass(self.output) { .output($0) } }
        try watch(self.errors) { [unowned self] in self.pass(self.errors) { .errorOutput($0) } }
        try loop.watch(child.endDescriptor, .read) { [unowned self] _ in self.collect() }
    }

    var pid: pid_t { child.pid }

    func signal(_ number: CInt) { child.signal(number) }

    // MARK: Output

    private func watch(_ pipe: SharedDescriptor, _ handler: @escaping () -> Void) throws(OSError) {
        try pipe.with { pipe throws(OSError) in try pipe.setNonBlocking() }
        try loop.watch(pipe.number, .read) { _ in handler() }
    }

    /// Passes a piece on; false when there is nothing now, or nothing any more.
    @discardableResult
    private func pass(_ pipe: SharedDescriptor, _ message: ([UInt8]) -> InitMessage) -> Bool {
        do throws(OSError) {
            let bytes = try pipe.with { pipe throws(OSError) in try pipe.read(upTo: Self.piece) }
            if bytes.isEmpty {
                loop.remove(pipe.number)
                return false
            }
            link.send(message(bytes))
            if link.backlog > Self.backlogLimit { readOutputs(false) }
            return true
        } catch {
            if error.code != .wouldBlock { loop.remove(pipe.number) }
            return false
        }
    }

    func linkDrained() { readOutputs(true) }

    private func readOutputs(_ on: Bool) {
        for pipe in [output, errors] { try? loop.change(pipe.number, to: on ? .read : []) }
    }

    // MARK: Input

    /// An empty array is the end.
    func input(_ bytes: [UInt8]) {
        guard input != nil else { return }
        if bytes.isEmpty { inputEnds = true } else { pending += bytes }
        feed()
    }

    private func feed() {
        while let input, !pending.isEmpty {
            do throws(OSError) {
                guard let count = try input.with({ input throws(OSError) in try input.writeSome(pending) }) else {
                    link.pause(pending.count > Self.backlogLimit)
                    try loop.watch(input.number, .write) { [unowned self] _ in self.feed() }
                    return
                }
                pending.removeFirst(count)
            } catch {
                // The program closed its input: what comes for it is thrown away.
                closeInput()
                return
            }
        }
        if let input { loop.remove(input.number) }
        link.pause(false)
        if inputEnds { closeInput() }
    }

    private func closeInput() {
        if let input { loop.remove(input.number) }
        input = nil
        pending = []
        link.pause(false)
    }

    // MARK: The end

    /// What it wrote before its end is still in the pipes, and goes first. A pipe holds 64 KiB; more comes only from programs
    /// that it left behind, and those are not waited for.
    private func collect() {
        guard let ending = child.reap() else { return }
        for _ in 0..<Self.lastPieces where !pass(output, { .output($0) }) { break }
        for _ in 0..<Self.lastPieces where !pass(errors, { .errorOutput($0) }) { break }
        loop.remove(output.number)
        loop.remove(errors.number)
        loop.remove(child.endDescriptor)
        closeInput()
        whenEnded(ending)
    }
}
