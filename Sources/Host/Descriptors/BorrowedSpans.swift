internal import Glibc
internal import SystemPackage

/// Streams read into and written out of memory that stays where it is, without waiting.
extension Borrowed {
    /// Reads what is there into a span, from a place on; 0 is the end of the stream, `nil` that nothing is there now.
    package func readSome(into span: inout MutableSpan<UInt8>, from start: Int) throws(OSError) -> Int? {
        guard start >= 0, start < span.count else { return nil }
        let number = number
        // Safe because the kernel writes at most the rest of the span, which outlives the call.
        let count = unsafe span.withUnsafeMutableBufferPointer { buffer in
            unsafe recv(number, buffer.baseAddress! + start, buffer.count - start, CInt(MSG_DONTWAIT))
        }
        if count >= 0 { return count }
        switch Errno.last {
        case .wouldBlock, .resourceTemporarilyUnavailable, .interrupted: return nil
        default: throw OSError.current("read from descriptor \(number)")
        }
    }

    /// Writes two spans, one after the other, as far as the socket takes them; 0 when it takes nothing now.
    package func writeSome(_ first: Span<UInt8>, _ second: Span<UInt8>) throws(OSError) -> Int {
        let number = number
        // Safe because the kernel reads both spans during the call, and the vector and message outlive it.
        let count = unsafe first.withUnsafeBufferPointer { one in
            unsafe second.withUnsafeBufferPointer { two in
                var parts = unsafe (
                    iovec(iov_base: UnsafeMutableRawPointer(mutating: one.baseAddress), iov_len: one.count),
                    iovec(iov_base: UnsafeMutableRawPointer(mutating: two.baseAddress), iov_len: two.count)
                )
                return unsafe withUnsafeMutableBytes(of: &parts) { raw in
                    var message = unsafe msghdr()
                    unsafe message.msg_iov = raw.baseAddress?.assumingMemoryBound(to: iovec.self)
                    unsafe message.msg_iovlen = 2
                    return unsafe sendmsg(number, &message, CInt(MSG_DONTWAIT | MSG_NOSIGNAL))
                }
            }
        }
        if count >= 0 { return count }
        switch Errno.last {
        case .wouldBlock, .resourceTemporarilyUnavailable, .interrupted, .noBufferSpace, .noMemory: return 0
        default: throw OSError.current("write to descriptor \(number)")
        }
    }

    /// Asks for room for so many bytes on the way to the other end; the kernel may give less.
    package func growSendBuffer(to byteCount: Int) {
        var size = CInt(clamping: byteCount)
        // Safe because the number outlives the call; a refusal leaves what there was.
        unsafe _ = setsockopt(number, SOL_SOCKET, SO_SNDBUF, &size, socklen_t(MemoryLayout<CInt>.size))
    }
}
