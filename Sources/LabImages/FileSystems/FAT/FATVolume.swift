internal import Host
internal import LabModel

/// A FAT32 file system, written once and front to back:
///
///     0, 1, 2      boot sector, what is free, an empty sector; once more from 6 on
///     32 - ...     the table: for each cluster the next one of its file
///     ...          the table once more
///     ...          clusters from 2 on: the root directory, then each folder and file in one piece
///
/// Source: Microsoft's FAT32 File System Specification 1.03. Sectors have 512 bytes; all times are the beginning of 1980.
struct FATVolume: ~Copyable {
    /// Below so many clusters it would be FAT16.
    private static let fewestClusters: UInt64 = 65_525
    private static let reserved: UInt64 = 32
    private static let sector = PartitionTable.sector
    /// 1 January 1980.
    private static let date: UInt16 = 0x0021
    private static let endOfFile: UInt32 = 0x0FFF_FFFF

    private struct Node {
        /// Names and numbers of what is in it; nil for a file.
        var children: [(name: String, node: Int)]?
        var first: UInt32 = 0
        var size: UInt32 = 0
    }

    private let disk: Descriptor
    private let name: String
    /// Sectors of the disk that are the volume.
    private let place: Range<UInt64>
    private let clusterSectors: UInt64
    private let tableSectors: UInt64
    private let clusterCount: UInt64
    private let salt: [UInt8]
    private var nodes = [Node(children: [])]
    private var table: [UInt32] = [0x0FFF_FFF8, FATVolume.endOfFile, FATVolume.endOfFile]

    /// - Parameters:
    ///   - place: the volume's sectors on the disk.
    ///   - name: the image's, for messages.
    ///   - salt: what the serial number follows from.
    init(_ disk: consuming Descriptor, at place: Range<UInt64>, name: String, salt: [UInt8]) throws(ImageError) {
        let count = UInt64(place.count)
        // Small clusters as long as the table stays small.
        let clusterSectors: UInt64 = count <= 1 << 19 ? 1 : count <= 1 << 24 ? 8 : 64
        // Each sector of the table speaks of 128 clusters, and there are two tables.
        let divisor = FATVolume.sector / 4 * clusterSectors + 2
        let tableSectors = (count - FATVolume.reserved + 2 * clusterSectors + divisor - 1) / divisor
        let clusterCount = (count - FATVolume.reserved - 2 * tableSectors) / clusterSectors
        guard clusterCount >= FATVolume.fewestClusters else {
            throw ImageError(.recipe("\(count) sectors are too few for FAT32"), name)
        }
        self.clusterSectors = clusterSectors
        self.tableSectors = tableSectors
        self.clusterCount = clusterCount
        self.disk = disk
        self.name = name
        self.place = place
        self.salt = salt
    }

    private var clusterBytes: UInt64 { clusterSectors * FATVolume.sector }

    // MARK: Content

    /// Puts a file at a path, which makes the folders above it.
    mutating func add(_ path: String, _ bytes: [UInt8]) throws(ImageError) {
        let parts = path.split(separator: "/").map { String($0) }
        guard !parts.isEmpty else { throw ImageError(.recipe("\(path) names no file on the partition"), name) }
        var folder = 0
        for (index, part) in parts.enumerated() {
            guard FATName.isPossible(part) else { throw ImageError(.recipe("\"\(part)\" is no name for a FAT file system"), name) }
            // FAT knows no difference of case.
            let known = nodes[folder].children?.first { $0.name.lowercased() == part.lowercased() }
            if index == parts.count - 1 {
                guard known == nil else { throw ImageError(.recipe("\(path) is there twice"), name) }
                let first = try allocate(UInt64(bytes.count), path)
                append(Node(children: nil, first: first, size: UInt32(bytes.count)), as: part, in: folder)
                if first != 0 { try write(bytes, at: sectorOf(first)) }
            } else if let known {
                guard nodes[known.node].children != nil else { throw ImageError(.recipe("\(path) goes through a file"), name) }
                folder = known.node
            } else {
                folder = append(Node(children: []), as: part, in: folder)
            }
        }
    }

    @discardableResult
    private mutating func append(_ node: Node, as name: String, in folder: Int) -> Int {
        let number = nodes.count
        nodes.append(node)
        nodes[folder].children?.append((name, number))
        return number
    }

    /// Writes folders, tables and the volume's description.
    mutating func finish() throws(ImageError) {
        nodes[0].first = 2
        // A folder's own entry is as long as its children's names, so places first.
        for index in nodes.indices.dropFirst() {
            guard let children = nodes[index].children else { continue }
            nodes[index].first = try allocate(UInt64(32 * (2 + FATVolume.entryCount(children))), "/")
        }
        try extendRoot()
        for index in nodes.indices where nodes[index].children != nil {
            try writeFolder(index)
        }
        var bytes = [UInt8](repeating: 0, count: 4 * table.count)
        for (index, entry) in table.enumerated() { bytes.put(entry, at: 4 * index) }
        let start = place.lowerBound + FATVolume.reserved
        try write(bytes, at: start)
        try write(bytes, at: start + tableSectors)
        for sector in [UInt64(0), 6] {
            try write(bootSector, at: place.lowerBound + sector)
            try write(freeSector, at: place.lowerBound + sector + 1)
            try write(emptySector, at: place.lowerBound + sector + 2)
        }
    }

