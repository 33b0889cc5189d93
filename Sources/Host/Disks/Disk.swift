/// A guest's disk on the host: bytes at offsets, moved straight between a file and pieces of guest memory.
///
/// Callers have checked ranges against `byteCount`; a range past the end is answered with an error all the same.
package protocol Disk: Sendable {
    var byteCount: UInt64 { get }
    var isReadOnly: Bool { get }
    /// Whether `discard` gives anything back to the host.
    var canDiscard: Bool { get }

    /// Fills all the pieces, in order, from `offset` on.
    func read(at offset: UInt64, into pieces: [UnsafeMutableRawBufferPointer]) throws(DiskError)
    func write(at offset: UInt64, from pieces: [UnsafeMutableRawBufferPointer]) throws(DiskError)
    /// Returns when all that was written is on the medium. Once it failed it keeps failing: what the kernel dropped is gone.
    func flush() throws(DiskError)
    /// The content no longer matters.
    func discard(at offset: UInt64, count: UInt64) throws(DiskError)
    /// The range reads as zeros from now on.
    func writeZeros(at offset: UInt64, count: UInt64) throws(DiskError)
}

/// Why a disk did not do it, or is none.
package enum DiskError: Error, Hashable, Sendable, CustomStringConvertible {
    case system(OSError)
    /// The file ends before the range does: somebody cut it.
    case truncated
    case readOnly
    /// The delta is damaged or belongs to another disk.
    case delta(String)

    package var description: String {
        switch self {
        case .system(let error): "\(error)"
        case .truncated: "the file is shorter than the disk"
        case .readOnly: "the disk is read-only"
        case .delta(let reason): "the delta cannot be used: \(reason)"
        }
    }
}
