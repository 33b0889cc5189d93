/// The place of a name in a `NameTable`.
package struct NameID: Hashable, Sendable {
    package var index: Int32
}

/// All names of a tree: (directory, bytes) -> inode, and each directory's names as a chain.
///
/// One hash table and one run of bytes for the whole tree, so that a name costs its length and some 36 bytes. The hash is
/// Swift's own with its per-process key, so that no archive can aim at one slot; nothing that is written depends on it.
struct NameTable: Sendable {
    private struct Record {
        var directory: InodeID
        var inode: InodeID
        var offset: UInt32
        var length: UInt8
        var hash: UInt32
        var next: NameID?
        var previous: NameID?
    }

    private var records: [Record] = []
    private var bytes: [UInt8] = []
    /// Open addressing; a power of two in length. Values are record indices, or one of the two below.
    private var slots: [Int32] = Array(repeating: NameTable.empty, count: 64)
    /// Slots that are not `empty`.
    private var touched = 0
    private static let empty: Int32 = -1
    private static let removed: Int32 = -2

    /// Names ever made, the removed ones included.
    var count: Int { records.count }

    func inode(of name: NameID) -> InodeID { records[Int(name.index)].inode }
    func directory(of name: NameID) -> InodeID { records[Int(name.index)].directory }
    func next(after name: NameID) -> NameID? { records[Int(name.index)].next }

    func bytes(of name: NameID) -> ArraySlice<UInt8> {
        let record = records[Int(name.index)]
        return bytes[Int(record.offset)..<Int(record.offset) + Int(record.length)]
    }

    /// The name's bytes, lent out without a copy.
    func withBytes<Result>(of name: NameID, _ body: (Span<UInt8>) -> Result) -> Result {
        let record = records[Int(name.index)]
        return body(bytes.span.extracting(Int(record.offset)..<Int(record.offset) + Int(record.length)))
    }

    func find(_ name: Span<UInt8>, in directory: InodeID) -> NameID? {
        guard case .found(let id) = search(name, in: directory, hash: hash(name, in: directory)) else { return nil }
        return id
    }

    /// Adds a name that `find` does not find. `chain` is the directory's newest name, and is replaced.
    mutating func insert(_ name: Span<UInt8>, in directory: InodeID, inode: InodeID, chain: inout NameID?) -> NameID {
        if (touched + 1) * 4 > slots.count * 3 { rehash() }
        let hash = hash(name, in: directory)
        let id = NameID(index: Int32(records.count))
        guard case .free(let slot) = search(name, in: directory, hash: hash) else { preconditionFailure("the name is there already") }
        if slots[slot] == Self.empty { touched += 1 }
        slots[slot] = id.index
        records.append(
            Record(
                directory: directory, inode: inode, offset: UInt32(bytes.count), length: UInt8(name.count), hash: hash, next: chain,
                previous: nil))
        for index in name.indices { bytes.append(name[index]) }
        if let chain { records[Int(chain.index)].previous = id }
        chain = id
        return id
    }

    mutating func remove(_ name: NameID, chain: inout NameID?) {
        let record = records[Int(name.index)]
        if let slot = slot(of: name, hash: record.hash) { slots[slot] = Self.removed }
        if let next = record.next { records[Int(next.index)].previous = record.previous }
        if let previous = record.previous { records[Int(previous.index)].next = record.next } else { chain = record.next }
    }

    mutating func point(_ name: NameID, to inode: InodeID) { records[Int(name.index)].inode = inode }

    private enum Search {
        case found(NameID)
        case free(Int)
    }

    private func search(_ name: Span<UInt8>, in directory: InodeID, hash: UInt32) -> Search {
        let mask = slots.count - 1
        var slot = Int(hash) & mask
        var free: Int?
        while slots[slot] != Self.empty {
            let index = slots[slot]
            if index == Self.removed {
                free = free ?? slot
            } else {
                let record = records[Int(index)]
                if record.hash == hash, record.directory == directory, equals(record, name) { return .found(NameID(index: index)) }
            }
            slot = (slot + 1) & mask
        }
        return .free(free ?? slot)
    }

    private func slot(of name: NameID, hash: UInt32) -> Int? {
        let mask = slots.count - 1
        var slot = Int(hash) & mask
        while slots[slot] != Self.empty {
            if slots[slot] == name.index { return slot }
            slot = (slot + 1) & mask
        }
        return nil
    }

    private func equals(_ record: Record, _ name: Span<UInt8>) -> Bool {
        guard Int(record.length) == name.count else { return false }
        let start = Int(record.offset)
        for index in 0..<name.count where bytes[start + index] != name[index] { return false }
        return true
    }

    private func hash(_ name: Span<UInt8>, in directory: InodeID) -> UInt32 {
        var hasher = Hasher()
        hasher.combine(directory)
        // Safe because the bytes are only read, within the call.
        unsafe name.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
        return UInt32(truncatingIfNeeded: hasher.finalize())
    }

    /// Twice the room of what is there, without the removed ones.
    private mutating func rehash() {
        var live: [Int32] = []
        live.reserveCapacity(records.count)
        for index in slots where index >= 0 { live.append(index) }
        var size = 64
        while size < live.count * 4 { size *= 2 }
        slots = Array(repeating: Self.empty, count: size)
        for index in live {
            var slot = Int(records[Int(index)].hash) & (size - 1)
            while slots[slot] != Self.empty { slot = (slot + 1) & (size - 1) }
            slots[slot] = index
        }
        touched = live.count
    }
}
