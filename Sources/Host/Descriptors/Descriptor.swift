internal import CLinux
internal import Glibc
internal import SystemPackage

/// The one owner of an open file descriptor: closes it when it goes away.
///
/// No other code in the project closes descriptors.
package struct Descriptor: ~Copyable {
    /// The number, for system calls. Valid as long as the value lives.
    package let number: CInt

    /// Takes over an open descriptor.
    package init(owning number: CInt) { self.number = number }

    deinit { _ = close(number) }

    /// Gives the number up; the caller closes it, or hands it on.
    package consuming func release() -> CInt {
        let number = number
        discard self
        return number
    }

    /// Opens a path with `O_CLOEXEC`; `flags` as in open(2).
    package static func open(_ path: String, _ flags: CInt, mode: UInt32 = 0o600) throws(OSError) -> Descriptor {
        let number = try retrying("open \(path)") { unsafe Glibc.open(path, flags | O_CLOEXEC, mode) }
        return Descriptor(owning: number)
    }

    /// An anonymous file in memory, for handing bytes to a child.
    package static func memory(name: String) throws(OSError) -> Descriptor {
        // Safe because the kernel copies the name during the call.
        Descriptor(owning: try retrying("create memory file \(name)") { unsafe memfd_create(name, UInt32(MFD_CLOEXEC)) })
    }

    /// A second descriptor for the same open file.
    package borrowing func duplicate() throws(OSError) -> Descriptor {
        Descriptor(owning: try retrying("duplicate descriptor \(number)") { fcntl(number, F_DUPFD_CLOEXEC, 0) })
    }

    /// Makes a standard descriptor of this process mean the same open file; what it meant before is closed.
    package borrowing func stand(at standard: CInt) throws(OSError) {
        try retrying("put descriptor \(number) at \(standard)") { dup2(number, standard) }
    }

    // MARK: Streams

    /// Reads what is there, at most `buffer.count` bytes; 0 is the end of the file.
    package borrowing func read(into buffer: UnsafeMutableRawBufferPointer) throws(OSError) -> Int {
        // Safe because the kernel writes at most buffer.count bytes at its base.
        try retrying("read from descriptor \(number)") { unsafe Glibc.read(number, buffer.baseAddress, buffer.count) }
    }

    /// Reads what is there, at most `limit` bytes; empty at the end of the file.
    package borrowing func read(upTo limit: Int) throws(OSError) -> [UInt8] {
        var failure: OSError?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            do throws(OSError) {
                count = try unsafe read(into: UnsafeMutableRawBufferPointer(buffer))
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Writes a part, at least one byte; `nil` when a non-blocking descriptor would block.
    package borrowing func writeSome(_ buffer: UnsafeRawBufferPointer) throws(OSError) -> Int? {
        do throws(OSError) {
            return try retrying("write to descriptor \(number)") { unsafe Glibc.write(number, buffer.baseAddress, buffer.count) }
        } catch {
            if error.code == .wouldBlock || error.code == .resourceTemporarilyUnavailable { return nil }
            throw error
        }
    }

    /// Writes everything; waits for a non-blocking descriptor to take more.
    package borrowing func writeAll(_ bytes: [UInt8]) throws(OSError) {
        var done = 0
        while done < bytes.count {
            var result: Int?
            var failure: OSError?
            unsafe bytes.withUnsafeBytes { all in
                do throws(OSError) {
                    result = try unsafe writeSome(UnsafeRawBufferPointer(rebasing: all[done...]))
                } catch {
                    failure = error
                }
            }
            if let failure { throw failure }
            if let result { done += result } else { try waitUntilWritable() }
        }
    }

    private borrowing func waitUntilWritable() throws(OSError) {
        var entry = pollfd(fd: number, events: Int16(POLLOUT), revents: 0)
        // Safe because the one entry outlives the call.
        try retrying("wait for descriptor \(number)") { unsafe poll(&entry, 1, -1) }
    }

    // MARK: Files

    /// Reads at an offset until the buffer is full or the file ends; returns the count.
    package borrowing func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(OSError) -> Int {
        var done = 0
        while done < buffer.count {
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let count = try retrying("read from descriptor \(number)") {
                unsafe pread(number, rest.baseAddress, rest.count, off_t(clamping: offset &+ UInt64(done)))
            }
            if count == 0 { break }
            done += count
        }
        return done
    }

    /// Writes the whole buffer at an offset.
    package borrowing func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64) throws(OSError) {
        var done = 0
        while done < buffer.count {
            let rest = unsafe UnsafeRawBufferPointer(rebasing: buffer[done...])
            done += try retrying("write to descriptor \(number)") {
                unsafe pwrite(number, rest.baseAddress, rest.count, off_t(clamping: offset &+ UInt64(done)))
            }
        }
    }

    /// The size of a file or of a block device, in bytes.
    package borrowing func size() throws(OSError) -> UInt64 {
        let end = try retrying("find the size of descriptor \(number)") { lseek(number, 0, SEEK_END) }
        return UInt64(clamping: end)
    }

    /// Makes a file exactly this long; new bytes are a hole of zeros.
    package borrowing func truncate(to size: UInt64) throws(OSError) {
        guard let length = off_t(exactly: size) else { throw OSError(.fileTooLarge, "set a file's size to \(size)") }
        try retrying("set the size of descriptor \(number) to \(size)") { ftruncate(number, length) }
    }

    /// Waits until the data is on the medium.
    package borrowing func synchronizeData() throws(OSError) {
        try retrying("synchronise descriptor \(number)") { fdatasync(number) }
    }

    /// Waits until data and metadata are on the medium; for directories too.
    package borrowing func synchronize() throws(OSError) {
        try retrying("synchronise descriptor \(number)") { fsync(number) }
    }

    /// What fstat(2) tells of the file.
    package borrowing func status() throws(OSError) -> FileStatus {
        // Safe because the structure is plain data and outlives the call.
        var result = stat()
        try retrying("examine descriptor \(number)") { unsafe fstat(number, &result) }
        return FileStatus(result)
    }

    /// Sets or clears `O_NONBLOCK`.
    package borrowing func setNonBlocking(_ on: Bool = true) throws(OSError) {
        let flags = try retrying("read the flags of descriptor \(number)") { fcntl(number, F_GETFL) }
        let wanted = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK
        try retrying("set the flags of descriptor \(number)") { fcntl(number, F_SETFL, wanted) }
    }
}

/// A descriptor that several owners share; the last one closes it.
package final class SharedDescriptor: Sendable {
    private let owned: Descriptor

    package init(_ descriptor: consuming Descriptor) { owned = descriptor }

    package var number: CInt { owned.number }

    /// Lends the descriptor for one call.
    package func with<Result: ~Copyable, Failure: Error>(_ body: (borrowing Descriptor) throws(Failure) -> Result) throws(Failure) -> Result
    {
        try body(owned)
    }
}
