/// A JSON value to be written: members keep the order they were given in, so the same value is always the same bytes.
package enum JSON: Hashable, Sendable {
    case null
    case bool(Bool)
    case number(Int64)
    case unsigned(UInt64)
    case text(String)
    case list([JSON])
    case object([Member])

    package struct Member: Hashable, Sendable {
        package var name: String
        package var value: JSON

        package init(_ name: String, _ value: JSON) {
            self.name = name
            self.value = value
        }
    }

    package static func texts(_ list: [String]) -> JSON { .list(list.map { .text($0) }) }

    /// On one line, for streams of one object a line.
    package var line: String {
        var text = ""
        write(to: &text, indent: nil)
        return text
    }

    /// Two spaces a level, for people and golden files; without a newline at the end.
    package var pretty: String {
        var text = ""
        write(to: &text, indent: 0)
        return text
    }

    private func write(to text: inout String, indent: Int?) {
        switch self {
        case .null: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .number(let value): text += String(value)
        case .unsigned(let value): text += String(value)
        case .text(let value): JSON.quote(value, into: &text)
        case .list(let values):
            JSON.enclose("[", "]", values, indent, &text) { value, inner, text in value.write(to: &text, indent: inner) }
        case .object(let members):
            JSON.enclose("{", "}", members, indent, &text) { member, inner, text in
                JSON.quote(member.name, into: &text)
                text += inner == nil ? ":" : ": "
                member.value.write(to: &text, indent: inner)
            }
        }
    }

    private static func enclose<Element>(
        _ open: String, _ close: String, _ elements: [Element], _ indent: Int?, _ text: inout String,
        _ writeOne: (Element, Int?, inout String) -> Void
    ) {
        text += open
        for (index, element) in elements.enumerated() {
            if index > 0 { text += "," }
            if let indent { text += "\n" + String(repeating: "  ", count: indent + 1) }
            writeOne(element, indent.map { $0 + 1 }, &text)
        }
        if let indent, !elements.isEmpty { text += "\n" + String(repeating: "  ", count: indent) }
        text += close
    }

    /// RFC 8259 section 7: quotes, backslashes and control characters escaped, everything else as it is.
    private static func quote(_ value: String, into text: inout String) {
        text += "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            // Control characters, and the two that some readers take for ends of lines.
            case _ where scalar.value < 0x20 || scalar.value == 0x7F || scalar.value == 0x2028 || scalar.value == 0x2029:
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}
