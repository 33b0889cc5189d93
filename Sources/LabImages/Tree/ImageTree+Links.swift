/// Hard links, in whatever order an archive has them.
extension ImageTree {
    mutating func link(
        _ entry: ArchiveEntry, to target: [UInt8], at name: ArraySlice<UInt8>, in directory: InodeID, replacing existing: NameID?,
        attributes: Int32
    ) throws(RefusedEntry) -> InodeID {
        guard let inode = try find(path: target) else {
            try hold(entry.path.count + target.count)
            let inode = try newPending(entry, attributes: attributes)
            try put(inode, at: name, in: directory, replacing: existing)
            pending.append(PendingLink(inode: inode, path: entry.path, target: target))
            return inode
        }
        if case .directory = self[inode].kind { throw .hardlinkToDirectory(target: target) }
        // A link to itself says nothing new; some archivers write them.
        if let existing, names.inode(of: existing) == inode { return inode }
        guard self[inode].links < TreeLimits.links else { throw .tooManyLinks(limit: TreeLimits.links) }
        try put(inode, at: name, in: directory, replacing: existing)
        return inode
    }

    /// Gives every hard link that waits for its target the file that is there in the end. To be called when the last entry is in.
    ///
    /// Chains of waiting links all come out at the one real file; a circle of them has none and is refused.
    package mutating func settleLinks() throws(SinkError) {
        let waiting = pending.filter { links(of: $0.inode) > 0 }
        var targets: [InodeID: PendingLink] = [:]
        for link in waiting { targets[link.inode] = link }
        for link in waiting {
            do {
                try settle(link, among: targets)
            } catch {
                throw .refused(path: link.path, error)
            }
        }
        pending = []
    }

    private mutating func settle(_ link: PendingLink, among targets: [InodeID: PendingLink]) throws(RefusedEntry) {
        var chain = [link]
        var end: InodeID?
        while let last = chain.last, case .pending = self[last.inode].kind {
            guard let found = try find(path: last.target).map(settled) else { break }
            guard case .pending = self[found].kind else {
                end = found
                break
            }
            guard let next = targets[found], chain.count <= targets.count else { break }
            chain.append(next)
        }
        guard case .pending = self[link.inode].kind else { return }
        guard let end, let last = chain.last else { throw .hardlinkTargetMissing(target: link.target) }
        if case .directory = self[end].kind { throw .hardlinkToDirectory(target: last.target) }
        for waiting in chain {
            let total = links(of: end) + links(of: waiting.inode)
            guard total <= TreeLimits.links else { throw .tooManyLinks(limit: TreeLimits.links) }
            passOn(from: waiting.inode, to: end)
            self[end].links = UInt32(total)
        }
    }

    /// Makes a pending inode mean another one. Data that came with the link are the target's, if it brought none itself.
    private mutating func passOn(from link: InodeID, to target: InodeID) {
        guard case .pending(let size, let extents) = self[link].kind else { return }
        if size > 0, case .file(0, _) = self[target].kind {
            self[link].kind = .pending(size: 0, extents: [])
            setContent(of: target, size: size, extents: extents)
        } else {
            setContent(of: link, size: 0, extents: [])
        }
        self[link].kind = .forward(target)
    }

    private func links(of inode: InodeID) -> Int { Int(self[inode].links) }

    /// What has exactly this path; a symbolic link at its end is not followed.
    private func find(path: [UInt8]) throws(RefusedEntry) -> InodeID? {
        let (directoryPath, name) = try PathWalk.split(path)
        guard let directory = try lookup(directoryPath), case .directory = self[directory].kind else { return nil }
        guard let name else { return directory }
        return find(name, in: directory).map { names.inode(of: $0) }
    }
}
