package import LabModel

/// What of an ext4 filesystem does not come from the archive.
package struct Ext4Options: Hashable, Sendable {
    /// The size of the disk; the filesystem fills it.
    package var size: ByteCount
    /// Whether the filesystem survives a machine that is killed. Left out on disks under 8 MiB.
    package var journal: Bool
    /// At most 16 bytes, for `root=LABEL=...`; what is longer is cut off.
    package var label: [UInt8]
    /// Seconds since 1970 for everything that no entry gives a time: the filesystem itself and directories that entries imply.
    package var time: Int64
    /// Bytes that go into the UUID beside the content: two disks with different salts never have one UUID by content alone.
    package var salt: [UInt8]

    package init(size: ByteCount, journal: Bool = true, label: [UInt8] = [], time: Int64 = 0, salt: [UInt8] = []) {
        self.size = size
        self.journal = journal
        self.label = label
        self.time = time
        self.salt = salt
    }
}
