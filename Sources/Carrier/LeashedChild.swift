internal import Glibc
package import Host

/// A child on the leash, watched by an event loop: what it says is kept, its end is told once.
package final class LeashedChild {
    package let child: ChildProcess
    /// Standard output: only a carrier's serial console comes here.
    private(set) var output = Tail()
    private(set) var errors = Tail()
    private let outputPipe: Descriptor
    private let errorPipe: Descriptor
    private let loop: EventLoop
    private let whenEnded: (ChildProcess.Ending) -> Void
    private static let chunk = 16 << 10
    private static let lastChunks = 8

    /// The end of what it said on its standard error.
    package var errorText: String { errors.text }

    /// Call on a thread that lives as long as the child should: the leash is tied to it.
    ///
    /// - Parameters:
    ///   - program: an absolute path.
    ///   - arguments: without the program's name.
    ///   - leash: path of `vmlab-leash`.
    ///   - inherited: without 0, 1 and 2.
    ///   - whenEnded: called on the loop's thread, after everything the child said was read. Never from within `init`.
    package init(
        program: String, arguments: [String], environment: [String], inherited: [ChildProcess.Inherited], leash: String, loop: EventLoop,
        whenEnded: @escaping (ChildProcess.Ending) -> Void
    ) throws(OSError) {
        let nothing = try Descriptor.open("/dev/null", O_RDWR)
        let output = try Pipe().split()
        let outputReader = Descriptor(owning: output.reader)
        let outputWriter = Descriptor(owning: output.writer)
        let errors = try Pipe().split()
        let errorReader = Descriptor(owning: errors.reader)
        let errorWriter = Descriptor(owning: errors.writer)
        try outputReader.setNonBlocking()
        try errorReader.setNonBlocking()
        child = try ChildProcess(
            program: leash, arguments: [leash, String(getpid()), "--", program] + arguments, environment: environment,
            inherited: [.init(0, from: nothing.number), .init(1, from: outputWriter.number), .init(2, from: errorWriter.number)] + inherited
        )
        outputPipe = outputReader
        errorPipe = errorReader
        self.loop = loop
        self.whenEnded = whenEnded
        do throws(OSError) {
            try loop.watch(outputPipe.number, .read) { [weak self] _ in self?.readOutput() }
            try loop.watch(errorPipe.number, .read) { [weak self] _ in self?.readErrors() }
            try loop.watch(child.endDescriptor, .read) { [weak self] _ in self?.collect() }
        } catch {
            // Nobody would ever hear of its end.
            child.signal(SIGKILL)
            _ = try child.wait()
            unwatch()
            throw error
        }
    }

    deinit { unwatch() }

    private func unwatch() {
        loop.remove(outputPipe.number)
        loop.remove(errorPipe.number)
        loop.remove(child.endDescriptor)
    }

    private func collect() {
        guard let ending = child.reap() else { return }
        // A pipe holds 64 KiB; more comes only from processes that the child left behind, and those are not waited for.
        for _ in 0..<Self.lastChunks where !readOutput() { break }
        for _ in 0..<Self.lastChunks where !readErrors() { break }
        unwatch()
        whenEnded(ending)
    }

    @discardableResult
    private func readOutput() -> Bool {
        guard let bytes = read(outputPipe) else { return false }
        output.append(bytes)
        return true
    }

    @discardableResult
    private func readErrors() -> Bool {
        guard let bytes = read(errorPipe) else { return false }
        errors.append(bytes)
        return true
    }

    /// What is there; `nil` when there is nothing now, or nothing any more, and then the pipe is no longer watched.
    private func read(_ pipe: borrowing Descriptor) -> [UInt8]? {
        do throws(OSError) {
            let bytes = try pipe.read(upTo: Self.chunk)
            if bytes.isEmpty { loop.remove(pipe.number) }
            return bytes.isEmpty ? nil : bytes
        } catch {
            if error.code != .wouldBlock { loop.remove(pipe.number) }
            return nil
        }
    }
}
