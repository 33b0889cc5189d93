internal import Host
internal import Synchronization

/// Reads a file from its start to its end, once, and digests every byte that it hands out.
///
/// The digest is of the very bytes that were decoded: a file exchanged or changed while it is read cannot pass for another.
@safe
final class ArchiveIntake {
    /// One read: large enough for the disk, and half of what lies in the second-level cache.
    private static let readSize = 512 << 10

    private let file: SharedDescriptor
    private let subject: String
    private let counter: IntakeCounter
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: readSize, alignment: 4096)
    private var offset: UInt64 = 0
    private var hash = SHA256()

    init(_ file: SharedDescriptor, subject: String, counter: IntakeCounter) {
        self.file = file
        self.subject = subject
        self.counter = counter
    }

    deinit { unsafe buffer.deallocate() }

    /// The next bytes, valid until the next call; empty at the end.
    func next() throws(ImageError) -> UnsafeRawBufferPointer {
        let count: Int
        do throws(OSError) {
            count = try file.with { file throws(OSError) in try unsafe file.read(into: buffer, at: offset) }
        } catch {
            throw ImageError(error, subject)
        }
        let bytes = unsafe UnsafeRawBufferPointer(rebasing: buffer[..<count])
        unsafe hash.update(bytes.bytes)
        offset += UInt64(count)
        counter.bytes.store(offset, ordering: .relaxed)
        return unsafe bytes
    }

    /// Reads what nobody asked for, and gives the digest of the whole file.
    func finish() throws(ImageError) -> Digest {
        while try unsafe !next().isEmpty {}
        var whole = SHA256()
        swap(&whole, &hash)
        return whole.finish()
    }
}

/// How far an intake has come: written by the thread that reads, watched by the one that reports.
final class IntakeCounter: Sendable {
    let bytes = Atomic<UInt64>(0)
}
