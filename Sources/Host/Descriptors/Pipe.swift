internal import CLinux
internal import Glibc
internal import SystemPackage

/// A pipe: what a child writes at one end, we read at the other. Both ends close on exec.
package struct Pipe: ~Copyable {
    package var reader: Descriptor
    package var writer: Descriptor

    package init() throws(OSError) {
        var ends: (CInt, CInt) = (-1, -1)
        let result = unsafe withUnsafeMutableBytes(of: &ends) { buffer in
            // Safe because the buffer is exactly two ints.
            unsafe pipe2(buffer.baseAddress?.assumingMemoryBound(to: CInt.self), O_CLOEXEC)
        }
        guard result == 0 else { throw OSError.current("create a pipe") }
        reader = Descriptor(owning: ends.0)
        writer = Descriptor(owning: ends.1)
    }

    /// Takes the pipe apart; the caller owns both numbers.
    package consuming func split() -> (reader: CInt, writer: CInt) { (reader.release(), writer.release()) }
}
