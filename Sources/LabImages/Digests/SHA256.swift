import CCrypto

/// SHA-256 of bytes that arrive in pieces.
///
/// The work is OpenSSL's: one install of Debian's `libssl-dev`, nothing to compile, and it uses the processor's SHA
/// instructions (about 1.5 GB/s, in debug builds too), so that a digest costs less than reading the file. Plain Swift is
/// four times slower in release and a hundred times in debug; swift-crypto would build all of BoringSSL for one function.
@safe
package struct SHA256: ~Copyable {
    private let context: OpaquePointer

    package init() {
        // Safe because the context is checked, owned by this value alone, and freed once in `deinit`.
        guard let context = unsafe EVP_MD_CTX_new(), unsafe EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
            preconditionFailure("libcrypto has no SHA-256")
        }
        unsafe self.context = context
    }

    deinit { unsafe EVP_MD_CTX_free(context) }

    mutating func update(_ bytes: RawSpan) {
        // Safe because libcrypto reads exactly the given bytes during the call.
        unsafe bytes.withUnsafeBytes { bytes in
            _ = unsafe EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
        }
    }

    package mutating func update(_ bytes: [UInt8]) { unsafe update(bytes.span.bytes) }  // Safe because bytes have no padding.

    package consuming func finish() -> Digest {
        var bytes = [UInt8](repeating: 0, count: Digest.length)
        // Safe because SHA-256 writes exactly `Digest.length` bytes.
        _ = unsafe bytes.withUnsafeMutableBufferPointer { unsafe EVP_DigestFinal_ex(context, $0.baseAddress, nil) }
        return Digest(bytes)
    }

    package static func digest(of bytes: [UInt8]) -> Digest {
        var hash = SHA256()
        hash.update(bytes)
        return hash.finish()
    }
}
