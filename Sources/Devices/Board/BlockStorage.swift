/// What a block device keeps its bytes in: offsets and counts in bytes, whole sectors of 512.
///
/// Called from the one worker thread that serves the device's queue; may block. The device has already checked every range against `byteCount`.
package protocol BlockStorage: Sendable {
    /// The size; a part of a sector at the end is not offered to the guest.
    var byteCount: UInt64 { get }
    var isReadOnly: Bool { get }
    /// Whether `discard` frees anything; it is offered to the guest only then.
    var canDiscard: Bool { get }

    /// Fills all of `ranges` (pieces of guest memory, in order) from `offset` on, or throws.
    func read(at offset: UInt64, into ranges: [UnsafeMutableRawBufferPointer]) throws(StorageError)
    /// Writes all of `ranges` to `offset` on, or throws. The guest may change the bytes meanwhile.
    func write(at offset: UInt64, from ranges: [UnsafeMutableRawBufferPointer]) throws(StorageError)
    /// Returns when everything written before is on stable storage. After a failure that lost data it must keep failing.
    func flush() throws(StorageError)
    /// The content of the range no longer matters.
    func discard(at offset: UInt64, count: UInt64) throws(StorageError)
    /// The range reads as zeroes from now on; `mayFree` allows giving the room back.
    func writeZeroes(at offset: UInt64, count: UInt64, mayFree: Bool) throws(StorageError)
}

/// Why storage did not do it.
package enum StorageError: Error, Equatable {
    /// The operating system's error number.
    case failed(errno: Int32)
    /// The end of the file came before the end of the range.
    case truncated
    case unsupported
}
