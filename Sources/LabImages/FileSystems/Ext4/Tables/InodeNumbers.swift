/// Which inode of the disk each inode of the tree becomes: `/` is 2, `/lost+found` 11, the others follow in archive order.
struct InodeNumbers: Sendable {
    static let root: UInt32 = 2

    private var numbers: [UInt32]
    /// The inodes from `Ext4Geometry.firstInode` on, by number.
    private(set) var order: [InodeID]
    /// How many inodes have each attribute set.
    private(set) var attributeUses: [UInt32]

    init(_ tree: ImageTree) {
        numbers = Array(repeating: 0, count: tree.inodeCount)
        order = [tree.lostAndFound]
        attributeUses = Array(repeating: 0, count: tree.attributeSetCount)
        numbers[Int(InodeID.root.index)] = Self.root
        numbers[Int(tree.lostAndFound.index)] = Ext4Geometry.firstInode
        for index in numbers.indices {
            let inode = tree[InodeID(index: Int32(index))]
            switch inode.kind {
            case .gone, .forward, .pending: continue
            default: attributeUses[Int(inode.attributes)] += 1
            }
            guard numbers[index] == 0 else { continue }
            numbers[index] = Ext4Geometry.firstInode + UInt32(order.count)
            order.append(InodeID(index: Int32(index)))
        }
    }

    subscript(id: InodeID) -> UInt32 { numbers[Int(id.index)] }

    /// The last number in use; all before it are in use too.
    var last: UInt32 { Ext4Geometry.firstInode + UInt32(order.count) - 1 }
}
