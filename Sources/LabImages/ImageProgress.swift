/// What a build is doing, as it happens; never needed to understand its result.
package enum ImageProgress: Hashable, Sendable {
    /// Another process builds the same image; this one waits for it instead of building it again.
    case waitingForBuilder
    /// Packages are fetched and installed by a program of the host; each step that it names.
    case bootstrapping(line: String)
    /// Bytes of the source archive read, of how many.
    case reading(done: UInt64, total: UInt64)
    /// The last structures are written and synced.
    case finishing
    /// The image is in the cache under this key.
    case done(key: String)
}

/// Is told of a build's progress, on the thread that builds.
package typealias ImageProgressHandler = (ImageProgress) -> Void
