internal import Glibc
internal import Host
internal import LabModel

/// A wheel of the Python Package Index, fetched by the host's pip as any user, and kept in the cache by its digest. Nothing is installed, and no
/// code of it runs: a wheel is a zip archive.
struct WheelSource {
    private static let version = 1

    let package: String
    let release: String
    let digest: Digest

    init(package: String, version: String, sha256: String) throws(ImageError) {
        guard let digest = Digest(hex: sha256) else { throw ImageError(.recipe("sha256 wants 64 hexadecimal digits"), package) }
        for word in [package, version] {
            let isPlain =
                !word.isEmpty
                && word.utf8.allSatisfy { byte in
                    switch byte {
                    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                        UInt8(ascii: "0")...UInt8(ascii: "9"):
                        true
                    default: "-._".utf8.contains(byte)
                    }
                }
            guard isPlain, !word.hasPrefix("-") else { throw ImageError(.recipe("not the name or version of a Python package"), word) }
        }
        self.package = package
        release = version
        self.digest = digest
    }

    /// The wheel's path, downloaded now unless it is in the cache.
    func wheel(in store: ImageStore, progress: ImageProgressHandler) throws(ImageError) -> String {
        var hash = KeyHash(kind: "wheel \(WheelSource.version)")
        hash.add("sha256", digest)
        let key = hash.finish()
        let shelf = CacheShelf(cache: store.cache, kind: "packages")
        let name = "package.whl"
        try shelf.make(key, isWhole: { FileStatus.isFile("\($0)/\(name)") }, waiting: { progress(.waitingForBuilder) }) {
            folder throws(ImageError) in
            progress(.bootstrapping(line: "downloading the wheel \(package) \(release)"))
            let work = folder + "/work"
            try Folder.make(work)
            let pip = try HostProgram(
                "pip3", package: "python3-pip", environment: Proxies.environment().merging(PipSettings.environment()) { $1 })
            _ = try pip.output(
                [
                    "download", "--quiet", "--no-input", "--disable-pip-version-check", "--no-cache-dir", "--no-deps",
                    "--only-binary=:all:", "--dest", work, "\(package)==\(release)",
                ], folder: work)
            guard let file = Folder.names(work).first(where: { $0.hasSuffix(".whl") }) else {
                throw ImageError(.program(status: "downloaded no wheel of \(package) \(release)", tail: ""), "pip3")
            }
            let found = try FileDigest.digest(of: "\(work)/\(file)")
            guard found == digest else { throw ImageError(.digestMismatch(expected: digest, found: found), file) }
            try Folder.rename("\(work)/\(file)", to: "\(folder)/\(name)")
            try Folder.remove(work)
        }
        return "\(shelf.path(key))/\(name)"
    }
}

/// Where the user's pip finds its index, and whom it trusts.
private enum PipSettings {
    static let names = [
        "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_CERT", "PIP_TRUSTED_HOST", "PIP_CONFIG_FILE", "PIP_DEFAULT_TIMEOUT",
        "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "HOME", "XDG_CONFIG_HOME",
    ]

    static func environment() -> [String: String] {
        var found: [String: String] = [:]
        for name in names {
            // Safe because the value is copied at once, and nobody in this process changes its environment.
            if let value = unsafe getenv(name) { unsafe found[name] = String(cString: value) }
        }
        return found
    }
}
