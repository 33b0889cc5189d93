import Glibc
import Host
import LabNetwork
import LabRunner

/// From the files of a ring to wherever the capture is wanted.
final class CaptureSession {
    private let source: RingFiles
    private let writer: CaptureWriter
    private(set) var tail: CaptureTail
    private(set) var hasWritten = false

    /// How long to wait for more before looking again: short for an eye on Wireshark, long for a processor.
    private static let pause: CInt = 100
    /// A ring that turns while it is read is not read for ever: its two files, and the one that was begun meanwhile.
    private static let filesAtOnce = 3

    init(source: RingFiles, tail: CaptureTail, writer: CaptureWriter) {
        self.source = source
        self.tail = tail
        self.writer = writer
    }

    /// What is there.
    func once() throws(OutputFile.Failure) {
        while tail.filesBegun <= Self.filesAtOnce, let blocks = tail.next(from: source) { try pass(blocks) }
    }

    /// What is there and what comes, until the keeper is gone (with all that it wrote), the files are, or the reader is.
    func follow(_ keeper: KeeperClient?) throws {
        try keeper?.send(.events(past: false, follow: true))
        while true {
            // Looked at first, so that what was written before the end is not missed.
            let isOver = keeper == nil || source.isGone || !listen(to: keeper)
            while let blocks = tail.next(from: source) { try pass(blocks) }
            if isOver || writer.isClosed(waitingMilliseconds: Self.pause) { return }
        }
    }

    /// Reads the events away; false at their end.
    private func listen(to keeper: KeeperClient?) -> Bool {
        guard let keeper else { return false }
        while keeper.wait(limitMilliseconds: 0) {
            guard let replies = try? keeper.receive(), !replies.isEmpty else { return false }
        }
        return true
    }

    private func pass(_ blocks: [UInt8]) throws(OutputFile.Failure) {
        guard !blocks.isEmpty else { return }
        hasWritten = true
        try writer.write(blocks)
    }
}

/// Standard output, or a file of the user's.
struct CaptureWriter {
    let io: Streams
    let file: OutputFile?

    func write(_ bytes: [UInt8]) throws(OutputFile.Failure) {
        guard let file else { return io.writeOut(bytes) }
        try file.write(bytes)
    }

    /// True when nobody reads standard output any more; waits so long to find out.
    func isClosed(waitingMilliseconds limit: CInt) -> Bool {
        // Without events, only errors are reported: a pipe without a reader is one.
        var entry = pollfd(fd: file == nil ? io.out : -1, events: 0, revents: 0)
        // Safe because the one entry outlives the call.
        return unsafe poll(&entry, 1, limit) > 0
    }
}
