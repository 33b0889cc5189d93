package import Host
internal import LabModel

/// Writes an ext4 filesystem from a stream of archive entries, in one pass, without root, mount or a scratch directory.
///
///     var disk = try Ext4Writer(output, name: path, options: Ext4Options(size: recipe.size))
///     disk.begin(...) disk.data(...) disk.end()      each entry of the archive, then of the last layer
///     let image = try disk.finish()                  metadata, checksums, superblock; the image can be read from here on
///
/// File data go to the image as they come, one file behind the other; all metadata are made at the end, when the number of
/// files is known. The bytes of the image depend on the entries, their data and the options, and on nothing else.
///
/// The caller owns the file's name: it hands in an open, empty file under a temporary name, and names it when `finish` is back.
package struct Ext4Writer: ArchiveSink, ~Copyable {
    /// Raised with every change that makes other bytes from the same input.
    package static let formatVersion: UInt64 = 1

    let options: Ext4Options
    let geometry: Ext4Geometry
    var tree: ImageTree
    var output: ImageOutput
    var allocator: BlockAllocator
    var digest = ContentDigest()
    /// Attribute sets in the form in which inodes hold them, by the tree's number.
    var attributes = Ext4AttributeSets()
    private var current = OpenFile()
    /// Set when the journal has its blocks; they count as used and are no content.
    var journalBlocks: UInt64 = 0
    private var extentCount = 0
    /// The number of inodes for which the reserve was computed.
    private var plannedInodes = 0

    /// The file whose data are coming in.
    private struct OpenFile: ~Copyable {
        var inode: InodeID?
        var path: [UInt8] = []
        var declared: UInt64?
        var takesData = false
        /// A file that is there already and gets new content only if data come.
        var isLink = false
        var gotData = false
        /// The end of the data so far.
        var end: UInt64 = 0
        var extents: [FileExtent] = []
        /// A block that is not complete yet.
        var partial = BlockBuffer(bytes: Ext4Geometry.blockSize)
        var partialBlock: UInt32?
    }

    /// - Parameters:
    ///   - output: an empty file opened for reading and writing.
    ///   - name: its path, for messages.
    package init(_ output: consuming Descriptor, name: String, options: Ext4Options) throws(SinkError) {
        let size = options.size.bytes
        guard size >= Ext4Geometry.smallest, size <= Ext4Geometry.largest else {
            throw .unsupportedSize(
                declared: options.size, smallest: ByteCount(bytes: Ext4Geometry.smallest), largest: ByteCount(bytes: Ext4Geometry.largest))
        }
        var file = ImageOutput(output, name: name)
        try file.resize(to: size)
        self.init(file, options: options)
    }

    private init(_ output: consuming ImageOutput, options: Ext4Options) {
        self.options = options
        self.output = output
        geometry = Ext4Geometry(size: options.size.bytes)
        tree = ImageTree(time: ArchiveEntry.Time(seconds: options.time))
        allocator = BlockAllocator(geometry)
        digest.absorb(options.salt)
        planReserve()
    }

    // MARK: Entries

    package mutating func begin(_ entry: ArchiveEntry) throws(SinkError) {
        if current.inode != nil { try end() }
        absorb(entry)
        do throws(RefusedEntry) {
            try Self.check(entry)
            let inode = try tree.place(entry)
            try attributes.prepare(upTo: tree)
            open(inode, for: entry)
        } catch {
            throw .refused(path: entry.path, error)
        }
        try takeBackReleased()
        if tree.inodeCount > plannedInodes { planReserve() }
    }

    package mutating func data(_ bytes: RawSpan, at offset: UInt64) throws(SinkError) {
        guard bytes.byteCount > 0 else { return }
        // Safe because the bytes are used within the call only.
        try unsafe bytes.withUnsafeBytes { (all) throws(SinkError) in try unsafe take(all, at: offset) }
    }

    package mutating func end() throws(SinkError) {
        guard let inode = current.inode else { return }
        try writePartial()
        if current.takesData, !current.isLink || current.gotData {
            digest.absorb(current.declared ?? current.end)
            tree.setContent(of: inode, size: current.declared ?? current.end, extents: current.extents)
        }
        current.inode = nil
        current.extents = []
        try takeBackReleased()
    }

    private mutating func open(_ inode: InodeID, for entry: ArchiveEntry) {
        current.inode = inode
        current.path = entry.path
        current.declared = nil
        current.takesData = false
        current.isLink = false
        current.gotData = false
        current.end = 0
        switch entry.kind {
        case .file(let size):
            current.declared = size
            current.takesData = true
        case .hardlink:
            current.isLink = true
            switch tree[inode].kind {
            case .file, .pending: current.takesData = true
            default: break
            }
        default: break
        }
        output.expected = current.declared ?? 0
    }

    /// Refuses what ext4 cannot hold, while the path is still known.
    private static func check(_ entry: ArchiveEntry) throws(RefusedEntry) {
        switch entry.kind {
        case .file(let size?) where size > InodeRecord.largestFile:
            throw .fileTooLarge(bytes: size, limit: InodeRecord.largestFile)
        case .characterDevice(let major, let minor), .blockDevice(let major, let minor):
            guard major < 1 << 12, minor < 1 << 20 else { throw .deviceNumberTooLarge(major: major, minor: minor) }
        default: return
        }
    }

    // MARK: Data

    private mutating func take(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(SinkError) {
        let (end, overflow) = offset.addingReportingOverflow(UInt64(bytes.count))
        guard current.takesData else { throw refused(.unexpectedData) }
        guard offset >= current.end else { throw refused(.dataOutOfOrder(offset: offset)) }
        guard !overflow, end <= InodeRecord.largestFile else {
            throw refused(.fileTooLarge(bytes: overflow ? UInt64.max : end, limit: InodeRecord.largestFile))
        }
        if let declared = current.declared, end > declared { throw refused(.dataBeyondSize(offset: end, size: declared)) }
        current.gotData = true
        let size = UInt64(Ext4Geometry.blockSize)
        var done = 0
        while done < bytes.count {
            let position = offset + UInt64(done)
            let block = UInt32(position / size)
            let within = Int(position % size)
            let left = bytes.count - done
            if let partial = current.partialBlock, partial != block { try writePartial() }
            if within == 0, left >= Ext4Geometry.blockSize {
                let whole = left / Ext4Geometry.blockSize * Ext4Geometry.blockSize
                // Safe because the part lies inside the bytes.
                try unsafe write(UnsafeRawBufferPointer(rebasing: bytes[done..<done + whole]), from: block)
                done += whole
            } else {
                let count = min(left, Ext4Geometry.blockSize - within)
                unsafe current.partial.put(UnsafeRawBufferPointer(rebasing: bytes[done..<done + count]), at: within)
                current.partialBlock = block
                done += count
                if within + count == Ext4Geometry.blockSize { try writePartial() }
            }
        }
        current.end = end
    }

    private mutating func writePartial() throws(SinkError) {
        guard let block = current.partialBlock else { return }
        // Safe because the buffer is not changed before the call returns.
        try unsafe write(current.partial.bytes, from: block)
        current.partial.zero()
        current.partialBlock = nil
    }

    /// Whole blocks of the current file, from its block `first` on; blocks of zeros become holes.
    private mutating func write(_ bytes: UnsafeRawBufferPointer, from first: UInt32) throws(SinkError) {
        let size = Ext4Geometry.blockSize
        let count = bytes.count / size
        var at = 0
        while at < count {
            // Safe because both slices lie inside the bytes.
            if unsafe Self.isZero(bytes, block: at) {
                at += 1
                continue
            }
            var end = at + 1
            while end < count, unsafe !Self.isZero(bytes, block: end) { end += 1 }
            // Safe because the blocks lie inside the bytes, and are used within the call.
            let data = unsafe UnsafeRawBufferPointer(rebasing: bytes[at * size..<end * size])
            let logical = first + UInt32(at)
            unsafe digest.absorb(blocks: data, at: logical)
            try unsafe store(data, at: logical)
            at = end
        }
    }

    private mutating func store(_ data: UnsafeRawBufferPointer, at logical: UInt32) throws(SinkError) {
        let size = Ext4Geometry.blockSize
        var logical = logical
        var done = 0
        while done < data.count {
            let run = try takeBlocks(upTo: UInt64((data.count - done) / size))
            let bytes = Int(run.count) * size
            // Safe because a run is never longer than asked for.
            try unsafe output.write(UnsafeRawBufferPointer(rebasing: data[done..<done + bytes]), at: run.start)
            try addExtent(FileExtent(logical: logical, physical: UInt32(run.start), count: UInt32(run.count)))
            logical += UInt32(run.count)
            done += bytes
            output.expected -= min(output.expected, UInt64(bytes))
        }
    }

    private mutating func addExtent(_ extent: FileExtent) throws(SinkError) {
        if let last = current.extents.last, last.logical + last.count == extent.logical, last.physical + last.count == extent.physical {
            current.extents[current.extents.count - 1].count += extent.count
            return
        }
        extentCount += 1
        guard extentCount <= TreeLimits.extents else { throw refused(.tooManyPieces(limit: TreeLimits.extents)) }
        current.extents.append(extent)
    }

    /// Whether a block holds nothing but zeros. Ends at the first 64 bytes that do not.
    @inline(__always)
    private static func isZero(_ bytes: UnsafeRawBufferPointer, block: Int) -> Bool {
        var offset = block * Ext4Geometry.blockSize
        let end = offset + Ext4Geometry.blockSize
        while offset < end {
            // Safe because 64 bytes from the offset on are in the block, which is in the bytes.
            var all: UInt64 = 0
            for word in 0..<8 { all |= unsafe bytes.loadUnaligned(fromByteOffset: offset + word * 8, as: UInt64.self) }
            if all != 0 { return false }
            offset += 64
        }
        return true
    }

    // MARK: Blocks

    /// Blocks for content. When the disk is full they are imaginary, and are counted until the end.
    mutating func takeBlocks(upTo count: UInt64) throws(SinkError) -> BlockAllocator.Run {
        let run = allocator.take(upTo: count)
        if allocator.isOverfull { output.isDiscarding = true }
        guard run.end <= UInt64(UInt32.max) else { throw tooSmall() }
        return run
    }

    func tooSmall() -> SinkError {
        let counted = Ext4Geometry.sizeNeeded(
            content: allocator.mostUsed - journalBlocks, inodes: UInt64(tree.inodeCount), journal: options.journal)
        let more = (options.size.bytes >> 20 + 1) << 20
        return .diskTooSmall(declared: options.size, needed: ByteCount(bytes: max(counted, more)))
    }

    private func refused(_ reason: RefusedEntry) -> SinkError { .refused(path: current.path, reason) }

    /// What replaced files leave behind is erased in the image and may be used again.
    mutating func takeBackReleased() throws(SinkError) {
        guard tree.hasReleased else { return }
        for extent in tree.takeReleased() {
            let run = BlockAllocator.Run(start: UInt64(extent.physical), count: UInt64(extent.count))
            try output.erase(run)
            allocator.give(back: run)
        }
    }

    /// Sets aside what the tables of so many inodes need.
    private mutating func planReserve() {
        plannedInodes = tree.inodeCount + tree.inodeCount / 4 + 64
        guard let perGroup = geometry.inodesPerGroup(used: UInt64(plannedInodes)) else { return }
        let reserve = geometry.reserve(inodesPerGroup: perGroup, journal: options.journal)
        allocator.limit = geometry.blocks - min(reserve, geometry.blocks)
    }

    // MARK: Digest

    private mutating func absorb(_ entry: ArchiveEntry) {
        digest.absorb(entry.path)
        switch entry.kind {
        case .file(let size):
            digest.absorb(1)
            digest.absorb(size ?? UInt64.max)
        case .directory: digest.absorb(2)
        case .symlink(let target):
            digest.absorb(3)
            digest.absorb(target)
        case .hardlink(let target):
            digest.absorb(4)
            digest.absorb(target)
        case .characterDevice(let major, let minor):
            digest.absorb(5)
            digest.absorb(UInt64(major) << 32 | UInt64(minor))
        case .blockDevice(let major, let minor):
            digest.absorb(6)
            digest.absorb(UInt64(major) << 32 | UInt64(minor))
        case .fifo: digest.absorb(7)
        case .socket: digest.absorb(8)
        }
        digest.absorb(UInt64(entry.mode))
        digest.absorb(UInt64(entry.owner) << 32 | UInt64(entry.group))
        digest.absorb(UInt64(bitPattern: entry.modified.seconds))
        digest.absorb(UInt64(entry.modified.nanoseconds))
        for attribute in entry.attributes {
            digest.absorb(attribute.name)
            digest.absorb(attribute.value)
        }
    }
}
