import LabModel

/// A value read from a file, with its place.
struct Marked<Value: Sendable>: Sendable {
    var value: Value
    var mark: Mark

    init(_ value: Value, _ mark: Mark) {
        self.value = value
        self.mark = mark
    }
}

/// What a key of a file says: nothing, something wrong (which has been found already), or a value.
enum Written<Value: Sendable>: Sendable {
    case absent
    case wrong(Mark)
    case value(Value, Mark)

    var value: Value? {
        if case .value(let value, _) = self { value } else { nil }
    }

    var mark: Mark? {
        switch self {
        case .absent: nil
        case .wrong(let mark), .value(_, let mark): mark
        }
    }

    var isAbsent: Bool {
        if case .absent = self { true } else { false }
    }

    /// This, or the other one if nothing is written here.
    func or(_ other: Written) -> Written { isAbsent ? other : self }
}

/// What may stand somewhere: how it is read, and what the JSON Schema says of it. One value for both, so they never differ.
struct Shape<Value: Sendable>: Sendable {
    let schema: Schema
    /// `nil` after adding what is wrong to the findings.
    let read: @Sendable (Node, Place, inout Findings) -> Value?

    init(_ schema: Schema, read: @escaping @Sendable (Node, Place, inout Findings) -> Value?) {
        self.schema = schema
        self.read = { node, place, findings in
            if case .unknown = node.content { return nil }
            return read(node, place, &findings)
        }
    }

    /// The same values, narrowed or turned into something else.
    func map<Other: Sendable>(_ transform: @escaping @Sendable (Value) -> Other) -> Shape<Other> {
        Shape<Other>(schema) { node, place, findings in read(node, place, &findings).map(transform) }
    }
}

/// What a value is called in messages: `cpus`, `machine web`.
struct Place: Sendable {
    var name: String
    /// Where to point when something is missing from the value: its key, or its beginning.
    var mark: Mark
}

/// A piece of JSON Schema, draft 7.
struct Schema: Sendable {
    var members: [JSON.Member]

    init(_ members: [JSON.Member]) { self.members = members }

    static func scalar(_ type: String, _ members: [JSON.Member] = []) -> Schema { Schema([JSON.Member("type", .text(type))] + members) }

    /// As the value of a key, its description first.
    func json(description: String) -> JSON { .object([JSON.Member("description", .text(description))] + members) }

    var json: JSON { .object(members) }
}
