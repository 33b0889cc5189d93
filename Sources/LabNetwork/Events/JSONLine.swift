/// One JSON object on one line, its members in the order given.
package struct JSONLine: Sendable {
    package enum Value: Sendable {
        case text(String)
        case number(UInt64)
        case object([(name: String, value: Value)])
    }

    /// Without the end of the line.
    package private(set) var text: String

    package init(_ event: String, _ members: (String, Value)...) {
        text = ""
        append(.object([("event", .text(event))] + members.map { (name: $0.0, value: $0.1) }))
    }

    private mutating func append(_ value: Value) {
        switch value {
        case .text(let string): append(string)
        case .number(let number): text += String(number)
        case .object(let members):
            text += "{"
            for (index, member) in members.enumerated() {
                if index > 0 { text += "," }
                append(member.name)
                text += ":"
                append(member.value)
            }
            text += "}"
        }
    }

    private mutating func append(_ string: String) {
        text += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            // Control characters, and the two that some readers take for ends of lines.
            case "\u{0}"..<"\u{20}", "\u{7F}", "\u{2028}", "\u{2029}":
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}
