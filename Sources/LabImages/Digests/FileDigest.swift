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
            if try file.status().kind == .regular { return SharedDescriptor(file) }
        } catch {
            throw ImageError(error, path)
        }
        throw ImageError(.recipe("it is a folder or a device, and a file is wanted"), path)
    }
}
