internal import CLinux
internal import Glibc
internal import SystemPackage

/// An open file or block device with the calls that disks are made of. All positions are bytes.
struct DiskFile: ~Copyable, Sendable {
    private let descriptor: Descriptor
    /// False for block devices, which are never made sparse.
    let isRegular: Bool

    init(_ descriptor: consuming Descriptor) throws(DiskError) {
        do throws(OSError) {
            isRegular = try descriptor.status().kind == .regular
        } catch {
            throw .system(error)
        }
        self.descriptor = descriptor
    }

    borrowing func size() throws(DiskError) -> UInt64 {
        do throws(OSError) { return try descriptor.size() } catch { throw .system(error) }
    }

    borrowing func synchronize() throws(DiskError) {
        do throws(OSError) { try descriptor.synchronizeData() } catch { throw .system(error) }
    }

    // MARK: Whole arrays

    borrowing func read(at offset: UInt64, count: Int) throws(DiskError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var failure: DiskError?
        // Safe because the pointer is used inside the call only.
        unsafe bytes.withUnsafeMutableBytes { buffer in
            do throws(DiskError) { try unsafe transfer([buffer], at: offset, .read) } catch { failure = error }
        }
        if let failure { throw failure }
        return bytes
    }

    borrowing func write(_ bytes: [UInt8], at offset: UInt64) throws(DiskError) {
        var bytes = bytes
        var failure: DiskError?
        // Safe because the pointer is used inside the call only.
        unsafe bytes.withUnsafeMutableBytes { buffer in
            do throws(DiskError) { try unsafe transfer([buffer], at: offset, .write) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    // MARK: Pieces of memory

    enum Direction { case read, write }

    /// The kernel takes this many pieces in one call (UIO_MAXIOV).
    private static let pieceLimit = 1024

    /// Moves all bytes of all pieces, or throws.
    borrowing func transfer(_ pieces: [UnsafeMutableRawBufferPointer], at offset: UInt64, _ direction: Direction) throws(DiskError) {
        var vectors = unsafe pieces.filter { $0.count > 0 }.map { unsafe iovec(iov_base: $0.baseAddress, iov_len: $0.count) }
        var position = offset
        var first = unsafe vectors.startIndex
        while unsafe first < vectors.endIndex {
            guard let place = off_t(exactly: position) else { throw .truncated }
            let batch = unsafe CInt(min(vectors.count - first, Self.pieceLimit))
            var moved: Int
            do throws(OSError) {
                // Safe because each vector is a piece the caller vouches for, and the array outlives the call.
                moved = try retrying(direction == .read ? "read from a disk" : "write to a disk") {
                    unsafe vectors.withUnsafeBufferPointer { all in
                        let start = unsafe all.baseAddress.map { unsafe $0 + first }
                        return switch direction {
                        case .read: unsafe preadv(descriptor.number, start, batch, place)
                        case .write: unsafe pwritev(descriptor.number, start, batch, place)
                        }
                    }
                }
            } catch {
                throw .system(error)
            }
            guard moved > 0 else { throw .truncated }
            position += UInt64(moved)
            while moved > 0 {
                if unsafe moved >= vectors[first].iov_len {
                    unsafe moved -= vectors[first].iov_len
                    first += 1
                } else {
                    unsafe vectors[first].iov_base += moved
                    unsafe vectors[first].iov_len -= moved
                    moved = 0
                }
            }
        }
    }

    // MARK: Holes

    /// Makes the range read as zeros and gives its room back where the file system can.
    borrowing func zero(at offset: UInt64, count: UInt64) throws(DiskError) {
        guard try !punch(at: offset, count: count) else { return }
        let block = [UInt8](repeating: 0, count: Int(min(count, Self.zeroBlock)))
        var done: UInt64 = 0
        while done < count {
            let part = min(count - done, Self.zeroBlock)
            try write(part == UInt64(block.count) ? block : Array(block.prefix(Int(part))), at: offset + done)
            done += part
        }
    }

    /// Zeros written at once where no hole can be made.
    private static let zeroBlock: UInt64 = 1 << 20

    /// - Returns: false where no hole can be made.
    borrowing func punch(at offset: UInt64, count: UInt64) throws(DiskError) -> Bool {
        guard let place = off_t(exactly: offset), let length = off_t(exactly: count) else { throw .truncated }
        do throws(OSError) {
            try retrying("make a hole in a disk") {
                fallocate(descriptor.number, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, place, length)
            }
            return true
        } catch {
            switch error.code {
            case .notSupported, .noFunction, .invalidArgument, .notPermitted, .operationNotSupportedByDevice:
                return false
            default: throw .system(error)
            }
        }
    }
}

/// The part of a list of pieces that begins `offset` bytes in and is `count` bytes long.
func slice(_ pieces: [UnsafeMutableRawBufferPointer], from offset: Int, count: Int) -> [UnsafeMutableRawBufferPointer] {
    var result: [UnsafeMutableRawBufferPointer] = unsafe []
    var skip = offset
    var left = count
    // By index: the formatter glues the words of an `unsafe` for-in pattern together.
    for index in unsafe pieces.indices {
        if left == 0 { break }
        let piece = unsafe pieces[index]
        if skip >= piece.count {
            skip -= piece.count
            continue
        }
        let take = min(piece.count - skip, left)
        // Safe because both ends lie in the piece.
        unsafe result.append(UnsafeMutableRawBufferPointer(rebasing: piece[skip..<skip + take]))
        skip = 0
        left -= take
    }
    return unsafe result
}
