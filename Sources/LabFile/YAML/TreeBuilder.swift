/// Text to a tree of marked nodes, within the limits; aliases, merge keys and duplicate keys are dealt with here.
struct TreeBuilder: ~Copyable {
    private var events: EventParser
    private let source: Int
    /// Added to places on the first line, for a text that is a part of another line.
    private let origin: (line: Int, column: Int)
    private var anchors: [String: Anchor] = [:]
    private var spent = Node.Size(nodes: 0)

    private enum Anchor {
        /// It begins here and has not ended: an alias to it would contain itself.
        case open
        case whole(Node)
    }

    /// Reading cannot go on; what is wrong has been found already.
    private struct Stop: Error {}

    /// The root of the one document in a source, or `nil` after adding what is wrong to the findings.
    static func read(source: Int, in findings: inout Findings) -> Node? {
        let text = findings.sources[source]
        if text.bytes.count > Limits.file {
            findings.add(Mark(source: source, line: 1, column: 1), "the file is larger than 1MiB, the most that is read")
            return nil
        }
        // A byte order mark is allowed at the very start, and no editor counts it as a column.
        let bytes = text.bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(text.bytes.dropFirst(3)) : text.bytes
        if let fault = TextFault.find(in: bytes) {
            let place = Source(name: text.name, bytes: bytes).place(ofByte: fault.offset)
            findings.add(Mark(source: source, line: place.line, column: place.column), fault.message)
            return nil
        }
        return read(bytes, source: source, origin: (0, 0), in: &findings)
    }

    /// The root of a document that is a part of a source, from `origin` (counted from 0) on.
    static func read(_ bytes: [UInt8], source: Int, origin: (line: Int, column: Int), in findings: inout Findings) -> Node? {
        do {
            var builder = try TreeBuilder(bytes, source: source, origin: origin)
            return try builder.document(&findings)
        } catch let failure as EventParser.Failure {
            let advice = SyntaxAdvice(failure, in: Source(name: "", bytes: bytes))
            let isFirstLine = advice.position.line == 0
            let mark = Mark(
                source: source, line: advice.position.line + origin.line + 1,
                column: advice.position.column + (isFirstLine ? origin.column : 0) + 1)
            findings.add(mark, advice.message)
            return nil
        } catch {
            return nil
        }
    }

    private init(_ bytes: [UInt8], source: Int, origin: (line: Int, column: Int)) throws {
        events = try EventParser(bytes)
        self.source = source
        self.origin = origin
    }

    private mutating func document(_ findings: inout Findings) throws -> Node? {
        while true {
            let event = try events.next()
            switch event.kind {
            case .documentStart: break
            case .frame: continue
            case .end:
                findings.add(Mark(source: source, line: 1, column: 1), "the file is empty")
                return nil
            default: continue
            }
            let root = try node(try events.next(), depth: 1, &findings)
            _ = try events.next()
            let after = try events.next()
            if case .end = after.kind { return root }
            findings.add(mark(after), "a second document begins here; a file holds one")
            return nil
        }
    }

    private func mark(_ event: EventParser.Event) -> Mark {
        let oneLine = event.end.line == event.start.line && event.end.column > event.start.column
        return Mark(
            source: source, line: event.start.line + origin.line + 1,
            column: event.start.column + (event.start.line == 0 ? origin.column : 0) + 1,
            length: oneLine ? event.end.column - event.start.column : 0)
    }

    // MARK: - One node

    private mutating func node(_ event: EventParser.Event, depth: Int, _ findings: inout Findings) throws -> Node {
        let place = mark(event)
        try spend(Node.Size(), at: place, &findings)
        switch event.kind {
        case .alias(let name): return try alias(name, at: place, depth: depth, &findings)
        case .scalar(let text, let isPlain, let properties):
            check(properties, at: place, &findings)
            if text.utf8.count > Limits.scalar {
                findings.add(place, "this text has \(text.utf8.count) bytes; the most is \(Limits.scalar)")
                throw Stop()
            }
            try spend(Node.Size(nodes: 0, bytes: text.utf8.count), at: place, &findings)
            let node = Node(mark: place, content: .scalar(text, isPlain: isPlain))
            if let anchor = properties.anchor { anchors[anchor] = .whole(node) }
            return node
        case .listStart(let properties): return try list(properties, at: place, depth: depth, &findings)
        case .mappingStart(let properties): return try mapping(properties, at: place, depth: depth, &findings)
        default:
            findings.add(place, "this is not YAML")
            throw Stop()
        }
    }

