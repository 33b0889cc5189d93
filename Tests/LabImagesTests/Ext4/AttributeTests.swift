import LabImages
import LabModel
import Testing

/// Extended attributes: in the inode, in shared blocks, and access control lists.
@Suite struct AttributeTests {
    private func attribute(_ name: String, _ value: [UInt8]) -> ArchiveEntry.Attribute {
        .init(name: Array(name.utf8), value: value)
    }

    private func file(_ path: String, _ attributes: [ArchiveEntry.Attribute]) -> ArchiveEntry {
        ArchiveEntry.file(path).with { $0.attributes = attributes }
    }

    @Test func `small attributes lie in the inode and large ones in a block`() throws {
        let disk = try Disk()
        let large = [UInt8](repeating: UInt8(ascii: "L"), count: 3900)
        try disk.build { writer in
            try writer.add(file("small", [attribute("user.a", Array("1".utf8)), attribute("security.selinux", Array("label".utf8))]), "x")
            try writer.add(file("large", [attribute("user.large", large), attribute("trusted.t", Array("t".utf8))]), "x")
            try writer.add(file("empty", [attribute("user.empty", [])]), "x")
            try writer.add(file("full", [attribute("user.a", [UInt8](repeating: 1, count: 68))]), "x")
            try writer.add(file("over", [attribute("user.a", [UInt8](repeating: 1, count: 69))]), "x")
        }
        #expect(try disk.debugfs("ea_get -x /small user.a").contains("31"))
        #expect(try disk.debugfs("ea_list /small").contains("security.selinux (5) = \"label\""))
        #expect(try disk.debugfs("stat /small").contains("File ACL: 0"))
        #expect(try disk.debugfs("ea_list /large").contains("user.large (3900)"))
        #expect(try disk.debugfs("ea_list /large").contains("trusted.t (1) = \"t\""))
        #expect(try !disk.debugfs("stat /large").contains("File ACL: 0"))
        #expect(try disk.debugfs("ea_list /empty").contains("user.empty (0)"))
        #expect(try disk.debugfs("stat /full").contains("File ACL: 0"))
        #expect(try !disk.debugfs("stat /over").contains("File ACL: 0"))
    }

    @Test func `thousands of files with one label share blocks, 1024 a block`() throws {
        let disk = try Disk()
        let label = [UInt8](repeating: UInt8(ascii: "z"), count: 100)
        try disk.build(mebibytes: 64) { writer in
            for index in 0..<2500 { try writer.add(file("f\(index)", [attribute("security.selinux", label)])) }
        }
        var blocks: Set<String> = []
        for index in [0, 1023, 1024, 2047, 2048, 2499] {
            let status = try disk.debugfs("stat /f\(index)")
            blocks.insert(status.split(separator: "\n").first { $0.hasPrefix("File ACL") }.map(String.init) ?? "")
        }
        #expect(blocks.count == 3)
    }

    @Test func `attributes that no block holds are refused with the path`() throws {
        let entry = file("some/file", [attribute("user.huge", [UInt8](repeating: 1, count: 6000))])
        #expect(throws: SinkError.refused(path: Array("some/file".utf8), .attributesTooLarge(bytes: 6020, limit: 4060))) {
            try Disk().build { try $0.add(entry) }
        }
        let twice = file("f", [attribute("user.a", [1]), attribute("user.a", [2])])
        #expect(throws: SinkError.refused(path: [102], .attributeRepeated(name: Array("user.a".utf8)))) {
            try Disk().build { try $0.add(twice) }
        }
        let long = file("f", [attribute("user." + String(repeating: "n", count: 300), [1])])
        #expect(throws: SinkError.self) { try Disk().build { try $0.add(long) } }
    }

    @Test func `attributes without a place in ext4 are left out and named`() throws {
        let disk = try Disk()
        let image = try disk.build { writer in
            try writer.add(file("f", [attribute("com.apple.quarantine", [1]), attribute("system.data", [2]), attribute("user.", [3])]))
        }
        #expect(
            Set(image.ignoredAttributes.map { String(decoding: $0, as: UTF8.self) }) == ["com.apple.quarantine", "system.data", "user."])
        #expect(try disk.debugfs("ea_list /f") == "")
    }

    @Test func `access control lists are kept in ext4's own form`() throws {
        let disk = try Disk()
        let list = PosixACL(entries: [
            .init(tag: .mask, permissions: 7), .init(tag: .owner, permissions: 7), .init(tag: .user(1000), permissions: 5),
            .init(tag: .owningGroup, permissions: 5), .init(tag: .other, permissions: 0), .init(tag: .group(70_000), permissions: 4),
        ])
        #expect(PosixACL(attribute: list.attributeValue)?.attributeValue == list.attributeValue)
        try disk.build { writer in
            try writer.add(
                ArchiveEntry.directory("d").with {
                    $0.attributes = [
                        .init(name: PosixACL.accessName, value: list.attributeValue),
                        .init(name: PosixACL.defaultName, value: list.attributeValue),
                    ]
                })
        }
        // debugfs hands them out in the other form again, with 0 where no id is.
        for name in ["access", "default"] {
            _ = try disk.debugfs("ea_get -f \(disk.folder.file("acl")) /d system.posix_acl_\(name)")
            let read = try Folder.read(disk.folder.file("acl"), limit: 1000)
            #expect(PosixACL(attribute: read)?.attributeValue == list.attributeValue, "\(read)")
        }
        let malformed = file("f", [.init(name: PosixACL.accessName, value: [1, 2, 3])])
        #expect(throws: SinkError.refused(path: [102], .malformedACL(name: PosixACL.accessName))) {
            try Disk().build { try $0.add(malformed) }
        }
    }
}
