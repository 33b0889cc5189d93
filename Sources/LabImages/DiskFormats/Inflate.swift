internal import CZlib

/// Bytes of a raw deflate stream (RFC 1951), unpacked by zlib.
enum Inflate {
    /// The largest window: what was packed with a smaller one is read as well.
    private static let window: CInt = -15
    /// No stream of deflate gives more bytes for each of its own (zlib, "Technical Details").
    static let greatestRatio: UInt64 = 1032

    /// Fills `output` from the beginning of the stream; what follows is not looked at.
    ///
    /// - Returns: false where the stream is damaged or too short.
    static func fill(_ output: inout [UInt8], from input: [UInt8]) -> Bool {
        var stream = unsafe z_stream()
        guard unsafe inflateInit2_(&stream, window, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size)) == Z_OK else { return false }
        // Safe because the stream was made here, and both arrays outlive the one call that reads and writes them.
        defer { unsafe _ = inflateEnd(&stream) }
        let wanted = output.count
        let status = unsafe input.withUnsafeBufferPointer { input in
            unsafe output.withUnsafeMutableBufferPointer { output in
                unsafe stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
                unsafe stream.avail_in = UInt32(clamping: input.count)
                unsafe stream.next_out = output.baseAddress
                unsafe stream.avail_out = UInt32(clamping: output.count)
                return unsafe inflate(&stream, Z_FINISH)
            }
        }
        let isFull = unsafe stream.avail_out == 0 && Int(stream.total_out) == wanted
        return isFull && (status == Z_STREAM_END || status == Z_BUF_ERROR)
    }
}
