internal import Glibc
package import Host

/// The digest of a whole file.
package enum FileDigest {
    package static func digest(of path: String) throws(ImageError) -> Digest {
        let file = try FileDigest.open(path)
        return try ArchiveIntake(file, subject: path, counter: IntakeCounter()).finish()
    }

    /// Opens a regular file for reading; anything else that has this name is refused before it can block or lie.
    package static func open(_ path: String) throws(ImageError) -> SharedDescriptor {
        do throws(OSError) {
            let file = try Descriptor.open(path, O_RDONLY | O_NONBLOCK)
            guard try file.status().kind == .regular else {
                throw OSError(.invalidArgument, "read \(path): not a regular file")
            }
            return SharedDescriptor(file)
        } catch {
            throw ImageError(error, path)
        }
    }
}
