internal import CArchive
internal import Glibc

/// One libarchive reader: the handle, the bytes it is fed, and what went wrong.
///
/// Only the readers named here are ever linked in: libarchive's holes cluster in formats that no image is made of.
@safe
final class LibArchive {
    enum Format {
        /// ustar, pax, GNU tar and cpio.
        case tree
        /// A zip archive, read from its beginning to its end.
        case zip
        /// The outer form of a Debian package.
        case ar
        /// No archive: whatever the filters give.
        case stream
    }

    /// What a step gave.
    enum Step: Equatable {
        case ok
        case end
    }

    let handle: OpaquePointer
    private let feed: Feed
    private let subject: String

    /// - Parameters:
    ///   - filters: take off gzip, xz, zstd, lz4 and bzip2 on the way.
    ///   - pull: the next bytes, valid until it is called again; empty at the end.
    init(
        _ format: Format, filters: Bool, subject: String, pull: @escaping () throws(ImageError) -> UnsafeRawBufferPointer
    ) throws(ImageError) {
        guard let handle = unsafe archive_read_new() else {
            throw ImageError(.system(call: "archive_read_new", errno: ENOMEM, message: "out of memory"), subject)
        }
        unsafe self.handle = unsafe handle
        self.subject = subject
        feed = unsafe Feed(pull)
        switch format {
        case .tree:
            unsafe _ = archive_read_support_format_tar(handle)
            unsafe _ = archive_read_support_format_cpio(handle)
        case .zip: unsafe _ = archive_read_support_format_zip_streamable(handle)
        case .ar: unsafe _ = archive_read_support_format_ar(handle)
        case .stream: unsafe _ = archive_read_support_format_raw(handle)
        }
        if filters {
            unsafe _ = archive_read_support_filter_gzip(handle)
            unsafe _ = archive_read_support_filter_xz(handle)
            unsafe _ = archive_read_support_filter_zstd(handle)
            unsafe _ = archive_read_support_filter_lz4(handle)
            unsafe _ = archive_read_support_filter_bzip2(handle)
        }
        // Safe because `feed` lives as long as the handle that is given its address.
        let status = unsafe archive_read_open(
            handle, Unmanaged.passUnretained(feed).toOpaque(), nil,
            { _, client, buffer in
                guard let client = unsafe client, let buffer = unsafe buffer else { return -1 }
                return unsafe Unmanaged<Feed>.fromOpaque(client).takeUnretainedValue().next(buffer)
            }, nil)
        // What format it is is found out here already; EILSEQ is libarchive's word for none that it knows.
        if format != .stream, status == ARCHIVE_FATAL, feed.error == nil, unsafe archive_errno(handle) == EILSEQ {
            throw ImageError(.notAnArchive("its first bytes are of no known form, or cut off"), subject)
        }
        _ = try step(status)
    }

    deinit { unsafe _ = archive_read_free(handle) }

    /// Turns what a libarchive call returned into a step or an error.
    ///
    /// A warning is no failure: the entry is usable, and what is warned of (a name that the locale cannot show) is not used.
    func step(_ status: CInt) throws(ImageError) -> Step {
        switch status {
        case ARCHIVE_OK, ARCHIVE_WARN: return .ok
        case ARCHIVE_EOF: return .end
        default:
            if let error = feed.error { throw error }
            let text =
                unsafe archive_error_string(handle).map { unsafe String(cString: $0) }
                ?? "it ends before its content does, or holds what cannot be read"
            throw ImageError(.damagedArchive(text), subject)
        }
    }

    /// Goes to the next entry; `nil` after the last. The entry is libarchive's, and valid until the next call.
    func nextEntry() throws(ImageError) -> OpaquePointer? {
        var entry: OpaquePointer?
        let status = unsafe archive_read_next_header(handle, &entry)
        if status == ARCHIVE_FATAL, feed.error == nil, unsafe archive_format(handle) == 0 {
            throw ImageError(.notAnArchive("its first bytes are of no known form"), subject)
        }
        return unsafe try step(status) == .ok ? entry : nil
    }

    /// Goes to the next entry, for its name alone.
    func nextName() throws(ImageError) -> [UInt8]? {
        guard let entry = try unsafe nextEntry() else { return nil }
        guard let name = unsafe archive_entry_pathname(entry) else { return [] }
        return unsafe Array(UnsafeRawBufferPointer(start: name, count: strlen(name)))
    }

    /// The next piece of the current entry's content; `nil` at its end. Valid until the next call.
    func nextBlock() throws(ImageError) -> (bytes: UnsafeRawBufferPointer, offset: UInt64)? {
        var start: UnsafeRawPointer?
        var count = 0
        var offset: Int64 = 0
        while true {
            let status = unsafe archive_read_data_block(handle, &start, &count, &offset)
            guard try step(status) == .ok else { return nil }
            guard let offset = UInt64(exactly: offset) else {
                throw ImageError(.damagedArchive("data before the start of a file"), subject)
            }
            if count > 0 { return unsafe (UnsafeRawBufferPointer(start: start, count: count), offset) }
        }
    }

    /// Unpacked bytes consumed so far, headers and padding included.
    var position: Int64 { unsafe archive_filter_bytes(handle, 0) }

    /// Feeds libarchive, and keeps the error that a callback cannot throw.
    @safe
    private final class Feed {
        private let pull: () throws(ImageError) -> UnsafeRawBufferPointer
        private(set) var error: ImageError?

        init(_ pull: @escaping () throws(ImageError) -> UnsafeRawBufferPointer) { unsafe self.pull = unsafe pull }

        func next(_ buffer: UnsafeMutablePointer<UnsafeRawPointer?>) -> Int {
            guard error == nil else { return -1 }
            do throws(ImageError) {
                let bytes = try unsafe pull()
                unsafe buffer.pointee = bytes.baseAddress
                return bytes.count
            } catch {
                self.error = error
                return -1
            }
        }
    }
}
