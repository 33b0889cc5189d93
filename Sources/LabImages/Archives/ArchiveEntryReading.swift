internal import CArchive
internal import Glibc

extension ArchiveEntry {
    /// Copies an entry's header out of libarchive, byte for byte.
    ///
    /// Nothing is judged here but what has no meaning at all: a type that does not exist, numbers that no kernel has.
    init(libarchive entry: OpaquePointer, archive: String) throws(ImageError) {
        let path = unsafe ArchiveEntry.bytes(archive_entry_pathname(entry))
        func damaged(_ text: String) -> ImageError { ImageError(.damagedArchive("\(quoted(path)): \(text)"), archive) }
        guard let owner = UInt32(exactly: unsafe archive_entry_uid(entry)), let group = UInt32(exactly: unsafe archive_entry_gid(entry))
        else { throw damaged("an owner beyond 32 bits") }
        var kind: Kind
        if let target = unsafe archive_entry_hardlink(entry) {
            kind = unsafe .hardlink(target: ArchiveEntry.bytes(target))
        } else {
            let device = unsafe (
                major: UInt32(exactly: archive_entry_rdevmajor(entry)), minor: UInt32(exactly: archive_entry_rdevminor(entry))
            )
            switch unsafe archive_entry_filetype(entry) {
            case S_IFREG:
                let size = unsafe archive_entry_size_is_set(entry) == 0 ? nil : archive_entry_size(entry)
                guard let size else {
                    kind = .file(size: nil)
                    break
                }
                guard let size = UInt64(exactly: size) else { throw damaged("a negative size") }
                kind = .file(size: size)
            case S_IFDIR: kind = .directory
            case S_IFLNK: kind = unsafe .symlink(target: ArchiveEntry.bytes(archive_entry_symlink(entry)))
            case S_IFIFO: kind = .fifo
            case S_IFSOCK: kind = .socket
            case S_IFCHR, S_IFBLK:
                guard let major = device.major, let minor = device.minor else { throw damaged("a device number beyond 32 bits") }
                kind =
                    unsafe archive_entry_filetype(entry) == S_IFCHR
                    ? .characterDevice(major: major, minor: minor) : .blockDevice(major: major, minor: minor)
            case let type: throw damaged("an entry of unknown type \(String(type, radix: 8))")
            }
        }
        var attributes = unsafe ArchiveEntry.attributes(of: entry)
        let lists = [
            (ARCHIVE_ENTRY_ACL_TYPE_ACCESS, PosixACL.accessName), (ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, PosixACL.defaultName),
        ]
        for (type, name) in lists where !attributes.contains(where: { $0.name == name }) {
            guard let list = unsafe ArchiveEntry.list(type, of: entry) else {
                throw damaged("an access list with names instead of numbers")
            }
            if !list.entries.isEmpty { attributes.append(Attribute(name: name, value: list.attributeValue)) }
        }
        let nanoseconds = unsafe UInt32(clamping: archive_entry_mtime_nsec(entry))
        self.init(
            path: path, kind: kind, mode: unsafe UInt16(truncatingIfNeeded: archive_entry_perm(entry) & 0o7777), owner: owner, group: group,
            modified: Time(seconds: unsafe Int64(archive_entry_mtime(entry)), nanoseconds: min(nanoseconds, 999_999_999)),
            attributes: attributes)
    }

    /// An access control list; empty where the permission bits say it all, `nil` where it cannot be one.
    private static func list(_ type: CInt, of entry: OpaquePointer) -> PosixACL? {
        var list = PosixACL(entries: [])
        var found: CInt = 0
        var permissions: CInt = 0
        var tag: CInt = 0
        var id: CInt = 0
        var name: UnsafePointer<CChar>?
        guard unsafe archive_entry_acl_reset(entry, type) > 0 else { return list }
        while unsafe archive_entry_acl_next(entry, type, &found, &permissions, &tag, &id, &name) == ARCHIVE_OK {
            let who: PosixACL.Tag
            switch tag {
            case ARCHIVE_ENTRY_ACL_USER_OBJ: who = .owner
            case ARCHIVE_ENTRY_ACL_GROUP_OBJ: who = .owningGroup
            case ARCHIVE_ENTRY_ACL_MASK: who = .mask
            case ARCHIVE_ENTRY_ACL_OTHER: who = .other
            case ARCHIVE_ENTRY_ACL_USER where id != -1: who = .user(UInt32(bitPattern: id))
            case ARCHIVE_ENTRY_ACL_GROUP where id != -1: who = .group(UInt32(bitPattern: id))
            default: return nil
            }
            list.entries.append(PosixACL.Entry(tag: who, permissions: UInt16(truncatingIfNeeded: permissions & 7)))
        }
        return list
    }

    private static func attributes(of entry: OpaquePointer) -> [Attribute] {
        var attributes: [Attribute] = []
        var name: UnsafePointer<CChar>?
        var value: UnsafeRawPointer?
        var count = 0
        unsafe _ = archive_entry_xattr_reset(entry)
        while unsafe archive_entry_xattr_next(entry, &name, &value, &count) == ARCHIVE_OK {
            // Safe because libarchive keeps name and value until the next header.
            let content = unsafe Array(UnsafeRawBufferPointer(start: value, count: value == nil ? 0 : count))
            attributes.append(Attribute(name: unsafe bytes(name), value: content))
        }
        return attributes
    }

    /// The bytes of a C string; none for NULL.
    private static func bytes(_ text: UnsafePointer<CChar>?) -> [UInt8] {
        guard let text = unsafe text else { return [] }
        return unsafe Array(UnsafeRawBufferPointer(start: text, count: strlen(text)))
    }
}
