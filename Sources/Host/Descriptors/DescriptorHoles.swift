internal import CLinux
internal import Glibc
internal import SystemPackage

/// Giving the blocks of a file back.
extension Descriptor {
    /// Makes `length` bytes at `offset` read as zeros, and gives their space back where the file's filesystem can do that.
    package borrowing func punchHole(at offset: UInt64, length: UInt64) throws(OSError) {
        guard let start = off_t(exactly: offset), let count = off_t(exactly: length) else {
            throw OSError(.fileTooLarge, "punch a hole of \(length) bytes at \(offset)")
        }
        do throws(OSError) {
            try retrying("punch a hole of \(length) bytes at \(offset)") {
                fallocate(number, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, start, count)
            }
        } catch {
            guard error.code == .notSupported else { throw error }
            try writeZeros(at: offset, length: length)
        }
    }

    private borrowing func writeZeros(at offset: UInt64, length: UInt64) throws(OSError) {
        let piece = [UInt8](repeating: 0, count: Int(min(length, 1 << 20)))
        var done: UInt64 = 0
        while done < length {
            let count = min(length - done, UInt64(piece.count))
            try write(Array(piece.prefix(Int(count))), at: offset + done)
            done += count
        }
    }
}
