internal import Synchronization
internal import SystemPackage

/// A disk that is a file or a block device, byte for byte.
package final class FileDisk: Disk {
    package let byteCount: UInt64
    package let isReadOnly: Bool
    package let canDiscard: Bool
    private let file: DiskFile
    /// The first failure to flush, for good.
    private let lost = Mutex<DiskError?>(nil)

    package init(_ descriptor: consuming Descriptor, isReadOnly: Bool) throws(DiskError) {
        let file = try DiskFile(descriptor)
        byteCount = try file.size()
        self.isReadOnly = isReadOnly
        canDiscard = !isReadOnly && file.isRegular
        self.file = file
    }

    package func read(at offset: UInt64, into pieces: [UnsafeMutableRawBufferPointer]) throws(DiskError) {
        try unsafe file.transfer(pieces, at: offset, .read)
    }

    package func write(at offset: UInt64, from pieces: [UnsafeMutableRawBufferPointer]) throws(DiskError) {
        guard !isReadOnly else { throw .readOnly }
        try unsafe checkRange(offset, UInt64(pieces.reduce(0) { $0 + $1.count }))
        try unsafe file.transfer(pieces, at: offset, .write)
    }

    package func flush() throws(DiskError) {
        if isReadOnly { return }
        if let error = lost.withLock({ $0 }) { throw error }
        do throws(DiskError) {
            try file.synchronize()
        } catch {
            lost.withLock { $0 = error }
            throw error
        }
    }

    package func discard(at offset: UInt64, count: UInt64) throws(DiskError) {
        guard !isReadOnly else { throw .readOnly }
        try checkRange(offset, count)
        if count > 0, canDiscard { _ = try file.punch(at: offset, count: count) }
    }

    package func writeZeros(at offset: UInt64, count: UInt64) throws(DiskError) {
        guard !isReadOnly else { throw .readOnly }
        try checkRange(offset, count)
        if count > 0 { try file.zero(at: offset, count: count) }
    }

    /// A disk never grows.
    private func checkRange(_ offset: UInt64, _ count: UInt64) throws(DiskError) {
        let (end, wraps) = offset.addingReportingOverflow(count)
        guard !wraps, end <= byteCount else { throw .truncated }
    }
}
