/// Walking paths, all inside the image: a symbolic link leads nowhere else.
extension Ext4Volume {
    /// What the walk needs to know: the directory that a path's directory part leads to.
    ///
    /// - Parameter isMaking: whether directories that are missing on the way are made; else `nil` stands for "not there".
    func walk(_ path: ArraySlice<UInt8>, isMaking: Bool) throws(Ext4EditError) -> UInt32? {
        var walk = PathWalk(path)
        var stack = [InodeNumbers.root]
        while let step = walk.next() {
            switch step {
            case .up(let isLiteral):
                if stack.count > 1 { stack.removeLast() } else if isLiteral { throw .refused(path: self.path, .escapesRoot) }
            case .name(let name):
                let directory = try directory(stack[stack.count - 1])
                let name = Array(name)
                do throws(RefusedEntry) { try PathWalk.check(name[...]) } catch { throw .refused(path: self.path, error) }
                guard let found = try find(name, in: directory) else {
                    guard isMaking else { return nil }
                    stack.append(try makeDirectory(name, in: directory))
                    continue
                }
                let inode = try inode(found.entry.inode)
                switch inode.kind {
                case .folder:
                    guard stack.count < TreeLimits.depth else { throw .refused(path: self.path, .tooDeep(limit: TreeLimits.depth)) }
                    stack.append(inode.number)
                case .link:
                    let target = try target(of: inode)
                    if target.first == UInt8(ascii: "/") { stack = [InodeNumbers.root] }
                    do throws(RefusedEntry) { try walk.follow(target) } catch {
                        if isMaking { throw .refused(path: self.path, error) }
                        return nil
                    }
                case .file, .other:
                    if isMaking { throw .refused(path: self.path, .parentNotDirectory(component: name)) }
                    return nil
                }
            }
        }
        return stack.last
    }

    func target(of inode: EditedInode) throws(Ext4EditError) -> [UInt8] {
        let size = inode.size
        guard size > 0, size <= UInt64(TreeLimits.symlinkBytes) else { throw .damaged("link \(inode.number) has no target") }
        guard inode.flags & InodeRecord.flagExtents != 0 else {
            guard size < UInt64(InodeRecord.blockBytes) else { throw .damaged("link \(inode.number) has no target") }
            return Array(inode.root.prefix(Int(size)))
        }
        guard let first = try blocks(of: inode).extents.first, first.logical == 0 else {
            throw .damaged("link \(inode.number) has no target")
        }
        return try cache.block(UInt64(first.physical)).buffer.load(0..<Int(size))
    }

    // MARK: Adding

    private func makeDirectory(_ name: [UInt8], in parent: EditedDirectory) throws(Ext4EditError) -> UInt32 {
        let number = try takeInode(near: group(of: parent.number), isFolder: true)
        let extents = try writeNewDirectory(number, parent: parent.number)
        let hung = try hang(extents, on: number, seed: InodeRecord.seed(number, seed))
        var record = InodeRecord(mode: 0o040755, size: UInt64(Ext4Geometry.blockSize), links: 2, time: time)
        record.flags = InodeRecord.flagExtents
        record.sectors = hung.sectors
        record.block = hung.root
        try write(record, number)
        try insert(name, inode: number, type: DirectoryBlock.FileType.directory, into: parent)
        // Read again: its blocks may have moved. From 65,000 links on a directory says 1: "many".
        let above = try inode(parent.number)
        if above.links > 1 {
            above.put(Int(above.links) >= TreeLimits.links ? 1 : above.links + 1, at: 0x1A)
            above.seal(seed)
        }
        return number
    }

    enum NewFile {
        case file([UInt8], mode: UInt16)
        case link(target: [UInt8])
    }

    /// Adds a file or a link, in place of what has its name now.
    func add(_ file: NewFile, at path: [UInt8]) throws(Ext4EditError) {
        let split: (directory: ArraySlice<UInt8>, name: ArraySlice<UInt8>?)
        do throws(RefusedEntry) {
            split = try PathWalk.split(path)
            if case .link(let target) = file {
                if target.isEmpty { throw .emptySymlink }
                if target.count > TreeLimits.symlinkBytes { throw .symlinkTooLong(bytes: target.count, limit: TreeLimits.symlinkBytes) }
                if target.contains(0) { throw .nulInPath }
            }
        } catch {
            throw .refused(path: self.path, error)
        }
        guard let name = split.name.map({ Array($0) }) else { throw .isFolder(path: self.path) }
        guard let number = try walk(split.directory, isMaking: true) else { return }
        let directory = try directory(number)
        if let old = try find(name, in: directory) {
            guard try inode(old.entry.inode).kind != .folder else { throw .isFolder(path: self.path) }
            try removeName(of: old.entry.inode)
            let new = try makeFile(file, near: group(of: number))
            point(old, to: new.number, type: new.type, in: directory)
        } else {
            let new = try makeFile(file, near: group(of: number))
            try insert(name, inode: new.number, type: new.type, into: directory)
        }
    }

    private func makeFile(_ file: NewFile, near group: UInt64) throws(Ext4EditError) -> (number: UInt32, type: UInt8) {
        let number = try takeInode(near: group, isFolder: false)
        var record: InodeRecord
        let content: [UInt8]
        switch file {
        case .file(let bytes, let mode):
            record = InodeRecord(mode: 0o100000 | mode & 0o7777, size: UInt64(bytes.count), time: time)
            content = bytes
        case .link(let target):
            record = InodeRecord(mode: 0o120777, size: UInt64(target.count), time: time)
            content = target
        }
        if case .link(let target) = file, target.count < InodeRecord.blockBytes {
            record.block = target
        } else {
            let extents = try store(content, near: group)
            let hung = try hang(extents, on: number, seed: InodeRecord.seed(number, seed))
            record.flags = InodeRecord.flagExtents
            record.sectors = hung.sectors
            record.block = hung.root
        }
        try write(record, number)
        if case .link = file { return (number, 7) }
        return (number, 1)
    }
}
