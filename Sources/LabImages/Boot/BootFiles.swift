internal import Glibc
internal import Host
internal import LabModel

/// Copies kernel and initial ramdisk out of an image while its entries stream by: of all files that match a pattern, the
/// one with the highest version.
///
/// The archive is read once, so every file that is better than the best so far is copied over it, and a later entry of the
/// same path replaces it, as it does in the image.
package final class BootFiles: ArchiveSink {
    /// Kernels have 10 to 70 MB, initial ramdisks up to a few hundred.
    static let maximumSize: UInt64 = 1 << 30

    private var searches: [Search]

    package init(_ wanted: [(pattern: FilePattern, output: String)]) {
        searches = wanted.map { Search(pattern: $0.pattern, output: $0.output) }
    }

    /// What one pattern has found.
    private struct Search {
        let pattern: FilePattern
        let output: String
        var best: [UInt8]?
        /// A matching entry that is a link: named when there is nothing better.
        var link: (path: [UInt8], target: [UInt8])?
        /// Open while the current entry is being copied.
        var copy: SharedDescriptor?
    }

    /// A copied file.
    package struct Found {
        /// Absolute path in the image.
        package var origin: String
        package var output: String
    }

    /// What each pattern has found, in the order they were given; an error for one that has found nothing.
    package func found(in archive: String) throws(ImageError) -> [Found] {
        var found: [Found] = []
        for search in searches {
            guard let best = search.best else {
                let hint = search.link.map { "; \(quoted($0.path)) is a link to \(quoted($0.target)): name the file itself" } ?? ""
                throw ImageError(.noMatch("no file matches \(search.pattern)\(hint)"), archive)
            }
            found.append(Found(origin: "/" + String(decoding: best, as: UTF8.self), output: search.output))
        }
        return found
    }

    package func begin(_ entry: ArchiveEntry) throws(SinkError) {
        for index in searches.indices where searches[index].pattern.matches(entry.path) {
            let path = FilePattern.normalized(entry.path)
            switch entry.kind {
            case .file(let size):
                if let best = searches[index].best, best != path, !VersionOrder.isAscending(best, path) { continue }
                if let size, size > BootFiles.maximumSize {
                    throw .refused(path: entry.path, .fileTooLarge(bytes: size, limit: BootFiles.maximumSize))
                }
                searches[index].copy = try create(searches[index].output, size ?? 0)
                searches[index].best = path
            case .symlink(let target), .hardlink(let target):
                if searches[index].best == path { searches[index].best = nil }
                searches[index].link = (path, target)
            default:
                if searches[index].best == path { searches[index].best = nil }
            }
        }
    }

    private func create(_ output: String, _ size: UInt64) throws(SinkError) -> SharedDescriptor {
        do throws(OSError) {
            let file = try Descriptor.open(output, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW)
            try file.truncate(to: size)
            return SharedDescriptor(file)
        } catch {
            throw SinkError(error, output: output, needed: size)
        }
    }

    package func data(_ bytes: RawSpan, at offset: UInt64) throws(SinkError) {
        for search in searches {
            guard let copy = search.copy else { continue }
            guard offset <= BootFiles.maximumSize, UInt64(bytes.byteCount) <= BootFiles.maximumSize - offset else {
                throw .refused(path: search.best ?? [], .fileTooLarge(bytes: offset, limit: BootFiles.maximumSize))
            }
            var failure: OSError?
            // Safe because the view ends with the closure.
            unsafe bytes.withUnsafeBytes { bytes in
                do throws(OSError) {
                    try copy.with { file throws(OSError) in try unsafe file.write(bytes, at: offset) }
                } catch {
                    failure = error
                }
            }
            if let failure { throw SinkError(failure, output: search.output, needed: UInt64(bytes.byteCount)) }
        }
    }

    package func end() throws(SinkError) {
        for index in searches.indices { searches[index].copy = nil }
    }
}

extension SinkError {
    /// - Parameter needed: the bytes that were to be written.
    init(_ error: OSError, output: String, needed: UInt64) {
        if error.code == .noSpace || error.code == .diskQuotaExceeded || error.code == .fileTooLarge {
            self = .hostFull(output: output, needed: ByteCount(bytes: needed))
        } else {
            self = .host(output: output, doing: error.doing, errno: error.code.rawValue)
        }
    }
}