    private static func entryCount(_ children: [(name: String, node: Int)]) -> Int {
        children.enumerated().reduce(0) { $0 + 1 + FATName($1.element.name, number: $1.offset + 1).long.count }
    }

    /// The root's first cluster is 2; what does not fit goes behind everything else.
    private mutating func extendRoot() throws(ImageError) {
        let count = UInt64(32 * FATVolume.entryCount(nodes[0].children ?? []))
        guard count > clusterBytes else { return }
        table[2] = try allocate(count - clusterBytes, "/")
    }

    private mutating func writeFolder(_ index: Int) throws(ImageError) {
        var bytes: [UInt8] = []
        if index != 0 {
            let parent = nodes.indices.first { nodes[$0].children?.contains { $0.node == index } ?? false } ?? 0
            bytes += FATVolume.entry(Array(".          ".utf8), nodes[index])
            // The root is cluster 0 to those in it.
            bytes += FATVolume.entry(Array("..         ".utf8), parent == 0 ? Node(children: []) : nodes[parent])
        }
        for (offset, child) in (nodes[index].children ?? []).enumerated() {
            let name = FATName(child.name, number: offset + 1)
            bytes += name.long.joined() + FATVolume.entry(name.short, nodes[child.node])
        }
        let first = nodes[index].first
        guard index == 0, UInt64(bytes.count) > clusterBytes else { return try write(bytes, at: sectorOf(first)) }
        try write(Array(bytes[..<Int(clusterBytes)]), at: sectorOf(first))
        try write(Array(bytes[Int(clusterBytes)...]), at: sectorOf(table[2]))
    }

    private static func entry(_ short: [UInt8], _ node: Node) -> [UInt8] {
        var bytes = short + [UInt8](repeating: 0, count: 21)
        bytes[11] = node.children == nil ? 0x20 : 0x10
        for offset in [16, 18, 24] { bytes.put(FATVolume.date, at: offset) }
        bytes.put(UInt16(node.first >> 16), at: 20)
        bytes.put(UInt16(truncatingIfNeeded: node.first), at: 26)
        bytes.put(node.size, at: 28)
        return bytes
    }

    // MARK: Places

    /// - Returns: the first of the clusters; 0 for no bytes at all.
    private mutating func allocate(_ bytes: UInt64, _ path: String) throws(ImageError) -> UInt32 {
        let count = (bytes + clusterBytes - 1) / clusterBytes
        let used = UInt64(table.count)
        guard used + count <= clusterCount + 2, bytes <= UInt64(UInt32.max) else {
            let overhead = (FATVolume.reserved + 2 * tableSectors + 2 * 2048) * FATVolume.sector
            throw ImageError(
                .diskTooSmall(
                    size: ByteCount(bytes: UInt64(place.count) * FATVolume.sector),
                    needed: ByteCount(bytes: (used + count) * clusterBytes + overhead)), name)
        }
        guard count > 0 else { return 0 }
        for index in 1...count { table.append(index == count ? FATVolume.endOfFile : UInt32(used + index)) }
        return UInt32(used)
    }

    private func sectorOf(_ cluster: UInt32) -> UInt64 {
        place.lowerBound + FATVolume.reserved + 2 * tableSectors + UInt64(cluster - 2) * clusterSectors
    }

    private func write(_ bytes: [UInt8], at sector: UInt64) throws(ImageError) {
        do throws(OSError) {
            try disk.write(bytes, at: sector * FATVolume.sector)
        } catch {
            throw ImageError(error, name)
        }
    }

    // MARK: Description

    private var bootSector: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 512)
        // A jump over the description, to a halt: nothing boots from here without UEFI.
        bytes.replaceSubrange(0..<3, with: [0xEB, 0x58, 0x90])
        bytes.replaceSubrange(90..<93, with: [0xF4, 0xEB, 0xFD])
        bytes.put("VMLAB   ", at: 3)
        bytes.put(UInt16(512), at: 11)
        bytes[13] = UInt8(clusterSectors)
        bytes.put(UInt16(FATVolume.reserved), at: 14)
        bytes[16] = 2
        bytes[21] = 0xF8
        bytes.put(UInt16(63), at: 24)
        bytes.put(UInt16(255), at: 26)
        bytes.put(UInt32(place.lowerBound), at: 28)
        bytes.put(UInt32(clamping: place.count), at: 32)
        bytes.put(UInt32(tableSectors), at: 36)
        bytes.put(UInt32(2), at: 44)
        bytes.put(UInt16(1), at: 48)
        bytes.put(UInt16(6), at: 50)
        bytes[64] = 0x80
        bytes[66] = 0x29
        bytes.replaceSubrange(67..<71, with: SHA256.digest(of: salt + [0] + Array("volume".utf8)).bytes.prefix(4))
        bytes.put("NO NAME    FAT32   ", at: 71)
        bytes.put(UInt16(0xAA55), at: 510)
        return bytes
    }

    private var freeSector: [UInt8] {
        var bytes = emptySector
        bytes.put("RRaA", at: 0)
        bytes.put("rrAa", at: 484)
        bytes.put(UInt32(clusterCount + 2 - UInt64(table.count)), at: 488)
        bytes.put(UInt32(table.count), at: 492)
        return bytes
    }

    private var emptySector: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 512)
        bytes.put(UInt16(0xAA55), at: 510)
        return bytes
    }
}
