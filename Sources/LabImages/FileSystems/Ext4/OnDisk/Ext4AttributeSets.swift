/// The attribute sets of a tree in the form in which ext4 stores them.
///
///     entry  name length u8 | namespace u8 | value offset u16 | value inode u32 | value size u32 | hash u32 | name, padded to 4
///
/// What fits lies behind the inode; the rest in one block, which up to 1024 inodes with an equal set share.
struct Ext4AttributeSets: Sendable {
    struct Encoded: Sendable {
        /// For the inode, magic included; empty when nothing is there.
        var inline: [UInt8] = []
        /// The entries of the shared block, sorted; empty when everything is inline.
        var shared: [Entry] = []
    }

    struct Entry: Sendable {
        var namespace: UInt8
        var name: ArraySlice<UInt8>
        var value: [UInt8]

        var size: Int { 16 + padded(name.count) + padded(value.count) }
    }

    /// The first is the empty set.
    private var sets: [Encoded] = [Encoded()]
    /// Names of attributes that belong to no namespace Linux keeps in ext4, each once, the first few of them.
    private(set) var ignored: [[UInt8]] = []
    private static let ignoredLimit = 16

    private static let blockHeader = 32
    /// The kernel's own bound on how many inodes share a block.
    static let mostReferences: UInt32 = 1024

    subscript(id: Int32) -> Encoded { sets[Int(id)] }

    /// Takes the sets that are new in the tree; refuses those that ext4 cannot hold.
    mutating func prepare(upTo tree: ImageTree) throws(RefusedEntry) {
        while sets.count < tree.attributeSetCount { sets.append(try encode(tree.attributeSets[Int32(sets.count)])) }
    }

    private mutating func encode(_ attributes: [ArchiveEntry.Attribute]) throws(RefusedEntry) -> Encoded {
        var room = InodeRecord.attributeBytes - 8
        var inline: [Entry] = []
        var shared: [Entry] = []
        for attribute in attributes {
            guard let entry = try entry(attribute) else { continue }
            if entry.size <= room {
                room -= entry.size
                inline.append(entry)
            } else {
                shared.append(entry)
            }
        }
        let limit = Ext4Geometry.blockSize - Self.blockHeader - 4
        let size = shared.reduce(0) { $0 + $1.size }
        guard size <= limit else { throw .attributesTooLarge(bytes: size, limit: limit) }
        shared.sort {
            if $0.namespace != $1.namespace { return $0.namespace < $1.namespace }
            if $0.name.count != $1.name.count { return $0.name.count < $1.name.count }
            return $0.name.lexicographicallyPrecedes($1.name)
        }
        return Encoded(inline: Self.inlineBytes(inline), shared: shared)
    }

    /// Namespace number, and the name without its prefix; `nil` for what ext4 has no place for.
    private mutating func entry(_ attribute: ArchiveEntry.Attribute) throws(RefusedEntry) -> Entry? {
        if let namespace: UInt8 = [PosixACL.accessName: 2, PosixACL.defaultName: 3][attribute.name] {
            guard let list = PosixACL(attribute: attribute.value) else { throw .malformedACL(name: attribute.name) }
            return Entry(namespace: namespace, name: [], value: list.ext4Value)
        }
        for (prefix, namespace) in Self.prefixes where attribute.name.starts(with: prefix) && attribute.name.count > prefix.count {
            return Entry(namespace: namespace, name: attribute.name[prefix.count...], value: attribute.value)
        }
        if ignored.count < Self.ignoredLimit, !ignored.contains(attribute.name) { ignored.append(attribute.name) }
        return nil
    }

    private static let prefixes: [([UInt8], UInt8)] = [
        (Array("user.".utf8), 1), (Array("trusted.".utf8), 4), (Array("security.".utf8), 6),
    ]

    // MARK: Bytes

    private static func inlineBytes(_ entries: [Entry]) -> [UInt8] {
        guard !entries.isEmpty else { return [] }
        var area = BlockBuffer(bytes: InodeRecord.attributeBytes)
        area.put(magic, at: 0)
        // Value offsets count from the first entry; entries in inodes carry no hash.
        fill(&area, entries, at: 4, base: 4, hashes: entries.map { _ in 0 })
        return area.contents
    }

    /// Fills the shared block that lies at block `number`.
    static func fill(_ block: inout BlockBuffer, _ entries: [Entry], references: UInt32, number: UInt64, seed: UInt32) {
        block.zero()
        let hashes = entries.map(hash)
        block.put(magic, at: 0)
        block.put(references, at: 4)
        block.put(UInt32(1), at: 8)
        block.put(hashes.contains(0) ? 0 : hashes.reduce(UInt32(0)) { rotated($0, 16) ^ $1 }, at: 12)
        fill(&block, entries, at: blockHeader, base: 0, hashes: hashes)
        let seed = CRC32C.update(seed, value: number)
        block.put(block.checksum(0..<Ext4Geometry.blockSize, seed: seed), at: 16)
    }

    private static let magic: UInt32 = 0xEA02_0000

    private static func fill(_ area: inout BlockBuffer, _ entries: [Entry], at start: Int, base: Int, hashes: [UInt32]) {
        var offset = start
        var values = area.count
        for (entry, hash) in zip(entries, hashes) {
            values -= padded(entry.value.count)
            area.put(UInt8(entry.name.count), at: offset)
            area.put(entry.namespace, at: offset + 1)
            area.put(entry.value.isEmpty ? 0 : UInt16(values - base), at: offset + 2)
            area.put(UInt32(entry.value.count), at: offset + 8)
            area.put(hash, at: offset + 12)
            area.put(entry.name, at: offset + 16)
            area.put(entry.value, at: values)
            offset += 16 + padded(entry.name.count)
        }
    }

    private static func hash(_ entry: Entry) -> UInt32 {
        var hash: UInt32 = 0
        for byte in entry.name { hash = rotated(hash, 5) ^ UInt32(byte) }
        for start in stride(from: 0, to: entry.value.count, by: 4) {
            var word: UInt32 = 0
            for index in start..<min(start + 4, entry.value.count) { word |= UInt32(entry.value[index]) << (8 * UInt32(index - start)) }
            hash = rotated(hash, 16) ^ word
        }
        return hash
    }

    private static func rotated(_ value: UInt32, _ bits: UInt32) -> UInt32 { value << bits | value >> (32 - bits) }
}

private func padded(_ count: Int) -> Int { (count + 3) & ~3 }
