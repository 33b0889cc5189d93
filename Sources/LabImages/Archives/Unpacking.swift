/// Bytes in memory without their compression (gzip, xz, zstd, lz4 of both forms, bzip2).
package enum Unpacking {
    /// - Parameter limit: how many bytes may come out.
    package static func unpack(_ packed: ArraySlice<UInt8>, limit: Int, subject: String) throws(ImageError) -> [UInt8] {
        var unpacked: [UInt8] = []
        var failure: ImageError?
        unsafe packed.withUnsafeBytes { packed in
            do throws(ImageError) {
                var given = false
                let stream = try unsafe LibArchive(.stream, filters: true, subject: subject) { () throws(ImageError) in
                    defer { given = true }
                    return unsafe given ? UnsafeRawBufferPointer(start: nil, count: 0) : packed
                }
                guard try unsafe stream.nextEntry() != nil else { throw ImageError(.damagedArchive("empty"), subject) }
                while let block = try unsafe stream.nextBlock()?.bytes {
                    guard unpacked.count + block.count <= limit else {
                        throw ImageError(.tooLarge(what: "unpacked bytes", limit: UInt64(limit)), subject)
                    }
                    unsafe unpacked.append(contentsOf: block)
                }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return unpacked
    }
}
