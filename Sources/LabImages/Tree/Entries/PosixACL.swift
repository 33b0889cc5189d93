/// A POSIX access control list, in the two shapes it has on Linux.
///
///     getxattr, version 2: version u32 | tag u16, permissions u16, id u32 | ...   (id is all ones where there is none)
///     ext4, version 1:     version u32 | tag u16, permissions u16 [, id u32] | ... (id only with the tags user and group)
///
/// All little-endian.
package struct PosixACL: Hashable, Sendable {
    package var entries: [Entry]

    package init(entries: [Entry]) { self.entries = entries }

    package static let accessName = Array("system.posix_acl_access".utf8)
    package static let defaultName = Array("system.posix_acl_default".utf8)

    package struct Entry: Hashable, Sendable {
        package var tag: Tag
        /// Read 4, write 2, execute 1.
        package var permissions: UInt16

        package init(tag: Tag, permissions: UInt16) {
            self.tag = tag
            self.permissions = permissions
        }
    }

    package enum Tag: Hashable, Sendable {
        case owner
        case user(UInt32)
        case owningGroup
        case group(UInt32)
        case mask
        case other

        var code: UInt16 {
            switch self {
            case .owner: 0x01
            case .user: 0x02
            case .owningGroup: 0x04
            case .group: 0x08
            case .mask: 0x10
            case .other: 0x20
            }
        }

        var id: UInt32? {
            switch self {
            case .user(let id), .group(let id): id
            default: nil
            }
        }
    }

    /// Reads the `getxattr` form; `nil` when it is not one.
    package init?(attribute value: [UInt8]) {
        guard value.count >= 4, (value.count - 4) % 8 == 0, value.littleEndian(UInt32.self, at: 0) == 2 else { return nil }
        entries = []
        for offset in stride(from: 4, to: value.count, by: 8) {
            let id = value.littleEndian(UInt32.self, at: offset + 4)
            let tag: Tag
            switch value.littleEndian(UInt16.self, at: offset) {
            case 0x01: tag = .owner
            case 0x02: tag = .user(id)
            case 0x04: tag = .owningGroup
            case 0x08: tag = .group(id)
            case 0x10: tag = .mask
            case 0x20: tag = .other
            default: return nil
            }
            let permissions = value.littleEndian(UInt16.self, at: offset + 2)
            guard permissions <= 7 else { return nil }
            entries.append(Entry(tag: tag, permissions: permissions))
        }
    }

    /// The `getxattr` form, as an `ArchiveEntry` carries it. Entries are put into the order the kernel wants.
    package var attributeValue: [UInt8] {
        var value: [UInt8] = [2, 0, 0, 0]
        for entry in sorted {
            value.append(littleEndian: entry.tag.code)
            value.append(littleEndian: entry.permissions)
            value.append(littleEndian: entry.tag.id ?? UInt32.max)
        }
        return value
    }

    /// The form inside an ext4 filesystem.
    var ext4Value: [UInt8] {
        var value: [UInt8] = [1, 0, 0, 0]
        for entry in sorted {
            value.append(littleEndian: entry.tag.code)
            value.append(littleEndian: entry.permissions)
            if let id = entry.tag.id { value.append(littleEndian: id) }
        }
        return value
    }

    private var sorted: [Entry] {
        entries.sorted { ($0.tag.code, $0.tag.id ?? 0) < ($1.tag.code, $1.tag.id ?? 0) }
    }
}
