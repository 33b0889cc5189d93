internal import Glibc
internal import Host

/// A bare kernel: a file of the recipe's folder, copied as it is.
struct KernelSource {
    /// Kernels with everything built in and debug information have a few hundred megabytes.
    private static let maximumSize = 1 << 30

    let path: String

    /// Copies the file and digests what was copied.
    func copy(to output: String) throws(ImageError) -> (size: UInt64, sha256: Digest) {
        let bytes = try Folder.read(path, limit: KernelSource.maximumSize)
        try Folder.write(bytes, to: output)
        return (UInt64(bytes.count), SHA256.digest(of: bytes))
    }
}
