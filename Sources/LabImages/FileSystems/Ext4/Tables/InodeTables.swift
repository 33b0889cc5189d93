/// Fills the inode tables in the order of inode numbers, some hundred inodes at a time.
struct InodeTables: ~Copyable {
    private let places: TablePlaces
    private let inodesPerGroup: UInt32
    private let seed: UInt32
    private var buffer = BlockBuffer(bytes: InodeTables.chunk * Ext4Geometry.inodeSize)
    /// The inode that the buffer starts with, counted from 0.
    private var first: UInt32 = 0
    private var used: UInt32 = 0

    /// Inodes in the buffer: 128 KiB.
    private static let chunk = 512

    init(_ places: TablePlaces, inodesPerGroup: UInt32, seed: UInt32) {
        self.places = places
        self.inodesPerGroup = inodesPerGroup
        self.seed = seed
    }

    /// Adds the next inode; the first has number 1.
    mutating func add(_ record: InodeRecord, to output: inout ImageOutput) throws(SinkError) {
        let startsGroup = (first + used) % inodesPerGroup == 0
        if used > 0, used == UInt32(Self.chunk) || startsGroup { try flush(to: &output) }
        record.write(to: &buffer, at: Int(used) * Ext4Geometry.inodeSize, number: first + used + 1, seed: seed)
        used += 1
    }

    mutating func flush(to output: inout ImageOutput) throws(SinkError) {
        guard used > 0 else { return }
        let group = Int(first / inodesPerGroup)
        let offset = UInt64(first % inodesPerGroup)
        let blocks = (Int(used) + Ext4Geometry.inodesPerBlock - 1) / Ext4Geometry.inodesPerBlock
        // Safe because the blocks lie inside the buffer.
        let filled = unsafe UnsafeRawBufferPointer(rebasing: buffer.bytes[..<(blocks * Ext4Geometry.blockSize)])
        try unsafe output.write(filled, at: places.tables[group] + offset / UInt64(Ext4Geometry.inodesPerBlock))
        buffer.zero()
        first += used
        used = 0
    }
}
