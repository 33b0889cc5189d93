internal import Glibc
internal import Host
package import LabModel

/// A disk that somebody else made, copied into the cache as a raw disk with holes.
package enum DiskCopy {
    /// As large as a disk of our own may be made.
    private static let maximumSize = Qcow2Header.maximumSize
    private static let piece = 1 << 20
    private static let block = 4096

    /// - Parameters:
    ///   - format: of `source`; nothing is guessed.
    ///   - expected: the digest that the file at `source` must have.
    package static func copy(
        _ source: String, _ format: ImageRecipe.DiskFormat, expected: Digest? = nil, to output: String,
        progress: ImageProgressHandler = { _ in }
    ) throws(ImageError) {
        let file = try FileDigest.open(source)
        if let expected {
            // Of the file that is open: the same bytes are read again below.
            let found = try ArchiveIntake(file, subject: source, counter: IntakeCounter()).finish()
            guard found == expected else { throw ImageError(.digestMismatch(expected: expected, found: found), source) }
        }
        let disk = try Folder.create(output)
        switch format {
        case .qcow2:
            var reader = try Qcow2Reader(file, subject: source)
            let size = reader.header.size
            try resize(disk, to: size, output)
            var next: UInt64 = 0
            try reader.forEachCluster { bytes, offset throws(ImageError) in
                try write(bytes, at: offset, to: disk, output)
                guard offset >= next else { return }
                next = offset + UInt64(16 * piece)
                progress(.reading(done: offset, total: size))
            }
        case .raw: try copyRaw(file, source, to: disk, output, progress)
        }
    }

    /// A machine's disk, whatever it lies in; what is all zeros becomes a hole.
    static func copy(_ disk: any Disk, of subject: String, to output: String, progress: ImageProgressHandler = { _ in }) throws(ImageError)
    {
        let file = try Folder.create(output)
        try resize(file, to: disk.byteCount, output)
        var offset: UInt64 = 0
        while offset < disk.byteCount {
            // At most `piece`, so it fits an Int.
            var bytes = [UInt8](repeating: 0, count: Int(min(UInt64(piece), disk.byteCount - offset)))
            var failure: DiskError?
            // Safe because the buffer is used inside the call.
            unsafe bytes.withUnsafeMutableBytes { buffer in
                do throws(DiskError) { try unsafe disk.read(at: offset, into: [buffer]) } catch { failure = error }
            }
            if let failure { throw ImageError(.unusableDisk("\(failure)"), subject) }
            try write(bytes, at: offset, to: file, output)
            offset += UInt64(bytes.count)
            progress(.reading(done: offset, total: disk.byteCount))
        }
    }

    private static func copyRaw(
        _ file: SharedDescriptor, _ source: String, to disk: borrowing Descriptor, _ output: String, _ progress: ImageProgressHandler
    ) throws(ImageError) {
        do throws(OSError) {
            let size = try file.with { file throws(OSError) in try file.size() }
            guard size > 0, size <= maximumSize, size % 512 == 0 else { throw OSError(.invalidArgument, "take a disk of \(size) bytes") }
            try disk.truncate(to: size)
            var offset: UInt64 = 0
            while offset < size {
                let bytes = try file.with { file throws(OSError) in try file.read(upTo: piece, at: offset) }
                if bytes.isEmpty { break }
                try fill(disk, bytes, at: offset)
                offset += UInt64(bytes.count)
                progress(.reading(done: offset, total: size))
            }
        } catch {
            if error.code == .invalidArgument {
                throw ImageError(
                    .unusableDisk("a raw disk is whole sectors of 512 bytes, at least one, up to \(maximumSize) bytes"), source)
            }
            throw ImageError(error, output)
        }
    }

    private static func resize(_ disk: borrowing Descriptor, to size: UInt64, _ output: String) throws(ImageError) {
        do throws(OSError) { try disk.truncate(to: size) } catch { throw ImageError(error, output) }
    }

    private static func write(_ bytes: [UInt8], at offset: UInt64, to disk: borrowing Descriptor, _ output: String) throws(ImageError) {
        do throws(OSError) { try fill(disk, bytes, at: offset) } catch { throw ImageError(error, output) }
    }

    /// Writes what is not zeros, block by block: the rest stays a hole.
    private static func fill(_ disk: borrowing Descriptor, _ bytes: [UInt8], at offset: UInt64) throws(OSError) {
        var start = 0
        while start < bytes.count {
            var end = start
            while end < bytes.count, !isZero(bytes, end) { end = min(end + block, bytes.count) }
            if end > start { try disk.write(Array(bytes[start..<end]), at: offset + UInt64(start)) }
            start = max(end, start)
            while start < bytes.count, isZero(bytes, start) { start += block }
        }
    }

    /// Whether the block that begins here has nothing in it.
    private static func isZero(_ bytes: [UInt8], _ start: Int) -> Bool {
        let end = min(start + block, bytes.count)
        // Safe because the range lies in the array: two overlapping views of equal bytes are all the first byte.
        return unsafe bytes.withUnsafeBytes { all in
            let piece = unsafe UnsafeRawBufferPointer(rebasing: all[start..<end])
            return unsafe piece[0] == 0 && memcmp(piece.baseAddress!, piece.baseAddress! + 1, piece.count - 1) == 0
        }
    }
}
