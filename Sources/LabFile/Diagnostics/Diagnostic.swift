package import LabModel

/// One mistake in a lab file or an image recipe.
package struct Diagnostic: Hashable, Sendable {
    package var file: String
    /// From 1.
    package var line: Int
    /// In code points, from 1.
    package var column: Int
    /// In code points; 0 where only the place is known.
    package var length: Int
    /// What is wrong and what to do about it, without a full stop.
    package var message: String
    package var sourceLine: String
}

/// Everything that is wrong with what was read; thrown instead of a lab.
package struct Diagnostics: Error, Hashable, Sendable {
    /// Sorted by place, at most twenty.
    package var list: [Diagnostic]
    /// How many more there are.
    package var omitted: Int

    package init(list: [Diagnostic], omitted: Int = 0) {
        self.list = list
        self.omitted = omitted
    }
}

extension Diagnostics {
    /// For people: `file:line:column: error: message`, the line, a caret under the place; ends with a newline.
    package var text: String {
        var text = ""
        for diagnostic in list { text += diagnostic.text }
        if omitted > 0 { text += "and \(omitted) more\n" }
        return text
    }

    /// The shape of `check --json`; members are only ever added.
    package var json: JSON {
        .object([
            .init("apiVersion", .text("vmlab/v1")), .init("kind", .text("Diagnostics")), .init("diagnostics", .list(list.map(\.json))),
            .init("omitted", .number(Int64(omitted))),
        ])
    }
}

extension Diagnostic {
    package var text: String {
        var text = "\(file):\(line):\(column): error: \(message)\n"
        let excerpt = Excerpt(line: sourceLine, column: column, length: length)
        if !excerpt.line.isEmpty { text += "  \(excerpt.line)\n  \(excerpt.caret)\n" }
        return text
    }

    package var json: JSON {
        .object([
            .init("file", .text(file)), .init("line", .number(Int64(line))), .init("column", .number(Int64(column))),
            .init("length", .number(Int64(length))), .init("severity", .text("error")), .init("message", .text(message)),
            .init("source", .text(Excerpt(line: sourceLine, column: column, length: length).line)),
        ])
    }
}
