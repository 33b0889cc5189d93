package import Host
internal import Synchronization

/// A file without its compression, decoded and digested on a thread of its own while the caller uses what came before.
///
///     file -> ArchiveIntake (read, SHA-256) -> filters -> queue -> next()
///
/// A stream is whole or an error: the decoder is run to its very end, past what the caller cares about, so that truncated
/// files and wrong checksums are always seen, and a wrong digest is reported before any damage that it explains.
package final class DecodedStream {
    /// Chunks on the way: enough that neither thread waits for the other's odd slow moment (4 MiB).
    private static let queueLength = 16

    /// The compressed bytes to decode: a whole file, or one member of a Debian package.
    package enum Part: Sendable {
        case wholeFile
        /// The `ar` member of a `.deb` whose name begins so: `data.tar`.
        case member(prefix: String)
    }

    package struct Limits: Sendable {
        /// Decoded bytes: what a few kilobytes of archive may grow to.
        package var decodedBytes: UInt64

        package init(decodedBytes: UInt64) { self.decodedBytes = decodedBytes }
    }

    private let shared: Shared
    private var thread: NamedThread?
    private let subject: String

    /// Bytes of the file read so far, for progress.
    var bytesRead: UInt64 { shared.counter.bytes.load(ordering: .relaxed) }

    /// - Parameter expected: the digest that the whole file must have; checked by `finish()`, on the bytes that were decoded.
    package init(_ file: SharedDescriptor, _ part: Part = .wholeFile, subject: String, expected: Digest?, limits: Limits) throws(ImageError)
    {
        self.subject = subject
        let shared = Shared(length: DecodedStream.queueLength)
        self.shared = shared
        do throws(OSError) {
            thread = try NamedThread("image decoder") {
                let result = Decoder(file, part, subject: subject, expected: expected, limits: limits, shared: shared).run()
                shared.result.withLock { $0 = result }
                shared.queue.finish()
            }
        } catch {
            throw ImageError(error, subject)
        }
    }

    deinit {
        shared.queue.cancel()
        if let thread = thread.take() { thread.join() }
    }

    /// The next decoded bytes; `nil` at the end.
    func next() throws(ImageError) -> Chunk? {
        if let chunk = shared.queue.pop() { return chunk }
        _ = try outcome()
        return nil
    }

    /// Lets the decoder run to the end, and gives the digest of the whole file.
    package func finish() throws(ImageError) -> Digest {
        while shared.queue.pop() != nil {}
        return try outcome()
    }

    /// What there is to say about a failure of the stream's user: the stream's own, where it has one, explains it.
    package func explain(_ error: ImageError) -> ImageError {
        do throws(ImageError) {
            _ = try finish()
            return error
        } catch {
            return error
        }
    }

    private func outcome() throws(ImageError) -> Digest {
        // The decoder says how it went before it finishes the queue.
        guard let result = shared.result.withLock({ $0 }) else { throw ImageError(.damagedArchive("the decoder was stopped"), subject) }
        return try result.get()
    }

    fileprivate final class Shared: Sendable {
        let queue: BoundedQueue<Chunk>
        let result = Mutex<Result<Digest, ImageError>?>(nil)
        let counter = IntakeCounter()

        init(length: Int) { queue = BoundedQueue(capacity: length) }
    }
}

/// The work of the decoder's thread.
private struct Decoder {
    private let intake: ArchiveIntake
    private let part: DecodedStream.Part
    private let subject: String
    private let expected: Digest?
    private let limits: DecodedStream.Limits
    private let queue: BoundedQueue<Chunk>

    init(
        _ file: SharedDescriptor, _ part: DecodedStream.Part, subject: String, expected: Digest?, limits: DecodedStream.Limits,
        shared: DecodedStream.Shared
    ) {
        intake = ArchiveIntake(file, subject: subject, counter: shared.counter)
        self.part = part
        self.subject = subject
        self.expected = expected
        self.limits = limits
        queue = shared.queue
    }

    func run() -> Result<Digest, ImageError> {
        do throws(ImageError) {
            let failure: ImageError?
            do throws(ImageError) {
                guard try decode() else { return .failure(ImageError(.damagedArchive("reading was given up"), subject)) }
                failure = nil
            } catch {
                failure = error
            }
            // Also after a failure: a file that is not the one asked for is the better explanation.
            let needsDigest = failure == nil || expected != nil
            if needsDigest {
                let found = try intake.finish()
                if let expected, found != expected { throw ImageError(.digestMismatch(expected: expected, found: found), subject) }
                if failure == nil { return .success(found) }
            }
            throw failure ?? ImageError(.damagedArchive("unreadable"), subject)
        } catch {
            return .failure(error)
        }
    }

    /// False when the consumer wants no more.
    private func decode() throws(ImageError) -> Bool {
        switch part {
        case .wholeFile:
            return try unsafe forward { () throws(ImageError) in try unsafe intake.next() }
        case .member(let prefix):
            let outer = try unsafe LibArchive(.ar, filters: false, subject: subject) { () throws(ImageError) in try unsafe intake.next() }
            while let name = try outer.nextName() {
                guard name.starts(with: Array(prefix.utf8)) else { continue }
                return try unsafe forward { () throws(ImageError) in
                    try unsafe outer.nextBlock()?.bytes ?? UnsafeRawBufferPointer(start: nil, count: 0)
                }
            }
            throw ImageError(.damagedArchive("no member \(prefix) in the package"), subject)
        }
    }

    private func forward(_ pull: @escaping () throws(ImageError) -> UnsafeRawBufferPointer) throws(ImageError) -> Bool {
        let stream = try unsafe LibArchive(.stream, filters: true, subject: subject, pull: pull)
        guard try unsafe stream.nextEntry() != nil else { throw ImageError(.damagedArchive("empty"), subject) }
        var decoded: UInt64 = 0
        while let block = try unsafe stream.nextBlock()?.bytes {
            decoded += UInt64(block.count)
            guard decoded <= limits.decodedBytes else {
                throw ImageError(.tooLarge(what: "unpacked bytes", limit: limits.decodedBytes), subject)
            }
            var start = 0
            while start < block.count {
                let end = min(block.count, start + Chunk.capacity)
                let piece = unsafe UnsafeRawBufferPointer(rebasing: block[start..<end])
                let chunk = unsafe Chunk { buffer in
                    unsafe buffer.copyMemory(from: piece)
                    return piece.count
                }
                guard queue.push(chunk) else { return false }
                start = end
            }
        }
        return true
    }
}
