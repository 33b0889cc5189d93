/// An inode in its block of the table.
struct EditedInode {
    let number: UInt32
    let block: EditedBlock
    let offset: Int

    func load<Value: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(_ type: Value.Type, at place: Int) -> Value {
        block.buffer.load(type, at: offset + place)
    }

    func put(_ value: some FixedWidthInteger & UnsignedInteger & BitwiseCopyable, at place: Int) {
        block.buffer.put(value, at: offset + place)
    }

    var mode: UInt16 { load(UInt16.self, at: 0) }
    var links: UInt16 { load(UInt16.self, at: 0x1A) }
    var flags: UInt32 { load(UInt32.self, at: 0x20) }
    var generation: UInt32 { load(UInt32.self, at: 0x64) }
    var size: UInt64 { UInt64(load(UInt32.self, at: 0x04)) | UInt64(load(UInt32.self, at: 0x6C)) << 32 }
    var attributeBlock: UInt64 { UInt64(load(UInt32.self, at: 0x68)) | UInt64(load(UInt16.self, at: 0x76)) << 32 }
    /// `i_block`: an extent tree's root, a short link's target, or a device number.
    var root: [UInt8] { block.buffer.load(offset + 0x28..<offset + 0x28 + InodeRecord.blockBytes) }

    enum Kind { case file, folder, link, other }

    var kind: Kind {
        switch mode & 0o170000 {
        case 0o100000: .file
        case 0o040000: .folder
        case 0o120000: .link
        default: .other
        }
    }

    /// The type that a directory says of it.
    var directoryEntryType: UInt8 {
        switch mode & 0o170000 {
        case 0o100000: 1
        case 0o040000: DirectoryBlock.FileType.directory
        case 0o120000: 7
        default: 0
        }
    }

    /// The seed of the checksums of what belongs to it.
    func seed(_ seed: UInt32) -> UInt32 { CRC32C.update(CRC32C.update(seed, value: number), value: generation) }

    func checksum(_ seed: UInt32) -> UInt32 {
        var bytes = block.buffer.load(offset..<offset + Ext4Geometry.inodeSize)
        for place in [0x7C, 0x7D, 0x82, 0x83] { bytes[place] = 0 }
        return CRC32C.update(self.seed(seed), bytes)
    }

    var saidChecksum: UInt32 { UInt32(load(UInt16.self, at: 0x7C)) | UInt32(load(UInt16.self, at: 0x82)) << 16 }

    /// After a change to its fields.
    func seal(_ seed: UInt32) {
        let sum = checksum(seed)
        put(UInt16(truncatingIfNeeded: sum), at: 0x7C)
        put(UInt16(truncatingIfNeeded: sum >> 16), at: 0x82)
        block.isChanged = true
    }
}
