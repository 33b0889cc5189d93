/// A value of a YAML document, with its place; aliases and merges are already put in.
struct Node: Sendable {
    var mark: Mark
    var content: Content
    /// What it costs, itself included.
    var size: Size

    enum Content: Sendable {
        /// - Parameter isPlain: written without quotes, and not as a block.
        case scalar(String, isPlain: Bool)
        case list([Node])
        case mapping([Entry])
        /// Its variable is not set, which has been found already.
        case unknown
    }

    struct Entry: Sendable {
        var key: String
        var keyMark: Mark
        var value: Node
    }

    struct Size: Sendable {
        var nodes = 1
        var bytes = 0
        /// Levels of lists and mappings in it.
        var height = 0

        mutating func add(_ child: Size) {
            nodes += child.nodes
            bytes += child.bytes
            height = max(height, child.height + 1)
        }
    }

    init(mark: Mark, content: Content) {
        self.mark = mark
        self.content = content
        size = Size()
        switch content {
        case .unknown: break
        case .scalar(let text, _): size.bytes = text.utf8.count
        case .list(let nodes):
            size.height = 1
            for node in nodes { size.add(node.size) }
        case .mapping(let entries):
            size.height = 1
            for entry in entries { size.add(entry.value.size) }
        }
    }

    /// `nothing`, `text`, `a list`, `a mapping`: how a message calls what stands there.
    var kindName: String {
        switch content {
        case .scalar("", isPlain: true): "nothing"
        case .scalar(let text, isPlain: true): quoted(text)
        case .scalar(let text, isPlain: false): "the quoted text " + quoted(text)
        case .list: "a list"
        case .mapping: "a mapping"
        case .unknown: "a variable that is not set"
        }
    }
}
