internal import CArchive
internal import Glibc

/// The entries of a tar, cpio or zip archive, in order, as the archive spells them.
///
/// Holes stay holes: data comes as blocks with offsets, so a sparse terabyte costs what it holds. Names are bytes: libarchive
/// converts them only as far as the C locale goes, which is not at all.
package final class ArchiveReader {
    /// More entries than any distribution's whole archive has files; what a kilobyte of compressed empty headers may grow to.
    static let maximumEntries = 4_000_000
    /// The end of a tar is a block of zeros; a file that ends without one was cut off between two entries.
    private static let tarBlock: Int64 = 512

    private let stream: DecodedStream
    private let archive: LibArchive
    private let subject: String
    private var entries = 0
    private let tail = Tail()

    /// - Parameter isZip: it is a zip archive, and must be nothing else.
    package init(_ stream: DecodedStream, subject: String, isZip: Bool = false) throws(ImageError) {
        self.stream = stream
        self.subject = subject
        var current: Chunk?
        let tail = tail
        archive = try unsafe LibArchive(isZip ? .zip : .tree, filters: false, subject: subject) { () throws(ImageError) in
            current = try stream.next()
            if let current { tail.add(current) }
            return unsafe current?.bytes ?? UnsafeRawBufferPointer(start: nil, count: 0)
        }
    }

    /// The next entry; `nil` at the archive's proper end. What is left of the entry before is read over.
    package func next() throws(ImageError) -> ArchiveEntry? {
        while entries > 0, try unsafe archive.nextBlock() != nil {}
        let before = archive.position
        guard let entry = try unsafe archive.nextEntry() else {
            let isTar = unsafe archive_format(archive.handle) & ARCHIVE_FORMAT_BASE_MASK == ARCHIVE_FORMAT_TAR
            // Where all was read and no zeros were the last of it, the mark was not there either, whatever header came before.
            if isTar,
                archive.position - before < ArchiveReader.tarBlock
                    || (tail.zeros < ArchiveReader.tarBlock && archive.position >= tail.length)
            {
                throw ImageError(.damagedArchive("it ends without an end mark: truncated"), subject)
            }
            // Zeros are a tar without entries; so is the start of a disk or of a CD image.
            guard entries > 0 else { throw ImageError(.notAnArchive("it holds no entry"), subject) }
            return nil
        }
        entries += 1
        guard entries <= ArchiveReader.maximumEntries else {
            throw ImageError(.tooLarge(what: "entries", limit: UInt64(ArchiveReader.maximumEntries)), subject)
        }
        return try unsafe ArchiveEntry(libarchive: entry, archive: subject)
    }

    /// The next piece of the current entry's content; `nil` at its end. Valid until the next call.
    func nextBlock() throws(ImageError) -> (bytes: UnsafeRawBufferPointer, offset: UInt64)? { try unsafe archive.nextBlock() }

    /// The whole content of the current entry, holes as zeros.
    package func content(limit: Int) throws(ImageError) -> [UInt8] {
        var content: [UInt8] = []
        while let (bytes, offset) = try unsafe nextBlock() {
            guard offset <= UInt64(limit), UInt64(bytes.count) <= UInt64(limit) - offset else {
                throw ImageError(.tooLarge(what: "bytes of one file", limit: UInt64(limit)), subject)
            }
            if content.count < Int(offset) { content += [UInt8](repeating: 0, count: Int(offset) - content.count) }
            unsafe content.append(contentsOf: bytes)
        }
        return content
    }

    /// Feeds every entry with its data to a sink.
    ///
    /// - Parameter progress: is called now and then with the bytes of the file read so far.
    package func feed(_ sink: inout some ArchiveSink & ~Copyable, progress: (UInt64) -> Void) throws(ImageError) {
        while let entry = try next() {
            progress(stream.bytesRead)
            do throws(SinkError) {
                try sink.begin(entry)
            } catch {
                throw ImageError(error, archive: subject)
            }
            while let (bytes, offset) = try unsafe nextBlock() {
                progress(stream.bytesRead)
                // GNU tar's incremental archives give a directory the list of its names as content: nothing that an image holds.
                if case .directory = entry.kind { continue }
                do throws(SinkError) {
                    try unsafe sink.data(bytes.bytes, at: offset)
                } catch {
                    throw ImageError(error, archive: subject)
                }
            }
            do throws(SinkError) {
                try sink.end()
            } catch {
                throw ImageError(error, archive: subject)
            }
        }
    }
}

/// How the bytes end that a reader was given.
private final class Tail {
    private(set) var length: Int64 = 0
    /// Zeros at the very end, counted as far as one block of a tar.
    private(set) var zeros: Int64 = 0
    private static let most = 512

    func add(_ chunk: Chunk) {
        let bytes = unsafe chunk.bytes
        // Safe because the bytes are only read while the chunk is held.
        let trailing = unsafe bytes.suffix(Self.most).reversed().prefix { $0 == 0 }.count
        zeros = trailing == bytes.count ? min(zeros + Int64(trailing), Int64(Self.most)) : Int64(trailing)
        length += Int64(bytes.count)
    }
}
