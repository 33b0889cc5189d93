internal import Glibc
package import Host

/// Everything one console of a machine said, from its first byte, in two files and a piece of memory.
///
///     position:   olderStart ......... fileStart ............ end
///     kept in:    <path>.1             <path>
///                                               [ tail: memory ]
///
/// Positions count the bytes of the console since this keeper opened it. Readers are cursors into it: a slow reader costs
/// nothing and falls behind; when what it wants is gone, it goes on with the oldest that is left. A full filesystem stops
/// the files, never the machine: the tail stays in memory and the loss is told once.
package final class ConsoleLog {
    private let path: String
    private var file: SharedDescriptor
    private var olderStart: UInt64 = 0
    private var fileStart: UInt64 = 0
    /// One past the last byte that the current file holds.
    private var fileEnd: UInt64 = 0
    /// One past the last byte of all.
    package private(set) var end: UInt64 = 0
    private var tail: [UInt8] = []
    /// Where the machine's last start is; readers that ask for `boot` begin here.
    package private(set) var boot: UInt64 = 0
    /// True while the file cannot take more.
    package private(set) var isLosing = false
    private let limit: UInt64

    /// One file. Two of them are a day of a chatty guest, and no more than that of a hostile one.
    package static let fileLimit: UInt64 = 8 << 20
    /// Kept in memory: more than a screen, less than matters.
    static let tailLimit = 64 * 1024

    /// Opens the log, going on after what a former keeper left there.
    package init(path: String, limit: UInt64 = ConsoleLog.fileLimit) throws(OSError) {
        self.path = path
        self.limit = limit
        file = try Self.open(path)
        olderStart = 0
        fileStart = (try? FileStatus(of: path + ".1"))?.size ?? 0
        fileEnd = fileStart + (try file.with { descriptor throws(OSError) in try descriptor.size() })
        end = fileEnd
        boot = end
    }

    private static func open(_ path: String) throws(OSError) -> SharedDescriptor {
        SharedDescriptor(try Descriptor.open(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW))
    }

    /// The machine is about to be started: what comes from now on is its boot.
    package func markBoot() {
        boot = end
        writeBootMark()
    }

    /// Keeps more bytes. Never fails: what does not fit on the medium is in memory for a while, and a hole in the file.
    package func append(_ bytes: [UInt8]) {
        end += UInt64(bytes.count)
        tail += bytes
        if tail.count > Self.tailLimit * 2 + bytes.count { tail.removeFirst(tail.count - Self.tailLimit - bytes.count) }
        if !isLosing && fileEnd - fileStart >= limit { rotate() }
        write()
    }

    private var tailStart: UInt64 { end - UInt64(tail.count) }

    /// Brings the file up to the end. After a failure this is tried again with every piece.
    private func write() {
        do throws(OSError) {
            if fileEnd < tailStart {
                try file.with { descriptor throws(OSError) in try descriptor.truncate(to: tailStart - fileStart) }
                fileEnd = tailStart
            }
            let missing = Array(tail[Int(clamping: fileEnd - tailStart)...])
            try file.with { descriptor throws(OSError) in try descriptor.writeAll(missing) }
            fileEnd = end
            isLosing = false
        } catch {
            // A part may have been written: the file is cut back to what its positions say.
            try? file.with { descriptor throws(OSError) in try descriptor.truncate(to: fileEnd - fileStart) }
            isLosing = true
        }
    }

    /// The current file becomes the older one. When that fails the current one grows on: a log is worth more than its limit.
    private func rotate() {
        // Safe because the paths are copied during the call.
        guard unsafe rename(path, path + ".1") == 0, let next = try? Self.open(path) else { return }
        olderStart = fileStart
        file = next
        fileStart = fileEnd
        writeBootMark()
    }

    /// Up to `limit` bytes from a position on, and the position they really start at. Empty at the end.
    package func read(at position: UInt64, limit: Int) -> (start: UInt64, bytes: [UInt8]) {
        if position >= end { return (end, []) }
        if position >= tailStart {
            return (position, Array(tail[Int(clamping: position - tailStart)...].prefix(limit)))
        }
        let start = max(position, olderStart)
        let piece: [UInt8]
        if start < fileStart {
            piece = Self.read(path + ".1", at: start - olderStart, limit: min(limit, Int(clamping: fileStart - start)))
        } else if start < fileEnd {
            piece = Self.read(path, at: start - fileStart, limit: min(limit, Int(clamping: fileEnd - start)))
        } else {
            piece = []
        }
        // Unreadable or lost: go on where bytes are sure.
        if piece.isEmpty { return read(at: start < fileStart ? fileStart : tailStart, limit: limit) }
        return (start, piece)
    }

    private static func read(_ path: String, at offset: UInt64, limit: Int) -> [UInt8] {
        guard let file = try? Descriptor.open(path, O_RDONLY | O_NOFOLLOW) else { return [] }
        return (try? file.read(upTo: limit, at: offset)) ?? []
    }

    /// The oldest position that can still be read.
    package var start: UInt64 { olderStart }

    // MARK: The mark beside the file, for readers without a keeper

    /// `<path>.boot` holds where the boot starts, relative to the file's first byte: negative when it is in the older file.
    private func writeBootMark() {
        let mark = Int64(clamping: boot) - Int64(clamping: fileStart)
        guard let file = try? Descriptor.open(path + ".boot", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW) else { return }
        try? file.writeAll(Array("\(mark)\n".utf8))
    }

    /// What is on the medium of a log, oldest first, without a keeper.
    package static func contents(path: String, since: ConsoleRequest.Since) throws(OSError) -> [UInt8] {
        let older = (try? readWhole(path + ".1")) ?? []
        let current = try readWhole(path)
        switch since {
        case .start: return older + current
        case .now: return []
        case .boot:
            let text = (try? readSmallFile(path + ".boot")).map { String(decoding: $0, as: UTF8.self) } ?? "0"
            let mark = Int(text.filter { $0 != "\n" }) ?? 0
            let all = older + current
            return Array(all[min(all.count, max(0, older.count + max(mark, -older.count)))...])
        }
    }

    private static func readWhole(_ path: String) throws(OSError) -> [UInt8] {
        let file = try Descriptor.open(path, O_RDONLY | O_NOFOLLOW)
        return try file.read(upTo: Int(clamping: fileLimit * 2), at: 0)
    }
}
