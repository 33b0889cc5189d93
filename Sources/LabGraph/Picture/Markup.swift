/// An XML document under construction: elements and text, everything from outside escaped on its way in.
struct Markup {
    private(set) var text = ""
    private var depth = 0

    typealias Attributes = KeyValuePairs<String, Value>

    /// An attribute: words, or pixels to a tenth.
    enum Value: ExpressibleByStringLiteral, ExpressibleByStringInterpolation, ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral {
        case words(String)
        case pixels(Double)

        init(stringLiteral value: String) { self = .words(value) }
        init(floatLiteral value: Double) { self = .pixels(value) }
        init(integerLiteral value: Int) { self = .pixels(Double(value)) }

        var text: String {
            switch self {
            case .words(let words): Markup.escaped(words)
            case .pixels(let value): Markup.number(value)
            }
        }
    }

    mutating func element(_ name: String, _ attributes: Attributes = [:]) { line("<\(name)\(Self.list(attributes))/>") }

    mutating func element(_ name: String, _ attributes: Attributes = [:], _ body: (inout Markup) -> Void) {
        line("<\(name)\(Self.list(attributes))>")
        depth += 1
        body(&self)
        depth -= 1
        line("</\(name)>")
    }

    /// An element that holds nothing but words.
    mutating func words(_ name: String, _ attributes: Attributes = [:], _ words: String) {
        line("<\(name)\(Self.list(attributes))>\(Self.escaped(words))</\(name)>")
    }

    /// Words at a place; those that had to be cut say all of themselves when pointed at.
    mutating func label(_ words: String, _ font: Lettering, x: Double, y: Double, width: Double, _ style: String) {
        let shown = font.fitted(words, into: width)
        let title = shown == words ? "" : "<title>\(Self.escaped(words))</title>"
        line("<text class=\"\(style)\" x=\"\(Self.number(x))\" y=\"\(Self.number(y))\">\(title)\(Self.escaped(shown))</text>")
    }

    /// As it is, for a style sheet of our own.
    mutating func raw(_ text: String) { for part in text.split(separator: "\n") { line(String(part)) } }

    private mutating func line(_ content: String) { text += String(repeating: " ", count: depth) + content + "\n" }

    private static func list(_ attributes: Attributes) -> String { attributes.map { " \($0.key)=\"\($0.value.text)\"" }.joined() }

    /// Tenths of a pixel, without a superfluous zero.
    static func number(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        let sign = tenths < 0 ? "-" : ""
        let (whole, rest) = tenths.magnitude.quotientAndRemainder(dividingBy: 10)
        return sign + String(whole) + (rest == 0 ? "" : ".\(rest)")
    }

    /// XML 1.0 has no way to write most control characters: they become the replacement character.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            case "\u{FFFE}", "\u{FFFF}": result += "\u{FFFD}"
            case _ where scalar.properties.generalCategory == .control: result += "\u{FFFD}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
