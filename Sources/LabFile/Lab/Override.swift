/// `--set machines.web.cpus=2`: one value put into the tree before it is decoded, whatever the file says.
///
/// A part of the path is a key, or the number of a list's entry from 0. What is in the way is made if it is missing, but a
/// machine or a network is not: a mistyped name would make another one. The value is text as it stands, or YAML where it begins with a
/// bracket, a brace or a quote.
enum Override {
    /// - Parameter sets: the arguments; each is a line of the source that their marks point into.
    static func apply(_ sets: [String], to root: Node, _ findings: inout Findings) -> Node {
        guard !sets.isEmpty else { return root }
        let source = findings.add(Source(name: "--set", bytes: Array(sets.map(flattened).joined(separator: "\n").utf8)))
        var root = root
        for (index, set) in sets.enumerated() {
            let set = flattened(set)
            let line = Mark(source: source, line: index + 1, column: 1, length: set.unicodeScalars.count)
            guard let equals = set.firstIndex(of: "=") else {
                findings.add(line, "`--set` wants a path and a value such as `machines.web.cpus=2`")
                continue
            }
            let path = set[..<equals].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            guard !path.contains("") else {
                findings.add(line, "a part of this path is empty")
                continue
            }
            let column = set[..<equals].unicodeScalars.count + 2
            guard
                let value = value(
                    String(set[set.index(after: equals)...]), at: Mark(source: source, line: index + 1, column: column), &findings)
            else { continue }
            put(value, at: path[...], in: &root, walked: [], line, &findings)
        }
        return root
    }

    /// A line break in an argument would shift the lines that marks count.
    private static func flattened(_ set: String) -> String {
        String(String.UnicodeScalarView(set.unicodeScalars.map { $0 == "\n" || $0 == "\r" ? " " : $0 }))
    }

    private static func value(_ text: String, at mark: Mark, _ findings: inout Findings) -> Node? {
        guard let first = text.unicodeScalars.first, "[{\"'".unicodeScalars.contains(first) else {
            guard text.utf8.count <= Limits.scalar else {
                findings.add(mark, "this text has \(text.utf8.count) bytes; the most is \(Limits.scalar)")
                return nil
            }
            var mark = mark
            mark.length = text.unicodeScalars.count
            return Node(mark: mark, content: .scalar(text, isPlain: true))
        }
        let bytes = Array(text.utf8)
        guard bytes.count <= Limits.file else {
            findings.add(mark, "this value is larger than 1MiB")
            return nil
        }
        if let fault = TextFault.find(in: bytes) {
            findings.add(mark, fault.message)
            return nil
        }
        return TreeBuilder.read(bytes, source: mark.source, origin: (mark.line - 1, mark.column - 1), in: &findings)
    }

    private static func put(
        _ value: Node, at path: ArraySlice<String>, in node: inout Node, walked: [String], _ line: Mark, _ findings: inout Findings
    ) {
        guard let part = path.first else {
            node = value
            return
        }
        if walked.count >= Limits.depth {
            findings.add(line, "this path has more than \(Limits.depth) parts")
            return
        }
        let here = walked.isEmpty ? "the lab file" : walked.joined(separator: ".")
        switch node.content {
        case .mapping(var entries):
            let index = entries.firstIndex { $0.key == part }
            if index == nil, walked == ["machines"] || walked == ["networks"], path.count > 1 {
                let kind = walked == ["machines"] ? "machine" : "network"
                findings.add(line, "there is no \(kind) \(quoted(part)) to set this of", near: part, among: entries.map(\.key))
                return
            }
            let empty = Node(mark: line, content: .mapping([]))
            var entry = index.map { entries[$0] } ?? Node.Entry(key: part, keyMark: line, value: empty)
            if path.count > 1, case .scalar("", isPlain: true) = entry.value.content { entry.value = empty }
            put(value, at: path.dropFirst(), in: &entry.value, walked: walked + [part], line, &findings)
            if let index { entries[index] = entry } else { entries.append(entry) }
            node = Node(mark: node.mark, content: .mapping(entries))
        case .list(var nodes):
            guard let index = Int(part), nodes.indices.contains(index) else {
                findings.add(
                    line, "\(quoted(here)) is a list of \(nodes.count); \(quoted(part)) is not the number of an entry, counted from 0")
                return
            }
            put(value, at: path.dropFirst(), in: &nodes[index], walked: walked + [part], line, &findings)
            node = Node(mark: node.mark, content: .list(nodes))
        case .unknown: break
        case .scalar:
            findings.add(line, "\(quoted(here)) is \(node.kindName), which has no \(quoted(part)) in it")
        }
    }
}
