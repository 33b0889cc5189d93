import LabModel

/// The keys of one kind of mapping: the decoder and the JSON Schema are both made from it.
///
/// A draft holds what was written, each value with its place, nothing filled in.
struct Table<Draft: Sendable>: Sendable {
    let doc: String
    let fields: [Field<Draft>]
    /// Keys of the language that this version does not know yet: said so, instead of a guess at what was meant.
    let later: [String]

    init(_ doc: String, later: [String] = [], _ fields: [Field<Draft>]) {
        self.doc = doc
        self.later = later
        self.fields = fields
    }

    func read(_ node: Node, _ place: Place, into draft: Draft, _ findings: inout Findings) -> Draft? {
        guard case .mapping(let entries) = node.content else {
            findings.add(node.mark, "\(place.name) wants a mapping of keys to values, not \(node.kindName)")
            return nil
        }
        var draft = draft
        for entry in entries {
            if let field = fields.first(where: { $0.name == entry.key }) {
                field.read(entry.value, Place(name: "`\(field.name)`", mark: entry.keyMark), &draft, &findings)
            } else if later.contains(entry.key) {
                findings.add(entry.keyMark, "\(quoted(entry.key)) is not supported by this version of vmlab")
            } else {
                unknown(entry, &findings)
            }
        }
        for field in fields where field.isRequired && !entries.contains(where: { $0.key == field.name }) {
            findings.add(place.mark, "\(place.name) has no \(quoted(field.name))")
        }
        return draft
    }

    private func unknown(_ entry: Node.Entry, _ findings: inout Findings) {
        let names = fields.map(\.name)
        if Suggestion.nearest(to: entry.key, among: names) != nil {
            findings.add(entry.keyMark, "unknown key \(quoted(entry.key))", near: entry.key, among: names)
        } else {
            findings.add(entry.keyMark, "unknown key \(quoted(entry.key)); known here: \(names.joined(separator: ", "))")
        }
    }

    var schema: Schema {
        var members: [JSON.Member] = [.init("type", .text("object")), .init("additionalProperties", .bool(false))]
        let required = fields.filter(\.isRequired).map(\.name)
        if !required.isEmpty { members.append(.init("required", .texts(required))) }
        members.append(.init("properties", .object(fields.map { JSON.Member($0.name, $0.schema.json(description: $0.doc)) })))
        return Schema(members)
    }

    /// As a value of a key or a list.
    func shape(_ empty: @escaping @Sendable () -> Draft) -> Shape<Draft> {
        Shape(schema) { node, place, findings in read(node, place, into: empty(), &findings) }
    }
}

/// One key: its name, its type, what it means, and where its value goes.
struct Field<Draft: Sendable>: Sendable {
    let name: String
    let doc: String
    let isRequired: Bool
    let schema: Schema
    let read: @Sendable (Node, Place, inout Draft, inout Findings) -> Void

    init<Value: Sendable>(
        _ name: String, _ shape: Shape<Value>, required: Bool = false, into target: any WritableKeyPath<Draft, Written<Value>> & Sendable,
        _ doc: String
    ) {
        self.name = name
        self.doc = doc
        isRequired = required
        schema = shape.schema
        read = { node, place, draft, findings in
            draft[keyPath: target] = shape.read(node, place, &findings).map { .value($0, node.mark) } ?? .wrong(node.mark)
        }
    }
}
