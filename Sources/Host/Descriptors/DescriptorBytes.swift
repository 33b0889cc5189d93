internal import Glibc
internal import SystemPackage

/// Reads and writes of arrays, for whoever has no buffer of its own to reuse.
extension Descriptor {
    /// Up to `limit` bytes at an offset; fewer only at the end of the file.
    package borrowing func read(upTo limit: Int, at offset: UInt64) throws(OSError) -> [UInt8] {
        var failure: OSError?
        // Safe because the buffer is the new array, and only what was read counts.
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: max(0, limit)) { buffer, count in
            do throws(OSError) {
                unsafe count = try read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Writes a part of the bytes from `start` on and returns how many; `nil` when a non-blocking descriptor would block.
    package borrowing func writeSome(_ bytes: [UInt8], from start: Int = 0) throws(OSError) -> Int? {
        guard start < bytes.count else { return 0 }
        var result: Int?
        var failure: OSError?
        // Safe because the view ends with the closure.
        unsafe bytes.withUnsafeBytes { all in
            do throws(OSError) {
                unsafe result = try writeSome(UnsafeRawBufferPointer(rebasing: all[start...]))
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return result
    }

    /// Writes all the bytes at an offset.
    package borrowing func write(_ bytes: [UInt8], at offset: UInt64) throws(OSError) {
        var failure: OSError?
        // Safe because the view ends with the closure.
        unsafe bytes.withUnsafeBytes { all in
            do throws(OSError) {
                unsafe try write(all, at: offset)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }
}