    private mutating func list(
        _ properties: EventParser.Properties, at place: Mark, depth: Int, _ findings: inout Findings
    ) throws -> Node {
        try begin(properties, at: place, depth: depth, &findings)
        var nodes: [Node] = []
        while true {
            let event = try events.next()
            if case .listEnd = event.kind { break }
            nodes.append(try node(event, depth: depth + 1, &findings))
        }
        return end(Node(mark: startOnly(place), content: .list(nodes)), properties)
    }

    private mutating func mapping(
        _ properties: EventParser.Properties, at place: Mark, depth: Int, _ findings: inout Findings
    ) throws -> Node {
        try begin(properties, at: place, depth: depth, &findings)
        var entries: [Node.Entry] = []
        var merged: [Node] = []
        var lines: [String: Int] = [:]
        while true {
            let event = try events.next()
            if case .mappingEnd = event.kind { break }
            let key = try node(event, depth: depth + 1, &findings)
            let value = try node(try events.next(), depth: depth + 1, &findings)
            guard case .scalar(let name, let isPlain) = key.content else {
                findings.add(key.mark, "a key must be text, not \(key.kindName)")
                continue
            }
            if let line = lines[name] {
                findings.add(key.mark, "key \(quoted(name)) is given twice; the first is in line \(line)")
                continue
            }
            lines[name] = key.mark.line
            if name == "<<", isPlain {
                merged += mergeable(value, &findings)
            } else {
                entries.append(Node.Entry(key: name, keyMark: key.mark, value: value))
            }
        }
        return end(Node(mark: startOnly(place), content: .mapping(TreeBuilder.merge(merged, into: entries))), properties)
    }

    private func startOnly(_ place: Mark) -> Mark { Mark(source: place.source, line: place.line, column: place.column) }

    // MARK: - Anchors, aliases, merges

    private mutating func begin(
        _ properties: EventParser.Properties, at place: Mark, depth: Int, _ findings: inout Findings
    ) throws {
        check(properties, at: place, &findings)
        if depth > Limits.depth {
            findings.add(startOnly(place), "nested deeper than \(Limits.depth) levels")
            throw Stop()
        }
        if let anchor = properties.anchor { anchors[anchor] = .open }
    }

    private mutating func end(_ node: Node, _ properties: EventParser.Properties) -> Node {
        if let anchor = properties.anchor { anchors[anchor] = .whole(node) }
        return node
    }

    private mutating func alias(_ name: String, at place: Mark, depth: Int, _ findings: inout Findings) throws -> Node {
        switch anchors[name] {
        case .whole(let node):
            if depth + node.size.height - 1 > Limits.depth {
                findings.add(place, "alias \(quoted(name)) is nested deeper than \(Limits.depth) levels")
                throw Stop()
            }
            try spend(node.size, at: place, &findings)
            return node
        case .open: findings.add(place, "alias \(quoted(name)) stands inside of what it stands for")
        case nil:
            findings.add(place, "there is no anchor \(quoted(name)) before this alias", near: name, among: anchors.keys.sorted())
        }
        throw Stop()
    }

    private func mergeable(_ value: Node, _ findings: inout Findings) -> [Node] {
        switch value.content {
        case .mapping: return [value]
        case .list(let nodes):
            return nodes.filter { node in
                if case .mapping = node.content { return true }
                findings.add(node.mark, "`<<` merges mappings, not \(node.kindName)")
                return false
            }
        case .scalar, .unknown:
            findings.add(value.mark, "`<<` merges mappings, not \(value.kindName)")
            return []
        }
    }

    /// What is written wins over what is merged, and an earlier mapping wins over a later one.
    private static func merge(_ merged: [Node], into entries: [Node.Entry]) -> [Node.Entry] {
        var result = entries
        var taken = Set(entries.map(\.key))
        for node in merged {
            guard case .mapping(let others) = node.content else { continue }
            for entry in others where taken.insert(entry.key).inserted { result.append(entry) }
        }
        return result
    }

    private func check(_ properties: EventParser.Properties, at place: Mark, _ findings: inout Findings) {
        if let tag = properties.tag {
            findings.add(place, "tags such as \(quoted(tag)) have no meaning here: the type of a value follows from its key")
        }
    }

    private mutating func spend(_ size: Node.Size, at place: Mark, _ findings: inout Findings) throws {
        spent.nodes += size.nodes
        spent.bytes += size.bytes
        if spent.nodes > Limits.nodes {
            findings.add(place, "more than \(Limits.nodes) values, aliases expanded")
            throw Stop()
        }
        if spent.bytes > Limits.expanded {
            findings.add(place, "more than \(Limits.expanded) bytes of text, aliases expanded")
            throw Stop()
        }
    }
}
