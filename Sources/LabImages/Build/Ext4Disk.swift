internal import LabModel

enum Ext4Writer { static let formatVersion: UInt64 = 0 }

/// Until the ext4 writer is in its place: a recipe with a disk is refused.
struct NoDisk: ArchiveSink {
    mutating func begin(_ entry: ArchiveEntry) throws(SinkError) {}
    mutating func data(_ bytes: RawSpan, at offset: UInt64) throws(SinkError) {}
    mutating func end() throws(SinkError) {}
}

enum Ext4Disk {
    static func create(_ path: String, _ disk: ImageRecipe.Disk, key: String) throws(ImageError) -> NoDisk {
        throw ImageError(.unsupportedHost("the ext4 writer is not in this build"), path)
    }
    static func finish(_ disk: inout NoDisk, _ path: String) throws(ImageError) {}
}
