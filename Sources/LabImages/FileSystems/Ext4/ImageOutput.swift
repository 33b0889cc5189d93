internal import Glibc
internal import Host
internal import LabModel

/// The image file: takes blocks at ascending places and writes them in large pieces.
struct ImageOutput: ~Copyable {
    let descriptor: Descriptor
    /// For messages only.
    let name: String
    /// Blocks that follow each other on the disk, not written yet.
    private var staging = BlockBuffer(bytes: ImageOutput.stagingSize)
    private var stagedStart: UInt64 = 0
    private var stagedBytes = 0
    /// Set once the content is known not to fit: it is still counted, and no longer written.
    var isDiscarding = false
    /// What is known to come still, for the message when the host is full.
    var expected: UInt64 = 0

    /// Large enough that system calls cost nothing, small enough to stay in the processor's cache.
    private static let stagingSize = 512 << 10
    /// From this size on, data go to the file from where they are.
    private static let directSize = 128 << 10

    init(_ descriptor: consuming Descriptor, name: String) {
        self.descriptor = descriptor
        self.name = name
    }

    /// Writes whole blocks at a block number. Safe because they are copied or written before the call returns.
    mutating func write(_ source: UnsafeRawBufferPointer, at block: UInt64) throws(SinkError) {
        guard !isDiscarding else { return }
        if stagedBytes > 0, stagedStart + UInt64(stagedBytes / Ext4Geometry.blockSize) != block { try flush() }
        if source.count >= Self.directSize {
            try flush()
            try unsafe writeNow(source, at: block)
            return
        }
        if stagedBytes + source.count > Self.stagingSize { try flush() }
        if stagedBytes == 0 { stagedStart = block }
        unsafe staging.put(source, at: stagedBytes)
        stagedBytes += source.count
    }

    mutating func write(_ buffer: borrowing BlockBuffer, at block: UInt64) throws(SinkError) {
        // Safe because the buffer lives through the call.
        try unsafe write(buffer.bytes, at: block)
    }

    mutating func flush() throws(SinkError) {
        guard stagedBytes > 0 else { return }
        // Safe because the staged bytes lie inside the buffer, which lives through the call.
        let staged = unsafe UnsafeRawBufferPointer(rebasing: staging.bytes[..<stagedBytes])
        stagedBytes = 0
        try unsafe writeNow(staged, at: stagedStart)
    }

    /// Makes blocks read as zeros; nothing of what they held is left in the file.
    mutating func erase(_ run: BlockAllocator.Run) throws(SinkError) {
        guard !isDiscarding else { return }
        try flush()
        let size = UInt64(Ext4Geometry.blockSize)
        do throws(OSError) {
            try descriptor.punchHole(at: run.start * size, length: run.count * size)
        } catch {
            throw failure(error, unwritten: 0)
        }
    }

    mutating func resize(to bytes: UInt64) throws(SinkError) {
        do throws(OSError) {
            try descriptor.truncate(to: bytes)
        } catch {
            throw failure(error, unwritten: bytes)
        }
    }

    private func writeNow(_ source: UnsafeRawBufferPointer, at block: UInt64) throws(SinkError) {
        do throws(OSError) {
            try unsafe descriptor.write(source, at: block * UInt64(Ext4Geometry.blockSize))
        } catch {
            throw failure(error, unwritten: UInt64(source.count))
        }
    }

    private func failure(_ error: OSError, unwritten: UInt64) -> SinkError {
        switch error.code.rawValue {
        case ENOSPC, EDQUOT, EFBIG: .hostFull(output: name, needed: ByteCount(bytes: unwritten + expected))
        default: .host(output: name, doing: error.doing, errno: error.code.rawValue)
        }
    }
}
