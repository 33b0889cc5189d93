/// What a guest did wrong with a queue. Each of them stops the queue and asks the driver for a reset.
package enum VirtqueueError: Error, Equatable {
    /// The available index ran further ahead than the ring is long, or backwards.
    case availableIndexJumped
    /// An available entry names a descriptor past the table.
    case headOutOfRange
    /// A descriptor continues past its table.
    case nextOutOfRange
    /// More descriptors than a chain may have; a loop looks the same.
    case chainTooLong
    case indirectNotNegotiated
    case indirectInsideIndirect
    case indirectWithNext
    /// Empty, not a multiple of 16 bytes, or not in RAM.
    case badIndirectTable
    /// A device-readable descriptor after a device-writable one.
    case readableAfterWritable
    /// A buffer that wraps, or is not RAM from end to end.
    case outsideMemory
    /// 4 GiB or more in one chain.
    case tooManyBytes
    /// The chain lacks a part that the device cannot answer without.
    case wrongShape
    /// The device itself cannot go on.
    case deviceFailed
}
