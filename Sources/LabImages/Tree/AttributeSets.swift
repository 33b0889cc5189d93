/// The attribute sets of a tree. Files that have the same attributes share one set: thousands of files with one label cost one.
struct AttributeSets: Sendable {
    /// Each sorted by name, in the order in which they first came; the first is the empty set.
    private(set) var sets: [[ArchiveEntry.Attribute]] = [[]]
    private var heldBytes = 0
    private var index: [[ArchiveEntry.Attribute]: Int32] = [[]: 0]

    subscript(id: Int32) -> [ArchiveEntry.Attribute] { sets[Int(id)] }

    mutating func intern(_ attributes: [ArchiveEntry.Attribute]) throws(RefusedEntry) -> Int32 {
        if attributes.isEmpty { return 0 }
        guard attributes.count <= TreeLimits.attributes else { throw .tooManyAttributes(limit: TreeLimits.attributes) }
        var bytes = 0
        for attribute in attributes {
            guard attribute.name.count <= TreeLimits.attributeNameBytes else {
                throw .attributeNameTooLong(name: attribute.name, limit: TreeLimits.attributeNameBytes)
            }
            bytes += attribute.name.count + attribute.value.count
        }
        guard bytes <= TreeLimits.attributeBytes else {
            throw .attributesTooLarge(bytes: bytes, limit: TreeLimits.attributeBytes)
        }
        let sorted = attributes.sorted { $0.name.lexicographicallyPrecedes($1.name) }
        for (attribute, next) in zip(sorted, sorted.dropFirst()) where attribute.name == next.name {
            throw .attributeRepeated(name: attribute.name)
        }
        if let id = index[sorted] { return id }
        heldBytes += bytes
        guard heldBytes <= TreeLimits.heldBytes else { throw .tooMuchHeld(limit: TreeLimits.heldBytes) }
        let id = Int32(sets.count)
        sets.append(sorted)
        index[sorted] = id
        return id
    }
}
