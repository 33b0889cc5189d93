package import Host

/// A finished filesystem: its file, and the tree from which its own files can be read back.
package struct Ext4Image: ~Copyable {
    package let tree: ImageTree
    /// The image file, open; not synchronised yet.
    package let output: Descriptor
    package let name: String
    package let uuid: [UInt8]
    /// Names of attributes that ext4 has no place for and that were left out: the first few, each once.
    package let ignoredAttributes: [[UInt8]]

    /// Regular files whose path matches; see `ImageTree.files(matching:)`.
    package func files(matching pattern: [UInt8]) -> [FoundFile] { tree.files(matching: pattern) }

    /// Up to `limit` bytes of a file at `offset`, holes as zeros; fewer only at its end.
    package func read(_ file: FoundFile, at offset: UInt64, upTo limit: Int) throws(SinkError) -> [UInt8] {
        guard case .file(let size, let extents) = tree[file.inode].kind, offset < size else { return [] }
        let count = Int(min(UInt64(max(limit, 0)), size - offset))
        var bytes = [UInt8](repeating: 0, count: count)
        let blockSize = UInt64(FileExtent.blockSize)
        let end = offset + UInt64(count)
        for extent in extents {
            let start = UInt64(extent.logical) * blockSize
            let from = max(start, offset)
            let to = min(start + UInt64(extent.count) * blockSize, end)
            guard from < to else { continue }
            let place = UInt64(extent.physical) * blockSize + (from - start)
            let piece: [UInt8]
            do throws(OSError) {
                piece = try output.read(upTo: Int(to - from), at: place)
            } catch {
                throw .host(output: name, doing: error.doing, errno: error.code.rawValue)
            }
            bytes.replaceSubrange(Int(from - offset)..<Int(from - offset) + piece.count, with: piece)
        }
        return bytes
    }
}
