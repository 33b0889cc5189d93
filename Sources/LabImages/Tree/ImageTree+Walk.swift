/// Finding and making things along a path.
extension ImageTree {
    /// The directory at `path`; those that are missing on the way are made.
    mutating func makeDirectory(_ path: ArraySlice<UInt8>) throws(RefusedEntry) -> InodeID {
        var walk = PathWalk(path)
        var here = InodeID.root
        while let step = walk.next() {
            switch step {
            case .up(let literal):
                if literal, here == .root { throw .escapesRoot }
                here = parent(of: here)
            case .name(let name):
                guard let found = find(name, in: here) else {
                    try PathWalk.check(name)
                    let made = try newDirectory(in: here)
                    try put(made, at: name, in: here, replacing: nil)
                    here = made
                    continue
                }
                let inode = names.inode(of: found)
                switch self[inode].kind {
                case .directory: here = inode
                case .symlink(let target): here = try follow(target, from: here, walk: &walk)
                default: throw .parentNotDirectory(component: Array(name))
                }
            }
        }
        return here
    }

    /// What is at `path` once every symbolic link is followed, or `nil`. Nothing is made, and `..` stays at the root as it does
    /// for a process whose root this is.
    func lookup(_ path: ArraySlice<UInt8>, from start: InodeID = .root) throws(RefusedEntry) -> InodeID? {
        var walk = PathWalk(path)
        var here = start
        while let step = walk.next() {
            guard case .directory = self[here].kind else { return nil }
            switch step {
            case .up: here = parent(of: here)
            case .name(let name):
                guard let found = find(name, in: here) else { return nil }
                let inode = settled(names.inode(of: found))
                if case .symlink(let target) = self[inode].kind {
                    here = try follow(target, from: here, walk: &walk)
                } else {
                    here = inode
                }
            }
        }
        return here
    }

    /// The directory that a name means, through symbolic links; `nil` for anything else, dangling and circular links included.
    func directoryBehind(_ name: NameID, in directory: InodeID) -> InodeID? {
        let inode = names.inode(of: name)
        switch self[inode].kind {
        case .directory: return inode
        case .symlink(let target):
            let start = target.first == UInt8(ascii: "/") ? InodeID.root : directory
            guard let found = try? lookup(target[...], from: start), case .directory = self[found].kind else { return nil }
            return found
        default: return nil
        }
    }

    /// The inode that a pending hard link turned out to mean; any other inode is itself.
    package func settled(_ inode: InodeID) -> InodeID {
        if case .forward(let target) = self[inode].kind { target } else { inode }
    }

    private func follow(_ target: [UInt8], from here: InodeID, walk: inout PathWalk) throws(RefusedEntry) -> InodeID {
        try walk.follow(target)
        return target.first == UInt8(ascii: "/") ? .root : here
    }

    private func parent(of directory: InodeID) -> InodeID {
        if case .directory(let node) = self[directory].kind { node.parent } else { .root }
    }
}
