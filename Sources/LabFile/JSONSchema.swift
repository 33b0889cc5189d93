package import LabModel

/// JSON Schemas, draft 7 (the newest that yaml-language-server knows well), of what vmlab reads.
package enum JSONSchema: String, CaseIterable, Sendable {
    case lab
    case image

    package var json: JSON {
        switch self {
        case .lab: JSONSchema.document("vmlab lab file", Table<LabDraft>.lab.doc, JSONSchema.withVariables(Table<LabDraft>.lab.schema.json))
        case .image: JSONSchema.document("vmlab image recipe", Table<ImageDraft>.image.doc, Table<ImageDraft>.image.schema.json)
        }
    }

    private static func document(_ title: String, _ doc: String, _ schema: JSON) -> JSON {
        guard case .object(let members) = schema else { return schema }
        let head: [JSON.Member] = [
            .init("$schema", .text("http://json-schema.org/draft-07/schema#")), .init("title", .text(title)),
            .init("description", .text(doc)),
        ]
        return .object(head + members)
    }

    /// Allows `${NAME}` wherever one value stands that is not any text: what it is, is known only once the variable is.
    private static func withVariables(_ schema: JSON) -> JSON {
        switch schema {
        case .list(let values): return .list(values.map(withVariables))
        case .object(let members):
            let names = Set(members.map(\.name))
            let isBare = members.contains { $0 == .init("type", .text("integer")) || $0 == .init("type", .text("boolean")) }
            guard isBare || names.contains("enum") || names.contains("pattern") && names.contains("type") else {
                return .object(members.map { $0.name == "propertyNames" ? $0 : JSON.Member($0.name, withVariables($0.value)) })
            }
            let description = members.filter { $0.name == "description" }
            let variable = JSON.object([.init("type", .text("string")), .init("pattern", .text(#"\$\{[A-Za-z_]"#))])
            return .object(description + [.init("anyOf", .list([.object(members.filter { $0.name != "description" }), variable]))])
        default: return schema
        }
    }
}
