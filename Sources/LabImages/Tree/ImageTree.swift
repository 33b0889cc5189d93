/// The files of an image while it is being built: every name and every inode, and where their data lie in the output.
///
/// Entries are placed in archive order, by the rules of an extraction into an empty directory that nobody can leave:
/// - absolute paths start at the image's root; `..` is walked, and refused where it would leave;
/// - symbolic links on the way are followed inside the image; directories that are missing on the way are made;
/// - a later entry replaces an earlier one of the same path, whatever the two are. A directory entry on a directory (or on a
///   symbolic link to one) renews its owner, mode, time and attributes and keeps what is in it;
/// - a hard link means the file that is at its target when the link is read, or, where there is none yet, the one that is
///   there in the end.
///
/// Memory: about 200 bytes and the name for each entry.
package struct ImageTree: Sendable {
    var names = NameTable()
    var inodes: [TreeInode]
    var attributeSets = AttributeSets()
    /// Hard links whose target has not come yet, in archive order.
    var pending: [PendingLink] = []
    /// Runs of the output that no file uses any more since the last `takeReleased`.
    private var released: [FileExtent] = []
    /// Bytes of link targets.
    private var heldBytes = 0
    package let lostAndFound: InodeID

    struct PendingLink: Sendable {
        var inode: InodeID
        var path: [UInt8]
        var target: [UInt8]
    }

    /// A tree with `/` and `/lost+found`. `time` is the time of every directory that no entry describes.
    package init(time: ArchiveEntry.Time = .init(seconds: 0)) {
        implicitTime = time
        lostAndFound = InodeID(index: 1)
        inodes = [Self.directory(DirectoryNode(parent: .root, depth: 0, first: nil), mode: 0o755, time: time)]
        inodes.append(Self.directory(DirectoryNode(parent: .root, depth: 1, first: nil), mode: 0o700, time: time))
        add(Array("lost+found".utf8)[...], in: .root, inode: lostAndFound)
    }

    private let implicitTime: ArchiveEntry.Time

    package subscript(id: InodeID) -> TreeInode {
        get { inodes[Int(id.index)] }
        set { inodes[Int(id.index)] = newValue }
    }

    package var inodeCount: Int { inodes.count }

    package func attributes(of inode: TreeInode) -> [ArchiveEntry.Attribute] { attributeSets[inode.attributes] }
    package var attributeSetCount: Int { attributeSets.sets.count }

    /// Places an entry and says to which inode data that follow it belong.
    package mutating func place(_ entry: ArchiveEntry) throws(RefusedEntry) -> InodeID {
        let attributes = try attributeSets.intern(entry.attributes)
        let (directoryPath, name) = try PathWalk.split(entry.path)
        let directory = try makeDirectory(directoryPath)
        guard let name else {
            guard case .directory = entry.kind else { throw .mustBeDirectory }
            renew(directory, from: entry, attributes: attributes)
            return directory
        }
        let existing = find(name, in: directory)
        switch entry.kind {
        case .directory:
            if let existing, let found = directoryBehind(existing, in: directory) {
                renew(found, from: entry, attributes: attributes)
                return found
            }
            let made = try newDirectory(in: directory)
            renew(made, from: entry, attributes: attributes)
            try put(made, at: name, in: directory, replacing: existing)
            return made
        case .hardlink(let target):
            return try link(entry, to: target, at: name, in: directory, replacing: existing, attributes: attributes)
        default:
            let inode = try newInode(entry, attributes: attributes)
            try put(inode, at: name, in: directory, replacing: existing)
            return inode
        }
    }

    /// Gives a file its content; what it had before is released.
    package mutating func setContent(of id: InodeID, size: UInt64, extents: [FileExtent]) {
        release(contentOf: id)
        if case .pending = self[id].kind {
            inodes[Int(id.index)].kind = .pending(size: size, extents: extents)
        } else {
            inodes[Int(id.index)].kind = .file(size: size, extents: extents)
        }
    }

    /// Runs of the output that became free since the last call.
    package mutating func takeReleased() -> [FileExtent] {
        defer { released.removeAll(keepingCapacity: true) }
        return released
    }

    package var hasReleased: Bool { !released.isEmpty }

    // MARK: Names

    func find(_ name: ArraySlice<UInt8>, in directory: InodeID) -> NameID? { names.find(name.span, in: directory) }

    /// Puts an inode under a name, over whatever has the name now.
    mutating func put(_ inode: InodeID, at name: ArraySlice<UInt8>, in directory: InodeID, replacing existing: NameID?)
        throws(RefusedEntry)
    {
        guard let existing else {
            guard names.count < TreeLimits.entries else { throw .tooManyEntries(limit: TreeLimits.entries) }
            add(name, in: directory, inode: inode)
            return
        }
        let old = names.inode(of: existing)
        guard old != lostAndFound else { throw .mustBeDirectory }
        var change: Int32 = 0
        if case .directory = self[inode].kind { change += 1 }
        if case .directory = self[old].kind { change -= 1 }
        names.point(existing, to: inode)
        inodes[Int(inode.index)].links += 1
        withDirectory(directory) { $0.subdirectories += change }
        dropName(of: old)
    }

    private mutating func add(_ name: ArraySlice<UInt8>, in directory: InodeID, inode: InodeID) {
        guard case .directory(var node) = self[directory].kind else { return }
        _ = names.insert(name.span, in: directory, inode: inode, chain: &node.first)
        node.names += 1
        if case .directory = self[inode].kind { node.subdirectories += 1 }
        inodes[Int(directory.index)].kind = .directory(node)
        inodes[Int(inode.index)].links += 1
    }

    /// One name less for an inode; with its last name it goes, and all that is below it.
    private mutating func dropName(of inode: InodeID) {
        var waiting = [inode]
        while let id = waiting.popLast() {
            inodes[Int(id.index)].links -= 1
            guard self[id].links == 0 else { continue }
            if case .directory(var node) = self[id].kind {
                while let name = node.first {
                    waiting.append(names.inode(of: name))
                    names.remove(name, chain: &node.first)
                }
            }
            release(contentOf: id)
            inodes[Int(id.index)].kind = .gone
        }
    }

    private mutating func release(contentOf id: InodeID) {
        switch self[id].kind {
        case .file(_, let extents), .pending(_, let extents): released += extents
        default: return
        }
    }

    mutating func withDirectory(_ id: InodeID, _ change: (inout DirectoryNode) -> Void) {
        guard case .directory(var node) = self[id].kind else { return }
        change(&node)
        inodes[Int(id.index)].kind = .directory(node)
    }

    // MARK: Inodes

    private static func directory(_ node: DirectoryNode, mode: UInt16, time: ArchiveEntry.Time) -> TreeInode {
        TreeInode(kind: .directory(node), mode: mode, owner: 0, group: 0, modified: time, links: node.depth == 0 ? 1 : 0)
    }

    /// A directory without a name yet, as it is made where no entry describes it.
    mutating func newDirectory(in parent: InodeID) throws(RefusedEntry) -> InodeID {
        guard case .directory(let node) = self[parent].kind else { throw .parentNotDirectory(component: []) }
        guard Int(node.depth) < TreeLimits.depth else { throw .tooDeep(limit: TreeLimits.depth) }
        let made = DirectoryNode(parent: parent, depth: node.depth + 1, first: nil)
        return try append(Self.directory(made, mode: 0o755, time: implicitTime))
    }

    private mutating func newInode(_ entry: ArchiveEntry, attributes: Int32) throws(RefusedEntry) -> InodeID {
        let kind: TreeInode.Kind
        switch entry.kind {
        case .file: kind = .file(size: 0, extents: [])
        case .symlink(let target):
            guard !target.isEmpty else { throw .emptySymlink }
            guard target.count <= TreeLimits.symlinkBytes else {
                throw .symlinkTooLong(bytes: target.count, limit: TreeLimits.symlinkBytes)
            }
            guard !target.contains(0) else { throw .nulInPath }
            try hold(target.count)
            kind = .symlink(target: target)
        case .characterDevice(let major, let minor): kind = .characterDevice(major: major, minor: minor)
        case .blockDevice(let major, let minor): kind = .blockDevice(major: major, minor: minor)
        case .fifo: kind = .fifo
        case .socket: kind = .socket
        case .hardlink, .directory: kind = .pending(size: 0, extents: [])
        }
        return try append(
            TreeInode(
                kind: kind, mode: entry.mode & 0o7777, owner: entry.owner, group: entry.group, modified: entry.modified,
                attributes: attributes))
    }

    /// Counts bytes that stay in memory until the image is done.
    mutating func hold(_ count: Int) throws(RefusedEntry) {
        heldBytes += count
        guard heldBytes <= TreeLimits.heldBytes else { throw .tooMuchHeld(limit: TreeLimits.heldBytes) }
    }

    mutating func append(_ inode: TreeInode) throws(RefusedEntry) -> InodeID {
        guard inodes.count < TreeLimits.entries else { throw .tooManyEntries(limit: TreeLimits.entries) }
        inodes.append(inode)
        return InodeID(index: Int32(inodes.count - 1))
    }

    /// A hard link whose target may still come.
    mutating func newPending(_ entry: ArchiveEntry, attributes: Int32) throws(RefusedEntry) -> InodeID {
        try newInode(entry, attributes: attributes)
    }

    private mutating func renew(_ id: InodeID, from entry: ArchiveEntry, attributes: Int32) {
        inodes[Int(id.index)].mode = entry.mode & 0o7777
        inodes[Int(id.index)].owner = entry.owner
        inodes[Int(id.index)].group = entry.group
        inodes[Int(id.index)].modified = entry.modified
        inodes[Int(id.index)].attributes = attributes
    }
}
