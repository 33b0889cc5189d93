import LabModel

// Lists, mappings and choices. A shape that holds others points each mistake at the part that is wrong.

extension Shape {
    /// A list of at most so many; what is wrong with one element does not hide what is wrong with the next.
    static func list<Element: Sendable>(of shape: Shape<Element>, atMost limit: Int) -> Shape<[Marked<Element>]>
    where Value == [Marked<Element>] {
        let schema = Schema([
            .init("type", .text("array")), .init("maxItems", .number(Int64(limit))), .init("items", shape.schema.json),
        ])
        return Shape(schema) { node, place, findings in
            guard case .list(let nodes) = node.content else {
                findings.add(node.mark, "\(place.name) wants a list such as `[a, b]`, not \(node.kindName)")
                return nil
            }
            if nodes.count > limit {
                findings.add(nodes[limit].mark, "\(place.name) has \(nodes.count) entries; the most is \(limit)")
                return nil
            }
            return nodes.compactMap { element in
                shape.read(element, Place(name: "an entry of \(place.name)", mark: element.mark), &findings).map {
                    Marked($0, element.mark)
                }
            }
        }
    }

    /// Names to values, in the order of the file.
    static func named<Element: Sendable>(
        _ kind: String, names: NameRule, _ shape: Shape<Element>
    ) -> Shape<[Named<Element>]> where Value == [Named<Element>] {
        // Nothing but a name and a colon is a value in which all is left to the defaults.
        let orNothing = JSON.Member("type", .texts(["object", "null"]))
        let element = shape.schema.members.map { $0 == JSON.Member("type", .text("object")) ? orNothing : $0 }
        let schema = Schema([
            .init("type", .text("object")), .init("minProperties", .number(1)),
            .init("propertyNames", .object([.init("pattern", .text(names.pattern))])),
            .init("additionalProperties", .object(element)),
        ])
        return Shape(schema) { node, place, findings in
            guard case .mapping(let entries) = node.content else {
                findings.add(node.mark, "\(place.name) wants a mapping of names to \(kind)s, not \(node.kindName)")
                return nil
            }
            if entries.isEmpty { findings.add(node.mark, "\(place.name) names no \(kind)") }
            return entries.compactMap { entry in
                names.check(entry.key, entry.keyMark, &findings)
                let place = Place(name: "\(kind) \(quoted(entry.key))", mark: entry.keyMark)
                var value = entry.value
                if case .scalar("", isPlain: true) = value.content { value.content = .mapping([]) }
                return shape.read(value, place, &findings).map { Named(name: entry.key, mark: entry.keyMark, value: $0) }
            }
        }
    }

    /// One of the words of an enumeration.
    static func choice(later: [String] = []) -> Shape where Value: CaseIterable & RawRepresentable<String> {
        let words = Value.allCases.map(\.rawValue)
        return Shape(Schema([.init("enum", .texts(words))])) { node, place, findings in
            let list = words.map { quoted($0) }.joined(separator: ", ")
            guard case .scalar(let word, _) = node.content, !word.isEmpty else {
                findings.add(node.mark, "\(place.name) wants one of \(list), not \(node.kindName)")
                return nil
            }
            if let value = Value(rawValue: word) { return value }
            if later.contains(word) {
                findings.add(node.mark, "\(quoted(word)) is not supported by this version of vmlab; \(place.name) can be \(list)")
            } else if Suggestion.nearest(to: word, among: words) != nil {
                findings.add(node.mark, "\(place.name) cannot be \(quoted(word))", near: word, among: words)
            } else {
                findings.add(node.mark, "\(place.name) wants one of \(list), not \(node.kindName)")
            }
            return nil
        }
    }
}

/// A value of a mapping of names.
struct Named<Value: Sendable>: Sendable {
    var name: String
    var mark: Mark
    var value: Value
}

/// What a name may look like.
struct NameRule: Sendable {
    /// What has the name: `a machine`.
    let kind: String
    let longest: Int
    /// Of characters a to z, 0 to 9 and these.
    let punctuation: String
    let startsWithLetter: Bool

    /// Also a host name: RFC 1123 section 2.1, in lower case.
    static let machine = NameRule(kind: "machine", longest: 63, punctuation: "-", startsWithLetter: false)
    /// Also a part of file names, and of the names of machines' cards.
    static let network = NameRule(kind: "network", longest: 40, punctuation: "-", startsWithLetter: false)
    /// Also a folder, and a label of a DNS name.
    static let lab = NameRule(kind: "lab", longest: 40, punctuation: "-", startsWithLetter: true)
    /// Also a folder.
    static let image = NameRule(kind: "image", longest: 63, punctuation: "-._", startsWithLetter: false)

    var pattern: String {
        let first = startsWithLetter ? "a-z" : "a-z0-9"
        let escaped = punctuation.contains("-") ? punctuation.filter { $0 != "-" } + "-" : punctuation
        return "^[\(first)]([a-z0-9\(escaped)]{0,\(longest - 2)}[a-z0-9])?$"
    }

    /// What is wrong with a name, or `nil`.
    func fault(of name: String) -> String? {
        let scalars = Array(name.unicodeScalars)
        func isLetter(_ scalar: Unicode.Scalar) -> Bool { scalar >= "a" && scalar <= "z" }
        func isDigit(_ scalar: Unicode.Scalar) -> Bool { scalar >= "0" && scalar <= "9" }
        guard let first = scalars.first, let last = scalars.last else { return "a \(kind) name cannot be empty" }
        if scalars.count > longest { return "\(kind) name \(quoted(name)) has \(scalars.count) characters; the most is \(longest)" }
        for scalar in scalars where !isLetter(scalar) && !isDigit(scalar) && !punctuation.unicodeScalars.contains(scalar) {
            if scalar >= "A", scalar <= "Z" {
                return "\(kind) name \(quoted(name)) has capital letters; write \(quoted(name.lowercased()))"
            }
            let allowed = punctuation.map { quoted(String($0)) }.joined(separator: " ")
            return "\(kind) name \(quoted(name)) has \(quoted(scalar)) in it; letters a to z, digits and \(allowed) are allowed"
        }
        if startsWithLetter, !isLetter(first) { return "\(kind) name \(quoted(name)) does not begin with a letter" }
        if !isLetter(first) && !isDigit(first) { return "\(kind) name \(quoted(name)) does not begin with a letter or digit" }
        if !isLetter(last) && !isDigit(last) { return "\(kind) name \(quoted(name)) does not end with a letter or digit" }
        return nil
    }

    func check(_ name: String, _ mark: Mark, _ findings: inout Findings) {
        if let fault = fault(of: name) { findings.add(mark, fault) }
    }
}
