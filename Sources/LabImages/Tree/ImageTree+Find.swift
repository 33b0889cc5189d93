/// A regular file that a pattern found.
package struct FoundFile: Hashable, Sendable {
    /// As it matched, from the root, with `/` between components and none in front: `boot/vmlinuz-6.1.0-37-amd64`.
    package var path: [UInt8]
    /// Its inode, behind all symbolic links.
    package var inode: InodeID
    package var size: UInt64
}

/// Finding files by pattern, and going through directories.
extension ImageTree {
    /// All regular files whose path matches, ordered by path bytes. `*` stands for any run of bytes within one component;
    /// symbolic links, at the end too, are followed inside the image. At most `TreeLimits.matches` are found.
    package func files(matching pattern: [UInt8]) -> [FoundFile] {
        var reached: [(path: [UInt8], inode: InodeID)] = [([], .root)]
        for component in pattern.split(separator: UInt8(ascii: "/")) {
            var next: [(path: [UInt8], inode: InodeID)] = []
            for (path, inode) in reached {
                for name in names(of: inode, matching: component) {
                    guard next.count < TreeLimits.matches else { break }
                    guard let found = (try? lookup(name[...], from: inode)) ?? nil else { continue }
                    next.append((path.isEmpty ? name : path + [UInt8(ascii: "/")] + name, found))
                }
            }
            reached = next
        }
        let files = reached.compactMap { path, inode -> FoundFile? in
            guard case .file(let size, _) = self[inode].kind else { return nil }
            return FoundFile(path: path, inode: inode, size: size)
        }
        return files.sorted { $0.path.lexicographicallyPrecedes($1.path) }
    }

    private func names(of directory: InodeID, matching pattern: ArraySlice<UInt8>) -> [[UInt8]] {
        guard pattern.contains(UInt8(ascii: "*")) else { return [Array(pattern)] }
        var found: [[UInt8]] = []
        forEachName(in: directory) { name, _ in
            let bytes = names.bytes(of: name)
            if Self.matches(bytes, pattern) { found.append(Array(bytes)) }
        }
        return found
    }

    /// Calls `body` with each name of a directory and its inode, in no order that a reader may rely on.
    package func forEachName(in directory: InodeID, _ body: (NameID, InodeID) -> Void) {
        guard case .directory(let node) = self[directory].kind else { return }
        var next = node.first
        while let name = next {
            body(name, settled(names.inode(of: name)))
            next = names.next(after: name)
        }
    }

    /// The path of a directory, for messages.
    package func path(of directory: InodeID) -> [UInt8] {
        var components: [[UInt8]] = []
        var here = directory
        while here != .root, case .directory(let node) = self[here].kind {
            var found: [UInt8] = []
            forEachName(in: node.parent) { name, inode in if inode == here { found = Array(names.bytes(of: name)) } }
            components.append(found)
            here = node.parent
        }
        return Array(components.reversed().joined(separator: [UInt8(ascii: "/")]))
    }

    package func bytes(of name: NameID) -> ArraySlice<UInt8> { names.bytes(of: name) }

    /// Whether `*` in the pattern can stand for what else is in the name. Goes back to the last `*` only, so it costs at most
    /// one length times the other.
    static func matches(_ name: ArraySlice<UInt8>, _ pattern: ArraySlice<UInt8>) -> Bool {
        var at = name.startIndex
        var want = pattern.startIndex
        var retry: (at: Int, want: Int)?
        while at < name.endIndex {
            if want < pattern.endIndex, pattern[want] == UInt8(ascii: "*") {
                want += 1
                retry = (at, want)
            } else if want < pattern.endIndex, pattern[want] == name[at] {
                at += 1
                want += 1
            } else if let last = retry {
                at = last.at + 1
                want = last.want
                retry = (at, want)
            } else {
                return false
            }
        }
        return pattern[want...].allSatisfy { $0 == UInt8(ascii: "*") }
    }
}
