/// One entry of an archive, as its header told it: the seam between whatever reads archives and whatever builds a filesystem.
///
/// Everything that names something is bytes, never `String`: Linux names are not UTF-8, and `String` equality would make two
/// different names one. Nothing here is checked yet; whoever takes the entry judges it.
package struct ArchiveEntry: Hashable, Sendable {
    /// The path as the archive spells it: `./usr/bin/env`, `/etc/passwd`, `dir/`. Components are separated by `/`.
    package var path: [UInt8]
    package var kind: Kind
    /// Permission bits with setuid, setgid and sticky (`0o7777`); the file type is in `kind`.
    package var mode: UInt16
    package var owner: UInt32
    package var group: UInt32
    package var modified: Time
    /// In the archive's order. POSIX ACLs are here too, under `system.posix_acl_access` and `system.posix_acl_default`,
    /// in the form that `getxattr` gives them (version 2): `PosixACL` writes it.
    package var attributes: [Attribute]

    package init(
        path: [UInt8], kind: Kind, mode: UInt16, owner: UInt32 = 0, group: UInt32 = 0, modified: Time = Time(seconds: 0),
        attributes: [Attribute] = []
    ) {
        self.path = path
        self.kind = kind
        self.mode = mode
        self.owner = owner
        self.group = group
        self.modified = modified
        self.attributes = attributes
    }

    package enum Kind: Hashable, Sendable {
        /// A regular file. `size` is the length the archive declares, holes included; `nil` when only the data can tell.
        case file(size: UInt64?)
        case directory
        case symlink(target: [UInt8])
        /// A further name of the file at `target` (a path in the archive). Data may follow; it is then the content of both names.
        case hardlink(target: [UInt8])
        case characterDevice(major: UInt32, minor: UInt32)
        case blockDevice(major: UInt32, minor: UInt32)
        case fifo
        case socket
    }

    /// Seconds since 1970, which may be negative, and nanoseconds that always count forward.
    package struct Time: Hashable, Comparable, Sendable {
        package var seconds: Int64
        package var nanoseconds: UInt32

        package init(seconds: Int64, nanoseconds: UInt32 = 0) {
            self.seconds = seconds
            self.nanoseconds = nanoseconds
        }

        package static func < (left: Time, right: Time) -> Bool {
            (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
        }
    }

    /// An extended attribute under its full name: `security.capability`, `user.note`.
    package struct Attribute: Hashable, Sendable {
        package var name: [UInt8]
        package var value: [UInt8]

        package init(name: [UInt8], value: [UInt8]) {
            self.name = name
            self.value = value
        }
    }
}
